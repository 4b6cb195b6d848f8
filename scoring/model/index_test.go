package model

import (
	"fmt"
	"strings"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// crowded is a model with one rule for pages and so many for all other types, some of which only the machine can run.
func crowded(t *testing.T, others int) *Model {
	var b strings.Builder
	b.WriteString("version: 1\nname: crowded\nstages: [{id: a, up: 0}, {id: b, up: 90}]\nflags:\n")
	b.WriteString("  - {id: f, on: track, when: 'props.a == 1'}\nrules:\n  - {id: page, on: page, when: path startsWith \"/p\", points: 1, limit: {per_day: 3}}\n")
	kinds := []string{"track", "form", "click", "social", "market", "identify"}
	for i := range others {
		fmt.Fprintf(&b, "  - {id: r%d, on: %s, when: 'props.n%d == %d', points: 1}\n", i, kinds[i%len(kinds)], i, i)
	}
	return mustLoad(t, b.String())
}

// TestRulesOfOtherTypesCostNothing: what an event looks at and what it allocates is the same among 10 rules and among 250.
func TestRulesOfOtherTypesCostNothing(t *testing.T) {
	few, many := crowded(t, 9), crowded(t, 249)
	for _, name := range schemas.EventTypes {
		a, b := few.byType[name], many.byType[name]
		switch name {
		case "page":
			if len(a.rules) != 1 || len(b.rules) != 1 || len(b.flags) != 0 || len(b.needs) != 0 {
				t.Fatalf("a page looks at %d rules and %d flags, and reads %v", len(b.rules), len(b.flags), b.needs)
			}
		case "track":
			if len(b.flags) != 1 || len(b.rules) != 42 {
				t.Fatalf("%d rules, %d flags", len(b.rules), len(b.flags))
			}
		}
	}
	cost := func(m *Model) float64 {
		l, i := lead(), 0
		properties := []byte(`{"n1":1,"n2":2}`)
		return testing.AllocsPerRun(500, func() {
			i++
			m.Apply(l, &pb.Event{EventId: fmt.Sprint(i), Type: "page", Path: "/p", Properties: properties, EventTime: monday, ReceivedAt: monday + int64(i)}, nil)
		})
	}
	if a, b := cost(few), cost(many); a != b {
		t.Errorf("a page costs %v allocations among 10 rules, %v among 250", a, b)
	}
}
