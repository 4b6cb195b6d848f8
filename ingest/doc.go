// Package ingest turns what trackers send into events.
//
// Reads     HTTP requests: the Segment family, the native form, pixels
// Writes    events, keyed by visitor within a site; what cannot be an event to deadletter
// Promises  a 2xx means that all in-sync replicas of the broker have it, or the disk until they do; one bad event costs no good one
// Refuses   in one word, one counter, one status: see refusal.go
//
// The way of a request: server.go listens (package front takes the small plain ones), http.go finds the route, body.go reads and inflates, a decoder of package protocol finds the events,
// pipeline.go's steps make them whole, delivery.go has them kept, by producer.go's broker or on package spool's disk, and
// waits for that, answer.go says how it went.
package ingest
