package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"leadstream/ingest/protocol"
	"leadstream/ingest/spool"
	"leadstream/schemas/pb"
)

// collector takes the events of one address.
type collector struct {
	name   string // of the protocol
	kind   string // the event type that the path says
	decode protocol.Decoder
	answer answer
}

// serve is one request from its first byte to its answer.
func (c collector) serve(s *Service, w http.ResponseWriter, r *http.Request) int {
	var o outcome
	if r.Method != http.MethodHead { // link scanners look at pixels with HEAD: nobody has read the mail
		o = c.collect(s, r)
	}
	if o.fault != nil && len(o.refused) == 0 { // else each event was counted on its own
		s.metrics.refuse(o.fault.Reason)
	}
	return c.answer(w, o)
}

func (c collector) collect(s *Service, r *http.Request) outcome {
	received := s.now()
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && r.Method == http.MethodGet {
		return outcome{fault: fault(protocol.BadQuery, "")}
	}
	key, inURL := keyOf(r, query)
	var g grant
	if key != "" { // known before the body: a stranger's body is not worth reading
		if g, err = s.admit(r, key, inURL); err != nil {
			return refusedWith(err)
		}
	}
	batch, err := c.read(s, r, query)
	if err != nil {
		return refusedWith(err)
	}
	if key == "" {
		if g, err = s.admit(r, batch.WriteKey, false); err != nil {
			return refusedWith(err)
		}
	}
	f := &facts{
		site: g.site, trusted: g.trusted, protocol: c.name,
		receivedAt: received.UnixMilli(), sentAt: batch.SentAt,
		ip: s.proxies.clientIP(r), userAgent: r.UserAgent(),
		optedOut: r.Header.Get("Sec-GPC") == "1" || r.Header.Get("DNT") == "1",
		visitors: s.visitors, agents: s.agents, note: s.metrics.note, enrichedBy: s.versions(),
	}
	s.metrics.batchEvents.Observe(float64(len(batch.Items)))
	s.metrics.run(f, batch.Items)
	o := s.keep(r.Context(), f, batch.Items)
	o.reply = batch.Reply
	return o
}

func (c collector) read(s *Service, r *http.Request, query url.Values) (protocol.Batch, error) {
	request := protocol.Request{Query: query, Type: c.kind, Referer: r.Referer(), Anonymous: r.Header.Get("SP-Anonymous") != "", Limits: s.limits}
	if r.Method == http.MethodPost {
		body, err := s.bodies.read(r)
		if err != nil {
			return protocol.Batch{}, err
		}
		s.metrics.bodyBytes.Observe(float64(len(body)))
		request.Body = body
	}
	return c.decode(request)
}

// keep stores the good events and the dead letters of the others, then tells. In this order:
// 1. the broker acknowledges, or the disk has them, 2. the counters move, 3. the sender hears 2xx.
func (s *Service) keep(ctx context.Context, f *facts, items []protocol.Item) outcome {
	var o outcome
	l := letters{events: make([]*pb.Event, 0, len(items))}
	for i := range items {
		it := &items[i]
		if it.Fault == nil {
			l.events = append(l.events, it.Event)
			continue
		}
		o.refused = append(o.refused, refusedEvent{i, it.Fault.Reason, it.Fault.Detail})
		if !refusals[it.Fault.Reason].forget {
			l.dead = append(l.dead, deadLetter(f, it))
		}
	}
	// The sender may be gone already, as pages do; the event stays welcome.
	began := time.Now()
	if err := s.delivery.deliver(context.WithoutCancel(ctx), l); err != nil {
		return s.undelivered(err)
	}
	s.metrics.produceSeconds.Observe(time.Since(began).Seconds())
	for _, e := range l.events {
		s.metrics.stored(e)
	}
	s.metrics.deadLetters.Add(float64(len(l.dead)))
	for _, no := range o.refused {
		s.metrics.refuse(no.Error)
	}
	o.kept = len(l.events)
	if o.kept == 0 {
		o.fault = &protocol.Fault{Reason: o.refused[0].Error, Detail: o.refused[0].Message}
	}
	return o
}

func (s *Service) undelivered(err error) outcome {
	reason := internalFault
	switch {
	case errors.Is(err, errBusy):
		reason = busy
	case errors.Is(err, errBrokerAway):
		reason = brokerAway
	case errors.Is(err, spool.ErrFull):
		reason = spoolFull
	case errors.Is(err, errSpoolFailed):
		reason = spoolFailed
	}
	s.metrics.produceFailed.WithLabelValues(string(reason)).Inc()
	if s.complaints.due(time.Now()) { // an outage is one story, not one line a request
		s.log.Error("events could not be stored; their senders were told to come again", zap.Error(err))
	}
	return outcome{fault: fault(reason, "")}
}

// maxDeadLetter bounds the bytes that a dead letter repeats: a broker takes about 1 MB, and whoever reads it needs less.
const maxDeadLetter = 256 << 10

func deadLetter(f *facts, it *protocol.Item) *pb.DeadLetter {
	d := &pb.DeadLetter{
		Stage: "ingest", Reason: string(it.Fault.Reason), Detail: it.Fault.Detail,
		Site: f.site.name, Protocol: f.protocol, At: f.receivedAt,
	}
	switch {
	case optedOut(f, it):
		d.Detail += " (content not kept: the visitor allows no lasting ids)"
	case len(it.Raw) > maxDeadLetter:
		d.Payload = []byte(it.Raw[:maxDeadLetter])
		d.Detail += " (content cut)"
	default:
		d.Payload = []byte(it.Raw)
	}
	return d
}

func refusedWith(err error) outcome {
	var f *protocol.Fault
	if !errors.As(err, &f) {
		f = fault(internalFault, "") // unreachable: readers and decoders return faults
	}
	return outcome{fault: f}
}
