// Package crawlers knows robots by the user agent that they send.
//
// The patterns are those of npm's crawler-user-agents (MIT: list.LICENSE), which npm/package-lock.json pins. `make generate`
// fetches it and writes list.tsv and testdata/samples.txt. They are committed, so that `go build` on a fresh clone needs no npm;
// nobody edits them, and a test holds them against the lock.
package crawlers

//go:generate go run ./generate
