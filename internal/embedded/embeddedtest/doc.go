// Package embeddedtest gives tests the real stores: one ClickHouse server a test binary, a fresh
// database a test, and a Kafka-protocol broker in memory, or as a process that can be killed.
//
// A package whose tests use ClickHouse or kill a broker has this one line of TestMain, because the
// server is the test binary itself, started again:
//
//	func TestMain(m *testing.M) { embeddedtest.Main(m) }
//
// A store that cannot start fails the test with the reason. It never skips: a test that did not
// run would look like one that passed.
package embeddedtest
