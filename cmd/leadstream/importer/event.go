package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// program is a compiled expression.
type program struct{ *vm.Program }

func (p *program) value(row map[string]any) (any, error) {
	value, err := expr.Run(p.Program, map[string]any{"row": row})
	if err != nil {
		return nil, errors.New(oneLine(err))
	}
	return value, nil
}

// mapper makes events of rows.
type mapper struct {
	m     Map
	zone  *time.Location
	exprs map[string]*program
	skip  *program
	now   time.Time
}

func newMapper(m Map, now time.Time) (*mapper, error) {
	out := &mapper{m: m, exprs: map[string]*program{}, now: now}
	var err error
	if out.zone, err = time.LoadLocation(m.Time.Zone); err != nil {
		return nil, err
	}
	for name, text := range m.Expressions {
		if out.exprs[name], err = compile(text); err != nil {
			return nil, err
		}
	}
	if m.Skip != "" {
		out.skip, err = compile(m.Skip)
	}
	return out, err
}

// event is a row in the native form; nil without an error is a row to be passed over.
func (x *mapper) event(row map[string]any) ([]byte, error) {
	if x.skip != nil {
		skip, err := x.skip.value(row)
		if err != nil {
			return nil, fmt.Errorf("skip: %w", err)
		}
		if skip == true {
			return nil, nil
		}
	}
	at, err := x.instant(row[x.m.Time.Column])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.m.Time.Column, err)
	}
	if at.After(x.now) {
		return nil, fmt.Errorf("%s: %s lies in the future: history is past", x.m.Time.Column, at.UTC().Format(time.RFC3339))
	}
	event := map[string]any{"timestamp": at.UnixMilli(), "received_at": at.UnixMilli()}
	for field, text := range x.m.Constants {
		put(event, field, text)
	}
	for field, column := range x.m.Columns {
		value, ok := row[column]
		if !ok {
			return nil, fmt.Errorf("%s: the row has no column %q", field, column)
		}
		put(event, field, value)
	}
	for field, p := range x.exprs {
		value, err := p.value(row)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		put(event, field, value)
	}
	if id, ok := event["event_id"]; !ok || id == "" {
		event["event_id"] = rowID(x.m.Site, event)
	}
	return json.Marshal(event)
}

// put places a value; what is empty is absent, as a column of a CSV file cannot be.
func put(event map[string]any, field string, value any) {
	if value == nil || value == "" {
		return
	}
	group, name, nested := strings.Cut(field, ".")
	if !nested {
		switch field {
		case "engaged_ms", "scroll_pct":
		default:
			value = text(value)
		}
		event[field] = value
		return
	}
	inner, ok := event[group].(map[string]any)
	if !ok {
		inner = map[string]any{}
		event[group] = inner
	}
	inner[name] = value
}

// text writes numbers as people do: an id of 12345 is not 1.2345e+04.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// rowID is made of all that the event says: the same row is the same event, wherever it stands in whichever export. Two rows that say
// the same are one event; a map with an event_id tells them apart.
func rowID(site string, event map[string]any) string {
	h := sha256.New()
	h.Write([]byte(site))
	for _, name := range slices.Sorted(maps.Keys(event)) {
		value, _ := json.Marshal(event[name]) // texts, numbers and maps of them
		fmt.Fprintf(h, "\x00%s\x00%s", name, value)
	}
	return "import-" + hex.EncodeToString(h.Sum(nil)[:16])
}

func (x *mapper) instant(value any) (time.Time, error) {
	if at, ok := value.(time.Time); ok {
		return at, nil
	}
	written := strings.TrimSpace(text(value))
	if value == nil || written == "" {
		return time.Time{}, errors.New("no time")
	}
	switch x.m.Time.Format {
	case "unix", "unix_ms":
		n, err := strconv.ParseFloat(written, 64)
		if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
			return time.Time{}, fmt.Errorf("%.40q is no number of %s", written, x.m.Time.Format)
		}
		if x.m.Time.Format == "unix" {
			n *= 1000
		}
		return inRange(time.UnixMilli(int64(n)))
	case "rfc3339":
		at, err := time.Parse(time.RFC3339, written)
		if err != nil {
			return time.Time{}, fmt.Errorf("%.40q is no time like 2025-03-04T10:00:00Z", written)
		}
		return inRange(at)
	}
	at, err := time.ParseInLocation(x.m.Time.Format, written, x.zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is no time like %s", written, x.m.Time.Format)
	}
	return inRange(at)
}

// inRange keeps out what the collectors do not believe: an unset clock, a mistaken unit.
func inRange(at time.Time) (time.Time, error) {
	if at.Year() < 2000 {
		return at, fmt.Errorf("%s is before 2000: is time.format right?", at.UTC().Format(time.RFC3339))
	}
	return at, nil
}
