package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/ingest/agent"
	"leadstream/ingest/geo"
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/ingest/session"
	"leadstream/schemas/pb"
)

const noon = int64(1772452800000) // 2026-03-02 12:00 UTC

const day = int64(24 * 60 * 60 * 1000)

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"

// bench is one item on its way through the whole pipeline.
type bench struct {
	facts   facts
	notes   map[change]int
	removed map[privacy.Removal]int
}

func newBench() *bench {
	b := &bench{notes: map[change]int{}, removed: map[privacy.Removal]int{}}
	b.facts = facts{
		site: &site{name: "demo", guard: openGuard}, protocol: "native", receivedAt: noon, ip: "203.0.113.7", userAgent: chrome,
		salts: daily(), sessions: session.NewTable(), agents: agent.NewReader(), atlas: nowhere(), note: func(c change) { b.notes[c]++ },
		removed: func(what privacy.Removal, n int) { b.removed[what] += n },
	}
	return b
}

// openGuard keeps everything that visitors allow.
var openGuard = privacy.New("demo", privacy.Policy{}, privacy.Keys{})

func daily() *privacy.Salts {
	salts, err := privacy.OpenSalts("", "", zap.NewNop(), time.UnixMilli(noon))
	if err != nil {
		panic(err)
	}
	return salts
}

// nowhere knows no address.
func nowhere() *geo.Atlas {
	atlas, err := geo.New(geo.DefaultConfig(), geo.Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	if err != nil {
		panic(err)
	}
	return atlas
}

func (b *bench) run(it protocol.Item) protocol.Item {
	if it.Event.Type == "" {
		it.Event.Type = "page"
	}
	if it.Event.AnonymousId+it.Event.UserId == "" {
		it.Event.AnonymousId = "a"
	}
	items := []protocol.Item{it}
	newMetrics(prometheus.NewRegistry(), nil).run(&b.facts, items)
	return items[0]
}

func known(ms int64) protocol.Instant { return protocol.Instant{Ms: ms, State: protocol.Known} }

func TestClock(t *testing.T) {
	const minute, hour = 60_000, 3_600_000
	unreadable := protocol.Instant{State: protocol.Unreadable}
	for _, c := range []struct {
		name     string
		at, sent protocol.Instant
		want     int64
		note     change
	}{
		{"no time is now", protocol.Instant{}, protocol.Instant{}, noon, ""},
		{"a right clock is exact", known(noon - 1234), known(noon - 17), noon - 1234, ""},
		{"a retry an hour later is exact", known(noon - hour), known(noon - 20), noon - hour, ""},
		{"59 s off is left alone", known(noon + 50_000), known(noon + 59_000), noon + 50_000, ""},
		{"a day behind", known(noon - 24*hour - 5000), known(noon - 24*hour), noon - 5000, clockCorrected},
		{"a day ahead", known(noon + 24*hour - 5000), known(noon + 24*hour), noon - 5000, clockCorrected},
		{"the same, a retry 80 ms slower", known(noon + 24*hour - 5000), known(noon + 24*hour - 80), noon - 5000, clockCorrected},
		{"without sent_at nothing is corrected", known(noon - hour), protocol.Instant{}, noon - hour, ""},
		{"an unset clock that says so", known(5000), known(7000), noon, timeReplaced},
		{"ahead without sent_at", known(noon + hour), protocol.Instant{}, noon + 5*minute, futureClamped},
		{"just ahead", known(noon + 5*minute), protocol.Instant{}, noon + 5*minute, ""},
		{"before 2000", known(earliest - 1), known(noon), noon, timeReplaced},
		{"unreadable", unreadable, known(noon), noon, timeReplaced},
		{"sent_at unreadable", known(noon - 5), unreadable, noon - 5, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			b.facts.sentAt = c.sent
			e := b.run(protocol.Item{Event: &pb.Event{EventId: "1"}, At: c.at}).Event
			require.Equal(t, c.want, e.EventTime)
			require.Equal(t, noon, e.ReceivedAt)
			if c.note != "" {
				require.Equal(t, map[change]int{c.note: 1}, b.notes)
			} else {
				require.Empty(t, b.notes)
			}
		})
	}
}

