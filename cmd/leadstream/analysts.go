package main

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded"
	"leadstream/schemas"
)

// embeddedAnalysts are the config's analysts for the file in which the embedded server keeps its users.
func embeddedAnalysts(all []clickhouse.Analyst) (list []embedded.Analyst) {
	tables, views, _ := schemas.Relations()
	for _, a := range all {
		a = a.WithDefaults()
		one := embedded.Analyst{
			Name: a.Name, Readable: []string{"*"}, Memory: int64(a.Memory), QuerySeconds: int(a.QueryTime.Seconds()),
			QueriesPerHour: a.QueriesPerHour, SecondsPerHour: int(a.TimePerHour.Seconds()), Concurrent: a.Concurrent,
		}
		if a.Password != "" {
			sum := sha256.Sum256([]byte(a.Password.Reveal()))
			one.PasswordSHA256 = hex.EncodeToString(sum[:])
		}
		if len(a.Sites) > 0 {
			// By name: a table that is of no site, or of somebody else in the same database, has no filter and is not granted.
			one.Readable, one.Filtered = slices.Concat(tables, views), tables
			one.Filter = "site IN ('" + strings.Join(a.Sites, "', '") + "')" // Validate lets no quote through
		}
		list = append(list, one)
	}
	return list
}
