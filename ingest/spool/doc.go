// Package spool is the collectors' log on disk: what it has taken survives the broker's absence, a kill and a power cut.
//
// Reads     records that the collectors hand over, and its own folder at a start
// Writes    segment files, fsynced before Append returns; then, by Drain, the broker, in the order of arrival
// Promises  an Append that returned nil is on disk; what Drain's produce has not acknowledged is handed to it again, ever after
// Refuses   what goes beyond size, age or disk: ErrFull, and works again by itself when there is room
//
// The way of a record: append.go puts it into the group that is gathering, commit.go writes the group to a segment and syncs
// it once for all who wait, reader.go finds it again, drain.go hands it to the broker, position.go remembers how far that
// got, tend.go removes segments that nobody needs any more. recover.go makes sense of a folder that a crash left behind.
//
// Non-obvious:
//   - A record may be handed to produce more than once (a crash between its acknowledgement and the position's sync, a retry, a
//     replay). Events are counted by their id, so repeats change nothing; a lost one would.
//   - Nothing that was acknowledged depends on a sync that failed: after one, the kernel may have thrown the pages away and
//     report success the next time. The segment is given up where the last good sync ended, and a new one is begun.
//   - Every segment has a salt in its checksums, so that an event that contains the bytes of a frame is never taken for one.
//   - A stop without Close is unclean. With KeepFor set, what was drained that long before it is drained again: the embedded
//     broker syncs nothing, so a power cut takes from it what the kernel had not yet written.
package spool
