package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"leadstream/ingest/privacy"
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
	// unpacks tells that decode unpacks a body once more.
	unpacks bool
}

// serve is one request from its first byte to its answer.
func (c collector) serve(s *Service, w http.ResponseWriter, r *http.Request) int {
	var o outcome
	if r.Method != http.MethodHead { // link scanners look at pixels with HEAD: nobody has read the mail
		o = c.collect(s, w, r)
	}
	return c.tell(s, w, o)
}

// tell counts what was refused as a whole, and answers.
func (c collector) tell(s *Service, w http.ResponseWriter, o outcome) int {
	if o.fault != nil && len(o.refused) == 0 { // else each event was counted on its own
		s.metrics.refuse(o.fault.Reason)
	}
	if o.wait > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(o.wait, 10))
	}
	if o.thanked {
		o.fault = nil
	}
	return c.answer(w, o)
}

// collect is a request's way, in this order: what costs a stranger more than us comes first, his body late, the broker last.
func (c collector) collect(s *Service, w http.ResponseWriter, r *http.Request) outcome {
	received := s.now()
	query, err := s.queries.parse(r.URL.RawQuery)
	if err != nil && r.Method == http.MethodGet {
		return outcome{fault: fault(protocol.BadQuery, "")}
	}
	err = nil // of a POST's query, what could be read is there
	pass, addr := s.pace.begin(r, received), s.proxies.clientIP(r)
	key, inURL := keyOf(r, query)
	var g grant
	if key != "" { // known before the body: a stranger's body is not worth reading
		if g, err = s.admit(r, key, inURL); err == nil {
			err = s.pace.key(&pass, g.pace)
		}
	}
	if err == nil && !g.trusted { // also before the body; a secret in it comes too late to be exempt
		err = s.pace.address(&pass, addr)
	}
	if err != nil {
		return refusedWith(err)
	}
	var h hold
	defer h.free()
	batch, err := c.read(s, w, r, query, &h)
	if err == nil && key == "" {
		if g, err = s.admit(r, batch.WriteKey, false); err == nil {
			err = s.pace.key(&pass, g.pace)
		}
	}
	if err != nil {
		return refusedWith(err)
	}
	s.pace.events(&pass, len(batch.Items))
	f := &facts{
		site: g.site, trusted: g.trusted, protocol: c.name, path: protocol.Address(r.URL.Path, query), hide: s.sites.hide,
		receivedAt: received.UnixMilli(), sentAt: batch.SentAt,
		ip: textOf(addr), userAgent: header(r, "User-Agent"),
		optedOut: header(r, "Sec-Gpc") == "1" || header(r, "Dnt") == "1" || header(r, "Sp-Anonymous") != "",
		salts:    s.salts, sessions: s.sessions, agents: s.agents, note: s.metrics.note, removed: s.metrics.remove, enrichedBy: s.versions(), atlas: s.atlas,
	}
	s.metrics.batchEvents.Observe(float64(len(batch.Items)))
	s.metrics.run(f, batch.Items)
	o := s.keep(r.Context(), f, batch.Items, pass.spooled)
	o.reply, o.trusted = batch.Reply, g.trusted
	return o
}

// read decodes the request; what h holds is the caller's to free, when nothing points into the body any more.
func (c collector) read(s *Service, w http.ResponseWriter, r *http.Request, query url.Values, h *hold) (protocol.Batch, error) {
	request := protocol.Request{Query: query, Type: c.kind, Referer: header(r, "Referer"), Anonymous: header(r, "Sp-Anonymous") != "", Limits: s.limits}
	if r.Method == http.MethodPost {
		body, err := s.bodies.read(w, r, h)
		if err == nil {
			made := len(body)
			if c.unpacks {
				made += protocol.UnpackedAtMost(body)
			}
			err = s.bodies.forEvents(r, h, made)
		}
		if err != nil {
			return protocol.Batch{}, err
		}
		s.metrics.bodyBytes.Observe(float64(len(body)))
		request.Body = body
	}
	return c.decode(request)
}

