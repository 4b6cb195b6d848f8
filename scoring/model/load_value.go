package model

import (
	"math"
	"slices"
	"strings"

	"leadstream/schemas"
)

// words reads the item's names in both languages; each falls back to the other.
func words(o object, en, zh, id string) schemas.StageName {
	n := schemas.StageName{ID: id}
	if v, ok := o.field(en); ok {
		n.EN, _ = v.text()
	}
	if v, ok := o.field(zh); ok {
		n.ZH, _ = v.text()
	}
	n.EN = firstOf(n.EN, n.ZH, id)
	n.ZH = firstOf(n.ZH, n.EN)
	return n
}

// number reads a bounded number, or gives the default when the key is absent.
func number(o object, key string, low, high, absent float64) float64 {
	v, ok := o.field(key)
	if !ok {
		return absent
	}
	n, ok := v.number()
	if ok && (math.IsNaN(n) || n < low || n > high) {
		v.fault("must be %g..%g (got %v)", low, high, n)
	}
	return n
}

// duration reads a bounded duration in milliseconds.
func duration(o object, key string, low, high, absent int64) int64 {
	v, ok := o.field(key)
	if !ok {
		return absent
	}
	text, ok := v.text()
	if !ok {
		return absent
	}
	ms, err := parseDuration(text)
	switch {
	case err != nil:
		v.fault("%v", err)
	case ms < low || ms > high:
		v.fault("must be %s..%s (got %s)", formatDuration(low), formatDuration(high), text)
	}
	return ms
}

// types reads `on`: one event type or a list of them.
func types(o object) []string {
	v, ok := o.field("on")
	if !ok {
		o.fault("on is missing: which event types does it look at? (%s)", strings.Join(schemas.EventTypes, ", "))
		return nil
	}
	items := []value{v}
	if !v.isText() {
		items = v.list()
	}
	var on []string
	for _, item := range items {
		kind, ok := item.text()
		switch {
		case !ok:
		case !schemas.KnownType(kind):
			item.fault("no event is of type %.40q%s", kind, suggest(kind, schemas.EventTypes))
		case slices.Contains(on, kind):
			item.fault("type %q stands here twice", kind)
		default:
			on = append(on, kind)
		}
	}
	return on
}
