// Package replay plays what leads did again, under any model and up to any instant.
//
// Reads     histories: all events of a lead, from a Source that the roof gives it
// Writes    nothing; it returns leads, differences and examples
// Promises  a replay under the model that runs gives the live state, bit for bit; nobody is told
//
//	of anything that happens in one. The same histories give the same answer on any number of cores
//
// Refuses   nothing: what the collectors took is played
package replay
