// Package scoring turns events into scores: one worker per partition keeps its
// leads in memory, folds each event into its lead with scoring/model, and says
// what changed.
//
//	Reads     events (keyed by visitor) and routed (keyed by known lead)
//	Writes    leads, ledger, stages and deadletter, in one transaction with the offsets it read
//	Promises  an event counts once, in any order, whatever is killed; a lead falls at the solved instant
//	Refuses   what it cannot read, or what makes the model panic -> deadletter, and the line goes on
//
// Partition p of every topic belongs together: a lead's events, state and
// outputs all have the same number, so a worker that is handed p of events
// restores p of leads and needs nothing from its neighbours.
//
// # Non-obvious
//
// The changelog is the truth, the group's offsets are a hint. Every record of
// leads carries a `fence` header: the last offset of each source topic that its
// transaction had folded. After a restore, records at or below the fence are
// skipped (fence.go tells why that is enough, and which broker needs it).
//
// A `rows` header beside it says how many ledger rows, stage rows and dead letters
// the transaction wrote. Where the embedded broker kept leads but not their rows,
// a restore does the transaction again (torn.go).
//
// A restore reads to the high watermark, never to the last stable offset: the
// former owner's last transaction may still be open, and its offsets become
// ours as soon as it commits (KAFKA-10167). Reading committed records only and
// going on until the high watermark waits for exactly that (restore.go).
//
// What is kept of a lead is a row of bytes in an arena (arena.go, and Pack in the
// model), always the committed state; a transaction works on unpacked copies. Leads
// that have faded lie in a file until they return (spill.go). A snapshot is the rows
// of a moment, written beside the line (snapshot_file.go).
//
// Timers use the wall clock only to decide that it is time to look; what they
// write is dated at the instant that the model solved (timers.go).
package scoring
