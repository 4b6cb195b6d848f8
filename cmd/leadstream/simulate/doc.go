// Package simulate plays visitors through the front door, by HTTP, as
// browsers would: a seeded plan of people whose ends are known beforehand.
//
// The same seed and start give the same events with the same ids, so that
// playing a plan twice must change nothing, and every count and every stage
// that comes out the other end can be held against the plan.
package simulate
