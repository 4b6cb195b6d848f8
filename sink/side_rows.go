package sink

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Three tables are drawn out of events: what an identify, a crm and a market
// event mean, in columns of their own.

func newIdentityBlock(c *clamps) *block[eventRow] {
	b := newBlock[eventRow]("identities", c)
	b.label("site", func(r *eventRow) string { return r.Site })
	b.text("anonymous_id", func(r *eventRow) string { return r.AnonymousId })
	b.text("user_id", func(r *eventRow) string { return r.UserId })
	b.uuid("lead_id", func(r *eventRow) [16]byte { return r.lead })
	b.text("event_id", func(r *eventRow) string { return r.EventId })
	b.instant("at", func(r *eventRow) int64 { return r.EventTime })
	return b
}

// dealRow is an event of type crm.
type dealRow struct {
	*eventRow
	said facts
}

func newDealBlock(c *clamps) *block[dealRow] {
	b := newBlock[dealRow]("deals", c)
	b.label("site", func(r *dealRow) string { return r.Site })
	b.uuid("lead_id", func(r *dealRow) [16]byte { return r.lead })
	b.text("deal_id", func(r *dealRow) string { return r.said.text("deal_id") })
	b.text("event_id", func(r *dealRow) string { return r.EventId })
	b.instant("at", func(r *dealRow) int64 { return r.EventTime })
	b.label("stage", func(r *dealRow) string { return r.said.text("stage") })
	b.float("amount", func(r *dealRow) float64 { return r.said.number("amount") })
	b.label("currency", func(r *dealRow) string { return r.said.text("currency") })
	b.label("product", func(r *dealRow) string { return r.said.text("product") })
	b.text("reason", func(r *dealRow) string { return r.said.text("reason") })
	return b
}

// signalRow is an event of type market.
type signalRow struct {
	*eventRow
	said facts
}

func newSignalBlock(c *clamps) *block[signalRow] {
	b := newBlock[signalRow]("market_signals", c)
	b.label("site", func(r *signalRow) string { return r.Site })
	b.text("account", func(r *signalRow) string {
		return firstOf(r.GroupId, r.said.text("account"), r.said.text("company"))
	})
	b.text("event_id", func(r *signalRow) string { return r.EventId })
	b.instant("at", func(r *signalRow) int64 { return r.EventTime })
	b.label("kind", func(r *signalRow) string { return firstOf(r.said.text("kind"), r.Name) })
	b.text("title", func(r *signalRow) string { return firstOf(r.Title, r.said.text("title"), r.Name) })
	b.json("properties", func(r *signalRow) []byte { return r.props })
	return b
}

// facts are an event's properties. CRMs write numbers as text and text as
// numbers: both are read as what the column is.
type facts map[string]json.RawMessage

func readFacts(object []byte) facts {
	var said facts
	// The object was checked by jsonObject; what cannot be read is empty.
	_ = json.Unmarshal(object, &said)
	return said
}

func (f facts) text(key string) string {
	raw := f[key]
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		return s
	}
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	return string(raw)
}

func (f facts) number(key string) float64 {
	// Not a number is no amount: 0, as when nothing was said. "Infinity" is none
	// either: one such deal would make every sum infinite.
	n, err := strconv.ParseFloat(strings.TrimSpace(f.text(key)), 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0
	}
	return n
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
