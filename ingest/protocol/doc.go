// Package protocol reads what trackers send: bytes in, events out, and nothing else. No clock, no network, no configuration:
// a decoder's answer depends on its Request alone, so that every one of them can be fuzzed and shown by golden payloads.
//
// One file is one protocol. A decoder refuses a request as a whole only when it cannot find the events in it; one bad event
// of a batch becomes an Item with a Fault, beside the good ones. What an event means (is its clock right, may its address be
// kept) is decided later, by the pipeline in package ingest.
package protocol