func TestHistoryKeepsItsReceivedAt(t *testing.T) {
	old := known(noon - 90*day)
	for _, c := range []struct {
		trusted, history bool
		claim            protocol.Instant
		want             int64
	}{
		{true, true, old, old.Ms}, {false, true, old, noon}, {true, false, old, noon}, {true, true, known(noon + 1), noon}, {true, true, known(5), noon},
	} {
		b := newBench()
		b.facts.trusted, b.facts.site.history = c.trusted, c.history
		e := b.run(protocol.Item{Event: &pb.Event{}, At: old, ReceivedAt: c.claim}).Event
		require.Equal(t, c.want, e.ReceivedAt)
		require.Equal(t, old.Ms, e.EventTime)
	}
}

func TestWhoseAddressItIs(t *testing.T) {
	claim := func() *pb.Event { return &pb.Event{Ip: "198.51.100.1", UserAgent: "Claimed"} }
	for _, c := range []struct {
		name, protocol, agent, library string
		trusted                        bool
		event                          *pb.Event
		ip, userAgent                  string
	}{
		{"a page's claim is not believed", "native", chrome, "", false, claim(), "203.0.113.7", chrome},
		{"a server's is", "native", "curl/8", "", true, claim(), "198.51.100.1", "Claimed"},
		{"a server says nothing", "native", "curl/8", "", true, &pb.Event{}, "", ""},
		{"Segment in the browser", "segment", chrome, "analytics.js", false, &pb.Event{}, "203.0.113.7", chrome},
		{"Segment's context comes first", "segment", chrome, "analytics.js", false, claim(), "198.51.100.1", "Claimed"},
		{"Segment on a server", "segment", "node", "@segment/analytics-node", false, &pb.Event{}, "", ""},
		{"Segment on a phone", "segment", "Acme/1.0 CFNetwork", "analytics-swift/1.5", false, &pb.Event{}, "203.0.113.7", "Acme/1.0 CFNetwork"},
		{"no address at all", "segment", chrome, "", false, &pb.Event{Ip: "010.1.1.1 or so", UserAgent: "x"}, "", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			b.facts.protocol, b.facts.userAgent, b.facts.trusted = c.protocol, c.agent, c.trusted
			c.event.Library = c.library
			e := b.run(protocol.Item{Event: c.event}).Event
			require.Equal(t, c.ip, e.Ip)
			require.Equal(t, c.userAgent, e.UserAgent)
			require.Equal(t, c.trusted, e.Trusted)
		})
	}
}

func TestConsent(t *testing.T) {
	full, none, cookieless := pb.Consent_CONSENT_FULL, pb.Consent_CONSENT_DENIED, pb.Consent_CONSENT_COOKIELESS
	event := func(c pb.Consent) *pb.Event {
		return &pb.Event{AnonymousId: "a1", SessionId: "s1", ViewId: "v1", Consent: c}
	}
	t.Run("the event's yes outranks the browser's signal", func(t *testing.T) {
		b := newBench()
		b.facts.optedOut = true
		e := b.run(protocol.Item{Event: event(full)}).Event
		require.Equal(t, "a1", e.AnonymousId)
		require.NotEmpty(t, e.Ip)
	})
	t.Run("the signal counts where the event says nothing", func(t *testing.T) {
		b := newBench()
		b.facts.optedOut = true
		e := b.run(protocol.Item{Event: event(0)}).Event
		require.Equal(t, cookieless, e.Consent)
		require.Empty(t, e.Ip)
		require.Regexp(t, `^s:`, e.SessionId, "a visit of the pseudonym, not of the browser")
		require.Equal(t, "v1", e.ViewId)
		require.Regexp(t, `^c:[0-9a-f]{24}$`, e.AnonymousId)
		require.Equal(t, 1, b.removed[privacy.RemovedIDs])
		require.Equal(t, 1, b.removed[privacy.RemovedIP])
	})
	t.Run("a server's headers are nobody's wish", func(t *testing.T) {
		b := newBench()
		b.facts.optedOut, b.facts.trusted = true, true
		require.Equal(t, "a1", b.run(protocol.Item{Event: event(0)}).Event.AnonymousId)
	})
	t.Run("no is no", func(t *testing.T) {
		require.Equal(t, consentDenied, newBench().run(protocol.Item{Event: event(none)}).Fault.Reason)
	})
	t.Run("who said their name keeps it, without a pseudonym beside it", func(t *testing.T) {
		e := event(cookieless)
		e.UserId = "ada"
		e = newBench().run(protocol.Item{Event: e}).Event
		require.Equal(t, []string{"", "ada"}, []string{e.AnonymousId, e.UserId})
	})
}

