// Package schemas holds the words of the trade: what an event, a score, a
// ledger row and a stage change are called and look like in topics (protobuf,
// generated code in pb), in ClickHouse (clickhouse/*.sql) and to people
// (Explanation, openapi.yaml).
//
// Everybody may import it; it imports the standard library and the protobuf
// runtime only.
package schemas

//go:generate go run leadstream/schemas/generate

import (
	"embed"
	"io/fs"
)

//go:embed clickhouse/*.sql
var clickhouse embed.FS

// Tables holds ClickHouse's numbered migrations, NNNN_name.sql.
func Tables() fs.FS {
	files, err := fs.Sub(clickhouse, "clickhouse")
	if err != nil {
		panic(err) // the name is right there, in the embed line
	}
	return files
}
