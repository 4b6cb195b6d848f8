// Package importer sends history from files through the collectors' front door.
//
// Reads     CSV, NDJSON and Parquet, a map file that says what their columns mean
// Writes    POST /v1/events with the site's secret key, received_at = event time; a state file that a killed run goes on from
// Promises  a row that was counted as accepted is durable, since its 2xx is; the same row is the same event in every run
// Refuses   rows, one by one, with their number: an import never stops at one
package importer
