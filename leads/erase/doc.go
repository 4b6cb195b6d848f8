// Package erase takes one person out of every store, and proves it.
//
// Reads     lead_state, identities and events, for the person's ids; every table, topic and file, when asked to search
// Writes    mutations of every table that has the person; one Erase a lead to leadstream.routed.v1; rows of `erasures`
// Promises  a request that was accepted is on disk and is finished, whatever is killed meanwhile; a row of `erasures` names nobody
// Refuses   a lead that nobody knows
//
// # Non-obvious
//
// A table cannot be cleaned once and be clean: records of the person are still in topics, and on their way. So the owner of
// the lead is told to forget it (schemas/score.proto, Erase) and from then on ignores what was received before; the sink reads
// the digests of `erasures` and writes no row of such records; and the tables are cleaned a second time when both have passed
// everything that was there when it was asked (settle.go).
//
// Topics cannot be cleaned at all. Their retention, and the compaction of leads, is when the last copy goes; the evidence says
// when that is (topics.go).
package erase
