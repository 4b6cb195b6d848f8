package ingest

import (
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"leadstream/ingest/dedup"
	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// repeats knows the events that were kept already. Two deliveries of one event that are under way at the same time both go
// through: making the second wait would tie its answer to a request that may fail, and a repeat does no harm down the path.
type repeats struct {
	window *dedup.Window          // nil = every event is new
	count  *prometheus.CounterVec // site
}

func newRepeats(cfg Config, d Deps) (*repeats, error) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_repeats_total", Help: "Events that were answered 2xx and not kept again, because an event of their id is kept.",
	}, []string{"site"})
	r := &repeats{count: total}
	for _, s := range cfg.Sites {
		total.WithLabelValues(s.Name)
	}
	if cfg.Dedup.Window > 0 {
		window, err := dedup.Open(cfg.Dedup, dedup.Deps{Log: d.Log.Named("dedup"), Registry: d.Registry, Now: d.Now})
		if err != nil {
			return nil, fmt.Errorf("ingest.dedup.dir: %w", err)
		}
		r.window = window
	}
	d.Registry.MustRegister(total)
	return r, nil
}

func (r *repeats) close() error {
	if r.window == nil {
		return nil
	}
	return r.window.Close()
}

// request is one request's events against the memory of all.
type request struct {
	*repeats
	facts    *facts
	fresh    []dedup.ID
	within   map[dedup.ID]bool // of a large batch
	passed   int               // events that are no repeats
	repeated int
}

// fewIDs is up to how many a look through the list is quicker than a map.
const fewIDs = 32

func (r *repeats) of(f *facts, events int) request {
	q := request{repeats: r, facts: f}
	if r.window == nil {
		return q
	}
	q.fresh = make([]dedup.ID, 0, events)
	if events > fewIDs {
		q.within = make(map[dedup.ID]bool, events)
	}
	return q
}

// has tells whether the event, or one of its id before it in this request, is kept. An event whose id we made cannot come again.
// History is left to the fold: an import is repeated as a whole, and would push out of memory what visitors sent.
func (q *request) has(it *protocol.Item) bool {
	e := it.Event
	if q.window == nil || it.IDMade || e.ReceivedAt != q.facts.receivedAt {
		q.passed++
		return false
	}
	id := q.window.ID(e.Site, e.Trusted, e.EventId)
	if q.window.Seen(id) || q.within[id] || q.within == nil && slices.Contains(q.fresh, id) {
		q.repeated++
		return true
	}
	q.passed++
	q.fresh = append(q.fresh, id)
	if q.within != nil {
		q.within[id] = true
	}
	return false
}

// settle notes the ids of the events that were kept, once they are and not a moment earlier: an id that is noted before is a lost
// event if the process dies in between.
func (q *request) settle(kept []*pb.Event) {
	if q.window == nil {
		return
	}
	if len(kept) < q.passed { // the broker will never take the others: they are no repeats when they come again
		q.fresh = q.fresh[:0]
		for _, e := range kept {
			if e.ReceivedAt == q.facts.receivedAt {
				q.fresh = append(q.fresh, q.window.ID(e.Site, e.Trusted, e.EventId))
			}
		}
	}
	q.window.Note(q.fresh...)
	if q.repeated > 0 {
		q.count.WithLabelValues(q.facts.site.name).Add(float64(q.repeated))
	}
}
