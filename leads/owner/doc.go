// Package owner tells the workers that own leads what people decided: an erasure, two ids that are one person, two that are not.
//
// Reads     the number of partitions of the events topic
// Writes    leadstream.routed.v1, each record to the home of the id that it is about
// Promises  what Tell returned without an error is on all in-sync replicas; the owner reads it behind all that it was told before
// Refuses   nothing: what a worker makes of it, scoring/identity says
package owner
