// Package sink moves what happened and what was decided into ClickHouse.
//
// Reads     events, leads, ledger, stages: read-committed, as one consumer group
// Writes    the tables of schemas/clickhouse, in columnar batches; the dead-letter topic
// Promises  a batch is in ClickHouse before its offsets move; a repeated batch or row changes no answer
// Refuses   what it cannot read, and what ClickHouse cannot take -> deadletter; the partition goes on
package sink