// keep stores the good events and the dead letters of the others, then tells. In this order:
// 1. the broker acknowledges, or the disk has them, 2. their ids are noted, 3. the counters move, 4. the sender hears 2xx.
func (s *Service) keep(ctx context.Context, f *facts, items []protocol.Item, spooled bool) outcome {
	var o outcome
	l := letters{events: make([]*pb.Event, 0, len(items))}
	known := s.repeats.of(f, len(items))
	for i := range items {
		it := &items[i]
		if it.Fault == nil {
			if !known.has(it) {
				l.events = append(l.events, it.Event)
			}
			continue
		}
		o.refused = append(o.refused, refusedEvent{i, it.Fault.Reason, it.Fault.Detail})
		if !refusals[it.Fault.Reason].forget {
			l.dead = append(l.dead, deadLetter(f, it))
		}
	}
	// The sender may be gone already, as pages do; the event stays welcome.
	began := time.Now()
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	err := s.delivery.deliver(ctx, l, spooled)
	if err != nil {
		if l, err = s.withoutRefused(ctx, f, items, l, &o, err); err != nil {
			return s.undelivered(err)
		}
	}
	s.metrics.produceSeconds.Observe(time.Since(began).Seconds())
	known.settle(l.events)
	for _, e := range l.events {
		s.metrics.stored(e)
	}
	s.metrics.deadLetters.Add(float64(len(l.dead)))
	for _, no := range o.refused {
		s.metrics.refuse(no.Error)
	}
	o.kept = len(l.events) + known.repeated // whoever repeats has done right: the answer is that of the first time
	if o.kept == 0 {
		o.fault = &protocol.Fault{Reason: o.refused[0].Error, Detail: o.refused[0].Message}
	}
	return o
}

// withoutRefused takes out the records that no broker will ever take, when the broker has said so itself: the others are kept,
// and stay so. Asked to come again, a sender would bring the same event for days.
func (s *Service) withoutRefused(ctx context.Context, f *facts, items []protocol.Item, l letters, o *outcome, err error) (letters, error) {
	var no *spool.Refused
	if !errors.As(err, &no) {
		return l, err
	}
	refused := map[*pb.Event]bool{}
	for _, i := range no.Index {
		if i < len(l.events) { // a dead letter that is too large is lost: it is cut to what any broker takes
			refused[l.events[i]] = true
		}
	}
	var dead letters
	for i := range items {
		it := &items[i]
		if it.Fault != nil || !refused[it.Event] {
			continue
		}
		it.Fault = fault(recordTooLarge, "")
		o.refused = append(o.refused, refusedEvent{i, it.Fault.Reason, it.Fault.Detail})
		dead.dead = append(dead.dead, deadLetter(f, it))
	}
	l.events = slices.DeleteFunc(l.events, func(e *pb.Event) bool { return refused[e] })
	err = s.delivery.deliver(ctx, dead, false)
	if errors.As(err, &no) {
		err = nil
	}
	l.dead = append(l.dead, dead.dead...)
	return l, err
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

// How a letter says that its payload is not what came: it cannot be played again.
const (
	contentCut  = "content cut"
	contentGone = "content not kept"
)

func deadLetter(f *facts, it *protocol.Item) *pb.DeadLetter {
	d := &pb.DeadLetter{
		Stage: "ingest", Reason: string(it.Fault.Reason), Detail: it.Fault.Detail,
		Site: f.site.name, Protocol: f.protocol, At: f.receivedAt, Path: f.path, Trusted: f.trusted,
	}
	d.Detail = f.site.guard.Text(d.Detail) // it may repeat a word of the event
	whose, forget := mustForget(f, it)
	raw := f.hide.Replace(it.Raw)
	switch {
	case forget:
		f.removed(privacy.RemovedDeadLetterRaw, 1)
		d.Detail += " (" + contentGone + ": " + whose + ")"
	case len(raw) > maxDeadLetter:
		d.Payload = []byte(raw[:maxDeadLetter])
		d.Detail += " (" + contentCut + ")"
	default:
		d.Payload = []byte(raw)
	}
	return d
}

func refusedWith(err error) outcome {
	var f *protocol.Fault
	if !errors.As(err, &f) {
		f = fault(internalFault, "") // unreachable: readers and decoders return faults
	}
	o := outcome{fault: f}
	var late *tooFast
	if errors.As(err, &late) {
		o.wait = late.wait
	}
	var silent *thanked
	o.thanked = errors.As(err, &silent)
	return o
}
