// Package model is the pure heart of scoring: what a lead is worth, why, and
// in which stage of the funnel it stands.
//
// Reads     a model file (Load) and events, one at a time (Apply)
// Writes    ledger rows, stage rows and lead records, as values it returns
// Promises  a score is a function of the set of events: order, repeats and the
//
//	moment of folding change no bit of it; the ledger folds to the same bits
//
// Refuses   a model file with any fault, naming all of them; events and CRM
//
//	moves it cannot use, by one word in Outcome.Refused
//
// # The score
//
// For rule r with points p, half-life h and a limit of k units a UTC day:
// n(r, day) is the number of distinct units counted, v = p * min(n, k), and
//
//	E(r, t) = sum over days of v * 2^(-max(0, t - end(day)) / h)
//
// Groups clamp the sum of their rules' E, the total clamps the sum of groups to
// -100..100. Both clamps happen when the score is read; no clamped value is ever
// stored, so +200 and then -30 under a cap of 100 reads 100, not 70.
//
// Days stay open, as sets of units, until the lateness bound (7 days) and a
// slack of 24 hours have passed; then they are folded, oldest first, into one
// accumulator a rule (decay.go). Reading folds a copy in the same order, which
// is why folding early or late gives the same bits. An event for a day that was
// folded already is ledgered as a straggler and not counted.
//
// No function here reads a clock, logs, or keeps state outside the Lead it is
// given. A Model is immutable and may be used by many goroutines; a Lead by one at
// a time, for reading, too: Score keeps in it what it worked out.
package model
