package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"leadstream/internal/config"
	"leadstream/schemas"
)

// Map says what a file's columns mean.
type Map struct {
	Site   string `yaml:"site"`   // one of ingest.sites, with history: true and a secret key
	Format string `yaml:"format"` // csv, ndjson, parquet; empty = by the file's name
	CSV    CSV    `yaml:"csv"`
	Time   Time   `yaml:"time"`

	Constants   map[string]string `yaml:"constants"`   // field: the same text for every row
	Columns     map[string]string `yaml:"columns"`     // field: the name of its column
	Expressions map[string]string `yaml:"expressions"` // field: an expression over row.NAME; wins over a column
	Skip        string            `yaml:"skip"`        // an expression: rows of which it is true are passed over
}

// CSV is how a CSV file is written.
type CSV struct {
	Delimiter string   `yaml:"delimiter"` // one character, or tab
	Header    bool     `yaml:"header"`    // the first row names the columns
	Names     []string `yaml:"names"`     // the columns' names where no header does
	Encoding  string   `yaml:"encoding"`  // utf-8, windows-1252, gb18030, ...: the names of the WHATWG
	Lenient   bool     `yaml:"lenient"`   // quotes may stand inside of values
}

// Time is how the instant of a row is written.
type Time struct {
	Column string `yaml:"column"`
	Format string `yaml:"format"` // rfc3339, unix, unix_ms, or Go's form: 2006-01-02 15:04:05
	Zone   string `yaml:"zone"`   // of times that name none: UTC, Europe/Berlin
}

// DefaultMap is a comma-separated file with a header.
func DefaultMap() Map {
	return Map{CSV: CSV{Delimiter: ",", Header: true, Encoding: "utf-8"}, Time: Time{Format: "rfc3339", Zone: "UTC"}}
}

// LoadMap reads a map file; its error lists every fault with file and line.
func LoadMap(path string) (*Map, error) {
	m := DefaultMap()
	if _, err := config.Load(&m, config.Options{Prefix: "LEADSTREAM_IMPORT_MAP", File: path}); err != nil {
		return nil, err
	}
	return &m, nil
}

// fields are the members of the native form that a map may fill.
var fields = []string{
	"event_id", "type", "name", "anonymous_id", "user_id", "session_id", "view_id", "url", "title", "referrer", "locale", "screen",
	"group_id", "previous_id", "ip", "user_agent", "engaged_ms", "scroll_pct", "consent",
}

func knownField(name string) bool {
	prefix, rest, nested := strings.Cut(name, ".")
	if nested {
		return rest != "" && (prefix == "properties" || prefix == "traits")
	}
	return slices.Contains(fields, name)
}

// Validate reports every fault.
func (m Map) Validate() error {
	var p config.Problems
	p.Check(m.Site != "", "site", "is needed: one of ingest.sites")
	p.Check(slices.Contains([]string{"", "csv", "ndjson", "parquet"}, m.Format), "format", "must be csv, ndjson or parquet (got %q)", m.Format)
	p.Check(m.Time.Column != "", "time.column", "is needed: the column that says when a row happened")
	_, err := time.LoadLocation(m.Time.Zone)
	p.Check(err == nil, "time.zone", "must be a zone such as UTC or Europe/Berlin (got %q)", m.Time.Zone)
	p.Check(m.Time.Format != "", "time.format", "must be rfc3339, unix, unix_ms or like 2006-01-02 15:04:05")
	p.Check(len([]rune(m.CSV.Delimiter)) == 1 || m.CSV.Delimiter == "tab", "csv.delimiter", "must be one character, or tab (got %q)", m.CSV.Delimiter)
	p.Check(m.CSV.Header || len(m.CSV.Names) > 0 || m.Format != "csv", "csv.names", "is needed where header is false")
	_, err = m.CSV.encoding()
	p.Check(err == nil, "csv.encoding", "must be an encoding such as utf-8, windows-1252 or gb18030 (got %q)", m.CSV.Encoding)
	for _, of := range []struct {
		key    string
		fields map[string]string
	}{{"constants", m.Constants}, {"columns", m.Columns}, {"expressions", m.Expressions}} {
		for _, name := range slices.Sorted(maps.Keys(of.fields)) {
			p.Check(knownField(name), of.key+"."+name, "is no field: must be properties.NAME, traits.NAME or one of %s", strings.Join(fields, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Expressions)) {
		_, err := compile(m.Expressions[name])
		p.Check(err == nil, "expressions."+name, "cannot be compiled: %v", oneLine(err))
	}
	if m.Skip != "" {
		_, err := compile(m.Skip)
		p.Check(err == nil, "skip", "cannot be compiled: %v", oneLine(err))
	}
	p.Check(m.has("type"), "constants", "a type is needed, here, in columns or in expressions: one of %s", strings.Join(schemas.EventTypes, ", "))
	p.Check(m.has("anonymous_id") || m.has("user_id") || m.has("group_id"), "columns", "anonymous_id or user_id is needed: who did it")
	if kind := m.Constants["type"]; kind != "" {
		p.Check(schemas.KnownType(kind), "constants.type", "must be one of %s (got %q)", strings.Join(schemas.EventTypes, ", "), kind)
	}
	return p.Err()
}

func (m Map) has(field string) bool {
	return m.Constants[field] != "" || m.Columns[field] != "" || m.Expressions[field] != ""
}

func (c CSV) encoding() (encoding.Encoding, error) { return htmlindex.Get(c.Encoding) }

func oneLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// compile reads an expression over row. It sees no clock: the same row is the same event in every run.
func compile(text string) (p *program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler gave up: %v", r)
		}
	}()
	options := []expr.Option{expr.Env(map[string]any{"row": map[string]any{}}), expr.MaxNodes(1000)}
	for _, name := range []string{"now", "repeat"} {
		options = append(options, expr.DisableBuiltin(name))
	}
	made, err := expr.Compile(text, options...)
	return &program{made}, err
}
