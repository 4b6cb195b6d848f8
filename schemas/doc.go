// Package schemas holds the words of the trade: what an event, a score, a
// ledger row and a stage change are called and look like in topics (protobuf,
// generated code in pb), in ClickHouse (clickhouse/*.sql) and to people
// (Explanation, openapi.yaml).
//
// Everybody may import it; it imports the standard library and the protobuf
// runtime only.
package schemas

import "embed"

// ClickHouse holds the numbered migrations, clickhouse/NNNN_name.sql.
//
//go:embed clickhouse/*.sql
var ClickHouse embed.FS
