// Package embedded runs the two stores on one machine, for when no real cluster is configured:
// a Kafka-protocol broker inside this process, and a real ClickHouse server in a child process.
//
// Reads     a data folder, a cache folder
// Writes    nothing but those two folders
// Promises  what the stores acknowledged is still there after kill -9; no child outlives its parent
// Refuses   a data folder that another process holds, a port that is taken, a library whose hash is not the pinned one
//
// A program that starts ClickHouse must call MaybeChild first thing in main (and in TestMain): the
// server is this same executable, started again.
package embedded
