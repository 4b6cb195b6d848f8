// Package dedup remembers which events were kept, so that a repeat is not kept again.
//
// Reads     the generation files of earlier runs, at Open
// Writes    the same, without fsync: only ids whose events are durable already
// Promises  what Seen affirms was noted; memory stays below Config.Memory; an id stays for Config.Window, unless memory is
// short, which is counted
// Refuses   nothing: damage, a full disk or too little memory let repeats through, which the fold makes harmless
//
// A false "seen" would lose an event, so a Bloom filter is not enough: an ID is 128 bits of SHA-256 under a key that only this
// folder knows, and two events share one with a chance of 2^-77 among a hundred million. A false "not seen" costs a repeated
// record in the topic and nothing else: scores are functions of the set of event ids. So every doubt is resolved towards
// letting the event through, and nothing here ever waits for a disk.
//
// Ids live in 256 small open-addressing tables without pointers; each carries the label of its generation, a 24th of the window.
// When a generation has outlived the window, its label dies and the tables are rebuilt one by one without it.
package dedup