func TestIDs(t *testing.T) {
	b := newBench()
	e := b.run(protocol.Item{Event: &pb.Event{UserId: " u1 "}}).Event
	require.Equal(t, "u1", e.UserId)
	require.Len(t, e.EventId, 36)
	require.Equal(t, 1, b.notes[idMade])
	for junk := range junkIDs {
		e := newBench().run(protocol.Item{Event: &pb.Event{AnonymousId: "a", UserId: strings.ToUpper(junk)}}).Event
		require.Empty(t, e.UserId, "%q would make one lead of thousands", junk)
	}
	require.Equal(t, noID, newBench().run(protocol.Item{Event: &pb.Event{UserId: "undefined"}}).Fault.Reason)

	b = newBench()
	b.facts.trusted = true
	items := []protocol.Item{{Event: &pb.Event{Type: "market", GroupId: "acme.example"}}, {Event: &pb.Event{Type: "market"}}}
	newMetrics(prometheus.NewRegistry(), nil).run(&b.facts, items)
	require.Equal(t, "account:acme.example", items[0].Event.UserId)
	require.Equal(t, noID, items[1].Fault.Reason)
}

func TestText(t *testing.T) {
	b := newBench()
	e := b.run(protocol.Item{Event: &pb.Event{Name: "a\x00b\xff", Title: strings.Repeat("ü", 600), Url: "https://x.example/" + strings.Repeat("a", 3000)}}).Event
	require.Equal(t, "ab\uFFFD", e.Name)
	require.Equal(t, strings.Repeat("ü", 512), e.Title)
	require.Len(t, e.Url, 2048)
	require.Equal(t, 2, b.notes[textCut])
	require.Nil(t, newBench().run(protocol.Item{Event: &pb.Event{UserId: strings.Repeat("中", 256)}}).Fault)
	require.Equal(t, idTooLong, newBench().run(protocol.Item{Event: &pb.Event{UserId: strings.Repeat("中", 257)}}).Fault.Reason)
}

func TestEveryRunLeavesItsTime(t *testing.T) {
	m := newMetrics(prometheus.NewRegistry(), nil)
	b := newBench()
	items := make([]protocol.Item, 100)
	for i := range items {
		items[i] = protocol.Item{Event: &pb.Event{Type: "page", AnonymousId: "a", Url: "https://a.example/b?utm_source=x"}}
	}
	began := time.Now()
	m.run(&b.facts, items)
	sum := 0.0
	for _, c := range m.steps {
		sum += valueOf(t, c)
	}
	require.Positive(t, sum)
	require.LessOrEqual(t, sum, time.Since(began).Seconds()*timedRuns, "the first run is timed, and stands for the next ones")
	for range timedRuns - 1 {
		m.run(&b.facts, nil)
	}
	again := 0.0
	for _, c := range m.steps {
		again += valueOf(t, c)
	}
	require.Equal(t, sum, again)
	require.Len(t, m.steps, len(steps))
}
