package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
)

const (
	loadRate    = 1000 // events a second
	loadBatch   = 4    // events a request: what a tracker gathers
	loadTime    = 40 * time.Second
	loadLeads   = 5000
	probePeriod = 100 * time.Millisecond
	probePause  = 30 * time.Millisecond // between two answers of the list
)

// BenchmarkFreshness is what a salesperson waits: from the moment a beacon is
// sent to the moment GET /v1/leads lists its visitor, while 1,000 other events a
// second go the same way. Load generator, whole path and ClickHouse share the
// machine.
func BenchmarkFreshness(b *testing.B) {
	for range b.N {
		h := benchHouse(b)
		ctx, cancel := context.WithTimeout(b.Context(), loadTime)
		var sent atomic.Int64
		var load sync.WaitGroup
		load.Go(func() { h.steadyLoad(ctx, &sent) })
		waits := h.probes(ctx, b)
		cancel()
		load.Wait()
		slices.Sort(waits)
		b.ReportMetric(float64(sent.Load())/loadTime.Seconds(), "events/s")
		b.ReportMetric(float64(waits[len(waits)/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(waits[len(waits)*99/100].Milliseconds()), "p99-ms")
		b.ReportMetric(float64(waits[len(waits)-1].Milliseconds()), "max-ms")
		b.ReportMetric(float64(len(waits)), "probes")
		h.stop()
	}
}

// BenchmarkSustained is how many events a second get from HTTP into the scored,
// stored and queryable state: sent as fast as they are accepted, timed until the
// last is in ClickHouse and every lead's ledger with it.
func BenchmarkSustained(b *testing.B) {
	const total = 200_000
	for range b.N {
		h := benchHouse(b)
		db := h.clickhouse(b)
		began := time.Now()
		var senders sync.WaitGroup
		for s := range 4 {
			senders.Go(func() {
				for n := s * total / 4; n < (s+1)*total/4; n += 50 {
					h.mustPost(b, loadBody(n, 50))
				}
			})
		}
		senders.Wait()
		accepted := time.Since(began)
		var stored, scored uint64
		for stored < total || scored < total {
			require.Less(b, time.Since(began), 5*time.Minute, "%d stored, %d scored", stored, scored)
			require.NoError(b, db.QueryRow(b.Context(), "SELECT uniqExact(event_id) FROM events").Scan(&stored))
			require.NoError(b, db.QueryRow(b.Context(), "SELECT uniqExact(event_id) FROM ledger").Scan(&scored))
			time.Sleep(20 * time.Millisecond)
		}
		b.ReportMetric(total/accepted.Seconds(), "accepted/s")
		b.ReportMetric(total/time.Since(began).Seconds(), "end-to-end/s")
		h.stop()
	}
}

// BenchmarkSecondStart is the time from the command to "is up" over a folder
// that holds a day's data.
func BenchmarkSecondStart(b *testing.B) {
	h := benchHouse(b)
	for n := 0; n < 20_000; n += 50 {
		h.mustPost(b, loadBody(n, 50))
	}
	h.stop()
	for b.Loop() {
		h.up(b)
		b.StopTimer()
		h.stop()
		b.StartTimer()
	}
}

func benchHouse(b *testing.B) *house {
	h := newHouse(b)
	h.up(b)
	return h
}

func (h *house) steadyLoad(ctx context.Context, sent *atomic.Int64) {
	tick := time.NewTicker(time.Second * loadBatch / loadRate)
	defer tick.Stop()
	var posts sync.WaitGroup
	defer posts.Wait()
	slots := make(chan struct{}, 64) // more waiting than this is not a load, it is a queue
	began := time.Now()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * loadRate); n < due; n += loadBatch {
			slots <- struct{}{}
			first := n
			posts.Go(func() {
				if h.post(context.WithoutCancel(ctx), "/v1/events?key=demo", loadBody(first, loadBatch)) == http.StatusOK {
					sent.Add(loadBatch)
				}
				<-slots
			})
		}
	}
}

// probes sends a new visitor's beacon each period; one reader asks for the list
// over and over, as an open app would, and notes when each visitor is first on
// it. A wait is as coarse as the reader's pause.
func (h *house) probes(ctx context.Context, tb testing.TB) (waits []time.Duration) {
	time.Sleep(loadLeads * time.Second / loadRate * 5 / 4) // until every visitor of the load is known
	sent := map[string]time.Time{}
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil || len(sent) > 0; {
		select {
		case <-tick.C:
			if ctx.Err() == nil {
				visitor := fmt.Sprintf("probe-%04d", n)
				sent[visitor] = time.Now()
				h.mustPost(tb, `{"events":[`+pageEvent("e-"+visitor, visitor, "/pricing", time.Now())+`]}`)
				n++
			}
		case <-time.After(probePause):
		}
		for _, visitor := range h.newest(tb) {
			if at, waiting := sent[visitor]; waiting {
				waits = append(waits, time.Since(at))
				delete(sent, visitor)
			}
		}
	}
	return waits
}

// newest lists the visitors that came last.
func (h *house) newest(tb testing.TB) (visitors []string) {
	tb.Helper()
	var page struct{ Leads []leads.Lead }
	require.Equal(tb, http.StatusOK, h.getJSON(tb, "/v1/leads?limit=50&sort=first_seen", &page))
	for _, lead := range page.Leads {
		visitors = append(visitors, lead.AnonymousID)
	}
	return visitors
}

func (h *house) mustPost(tb testing.TB, body string) {
	tb.Helper()
	require.Equal(tb, http.StatusOK, h.post(tb.Context(), "/v1/events?key=demo", body))
}

// loadBody is a batch of page views and dwell of a few thousand visitors.
func loadBody(first, n int) string {
	paths := []string{"/", "/pricing", "/docs/start", "/product", "/blog/one", "/about"}
	events := make([]string, n)
	for i := range n {
		k := first + i
		events[i] = pageEvent(fmt.Sprintf("load-%d", k), fmt.Sprintf("visitor-%d", k*7919%loadLeads), paths[k%len(paths)], time.Now())
	}
	return `{"events":[` + strings.Join(events, ",") + `]}`
}
