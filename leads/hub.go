package leads

import (
	"context"
	"errors"
	"sync"
	"time"

	"leadstream/schemas/pb"
)

// flushEvery is how long updates of the same lead are gathered: a busy visitor sends many events a second, an eye sees ten.
const flushEvery = 100 * time.Millisecond

var (
	errStreamsFull = errors.New("too many live streams are open")
	errClosing     = errors.New("the server is stopping")
)

// hub hands new lead records to all streams. A stream that does not keep up is cut loose with a reset instead of slowing the
// others or growing memory; the browser then reads the list anew.
type hub struct {
	metrics *metrics
	most    int
	buffer  int

	mu      sync.Mutex
	pending map[leadTrack]*pb.LeadRecord
	order   []leadTrack
	clients map[*client]struct{}
	closed  bool
}

type leadTrack struct{ lead, track string }

// client is one open stream.
type client struct {
	updates chan *pb.LeadRecord
	// Closed when the stream must end; slow tells why, and is set before.
	gone chan struct{}
	slow bool
	want func(*pb.LeadRecord) bool
}

func newHub(most, buffer int, m *metrics) *hub {
	return &hub{metrics: m, most: most, buffer: buffer, pending: map[leadTrack]*pb.LeadRecord{}, clients: map[*client]struct{}{}}
}

// put takes a record; a newer one of the same lead and track replaces it until the next flush.
func (h *hub) put(record *pb.LeadRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.clients) == 0 {
		return
	}
	key := leadTrack{string(record.GetLeadId()), record.GetTrack()}
	old, waiting := h.pending[key]
	if !waiting {
		h.order = append(h.order, key)
	}
	if !waiting || old.GetRevision() <= record.GetRevision() {
		h.pending[key] = record
	}
}

// run flushes until ctx ends.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.flush()
		}
	}
}

func (h *hub) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range h.order {
		record := h.pending[key]
		for c := range h.clients {
			if !c.want(record) {
				continue
			}
			select {
			case c.updates <- record:
				h.metrics.streamUpdates.Inc()
			default:
				c.slow = true
				h.metrics.streamResets.Inc()
				h.drop(c)
			}
		}
	}
	clear(h.pending)
	h.order = h.order[:0]
}

// join adds a stream.
func (h *hub) join(want func(*pb.LeadRecord) bool) (*client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosing
	}
	if len(h.clients) >= h.most {
		return nil, errStreamsFull
	}
	c := &client{updates: make(chan *pb.LeadRecord, h.buffer), gone: make(chan struct{}), want: want}
	h.clients[c] = struct{}{}
	h.metrics.streamClients.Inc()
	return c, nil
}

// leave removes a stream whose reader went away; leaving twice is fine.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

// drop needs the lock.
func (h *hub) drop(c *client) {
	if _, here := h.clients[c]; !here {
		return
	}
	delete(h.clients, c)
	h.metrics.streamClients.Dec()
	close(c.gone)
}

// close ends all streams and lets no new one in.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.clients {
		h.drop(c)
	}
}
