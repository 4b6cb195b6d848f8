package model

import (
	"fmt"
	"strings"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// visit is n events of one lead's browsing, a minute apart.
func visit(n int) []*pb.Event {
	paths := []string{"/", "/product", "/pricing", "/docs/start", "/blog/why", "/about", "/customers", "/contact"}
	events := make([]*pb.Event, n)
	for i := range events {
		at := int64(1767603600000) + int64(i)*msMinute
		events[i] = &pb.Event{
			EventId: fmt.Sprintf("0197b2c4-7a00-7000-8000-%012d", i), Site: "demo", Type: "page",
			AnonymousId: "b7e2f7a0-0000-4000-8000-000000000001", EventTime: at, ReceivedAt: at + 80,
			SessionId: fmt.Sprintf("s%d", i/20), ViewId: fmt.Sprintf("v%d", i), Host: "www.example.com",
			Path: paths[i%len(paths)], Url: "https://www.example.com" + paths[i%len(paths)],
			Country: "DE", Device: "desktop",
		}
		if i%3 == 2 {
			events[i].Type, events[i].EngagedMs, events[i].ViewId = "dwell", uint32(i%7)*15000, fmt.Sprintf("v%d", i-1)
		}
	}
	return events
}

func benchmarkApply(b *testing.B, m *Model) {
	events := visit(200)
	src := &pb.Source{Topic: "leadstream.events.v1"}
	var l *Lead
	rows := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(events) == 0 {
			l = NewLead(schemas.NewLeadID("demo/b7e2"), "demo")
		}
		rows += len(m.Apply(l, events[i%len(events)], src).Ledger)
	}
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
}

// BenchmarkApply is one event into a lead that 0 to 199 events came before.
func BenchmarkApply(b *testing.B) { benchmarkApply(b, Default()) }

// BenchmarkApplyRules shows what a longer model costs an event whose type most
// rules do not look at.
func BenchmarkApplyRules(b *testing.B) {
	for _, n := range []int{10, 100, 250} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkApply(b, longModel(b, n)) })
	}
}

// longModel has eight rules for pages and dwell, the rest look at other types.
func longModel(tb testing.TB, n int) *Model {
	var f strings.Builder
	f.WriteString("version: 1\nname: long\nrules:\n")
	f.WriteString("  - {id: dwell, on: dwell, points: 1, limit: {per_dwell: 15s}}\n")
	for i, path := range []string{"/product", "/pricing", "/docs", "/blog", "/customers", "/contact", "/jobs"} {
		fmt.Fprintf(&f, "  - {id: page_%d, on: page, when: path startsWith %q, points: %d, limit: {per_day: 3}}\n", i, path, i+1)
	}
	for i := 8; i < n; i++ {
		kind := schemas.EventTypes[3+i%10]
		fmt.Fprintf(&f, "  - {id: other_%d, on: %s, when: name == \"n%d\", points: 2}\n", i, kind, i)
	}
	f.WriteString("stages: [{id: visitor, up: 0}, {id: aware, up: 10}, {id: intent, up: 60}]\n")
	m, err := Load([]byte(f.String()), "long.yml")
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func BenchmarkRecord(b *testing.B) {
	m := Default()
	l := NewLead(schemas.NewLeadID("demo/b7e2"), "demo")
	for _, ev := range visit(100) {
		m.Apply(l, ev, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Record(l, l.clock, nil)
	}
}

func BenchmarkDue(b *testing.B) {
	m := Default()
	l := NewLead(schemas.NewLeadID("demo/b7e2"), "demo")
	for _, ev := range visit(100) {
		m.Apply(l, ev, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := m.Due(l); !ok {
			b.Fatal("never")
		}
	}
}

// BenchmarkApplyWeeks is an event of a lead that has been busy for months, with a
// week of open days behind it, and with folding, as a worker does it.
func BenchmarkApplyWeeks(b *testing.B) {
	m := Default()
	events := visit(2000)
	for i, ev := range events {
		ev.ReceivedAt = monday + int64(i)*msHour
		ev.EventTime = ev.ReceivedAt
	}
	var l *Lead
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ev := events[i%len(events)]
		if i%len(events) == 0 {
			l = NewLead(schemas.NewLeadID("demo/b7e2"), "demo")
		}
		m.Apply(l, ev, nil)
		m.Fold(l, ev.ReceivedAt)
	}
}
