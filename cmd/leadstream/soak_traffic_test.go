package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/scoringtest"
)

// traffic is what comes into the topic: visitors of three sites, events again, late, too late and from
// the future, collectors that were cut off for a while, robots, salespeople, and leads that are about to fall.
type traffic struct {
	rnd     *rand.Rand
	n       int
	recent  []*pb.Event
	fallers []scoringtest.Faller
	back    []scoringtest.Faller // who come back after their fall
	next    time.Time            // when there are more
}

func newTraffic(seed uint64) *traffic { return &traffic{rnd: rand.New(rand.NewPCG(seed, 5))} }

var (
	soakSites = []string{"demo", "shop", "academy"}
	soakKinds = []string{"page", "page", "page", "page", "click", "dwell", "dwell", "form", "scroll", "identify", "track", "social", "market", "crm"}
	soakPaths = []string{"/", "/pricing", "/docs/start", "/blog/long", "/contact", "/product", "/careers", "/compare"}
	soakNames = []string{"Demo Requested", "Newsletter", "Webinar", "comment", "funding", "rival", "download"}
	soakDeals = []string{`{"stage":"accepted"}`, `{"stage":"opportunity","amount":12000.5,"currency":"EUR"}`, `{"stage":"lost","reason":"price"}`, `{"stage":"aware"}`}
)

// some are the next events.
func (f *traffic) some(now time.Time) (events []*pb.Event) {
	for range 30 {
		if len(f.recent) > 10 && f.rnd.IntN(10) == 0 {
			events = append(events, f.recent[f.rnd.IntN(len(f.recent))]) // a repeat
			continue
		}
		ev := f.event(now.UnixMilli())
		if events = append(events, ev); len(f.recent) < 2000 {
			f.recent = append(f.recent, ev)
		} else {
			f.recent[f.n%len(f.recent)] = ev
		}
	}
	return append(events, f.fall(now)...)
}

// event is a new one, of one of some sixty visitors, whom others follow.
func (f *traffic) event(now int64) *pb.Event {
	pick := func(list []string) string { return list[f.rnd.IntN(len(list))] }
	f.n++
	v := f.n/100 + f.rnd.IntN(60)
	ev := &pb.Event{
		EventId: fmt.Sprint("e", f.n), Site: soakSites[v%len(soakSites)], Type: pick(soakKinds), AnonymousId: fmt.Sprint("visitor-", v),
		SessionId: fmt.Sprintf("s%d-%d", v, f.rnd.IntN(4)), ViewId: fmt.Sprintf("v%d-%d", v, f.rnd.IntN(20)), Protocol: "native",
		Path: pick(soakPaths), Host: "example.test", Name: pick(soakNames), EngagedMs: uint32(f.rnd.IntN(120_000)), ScrollPct: uint32(f.rnd.IntN(100)),
		Bot: f.rnd.IntN(30) == 0, ReceivedAt: now,
	}
	if f.rnd.IntN(10) == 0 { // out of the spool of a collector. (An hour and more would be an import.)
		ev.ReceivedAt -= f.rnd.Int64N(40 * time.Minute.Milliseconds())
	}
	ev.EventTime = ev.ReceivedAt - f.ago()
	switch ev.Type {
	case "identify":
		ev.Traits = fmt.Appendf(nil, `{"email":"u%d@firm%d.example","title":"CTO","company":"Firm %d","employees":%d}`, v, v%7, v%7, v%300)
	case "crm":
		ev.Properties, ev.Trusted = []byte(pick(soakDeals)), f.rnd.IntN(8) == 0
	}
	if f.rnd.IntN(40) == 0 {
		ev.Consent = pb.Consent_CONSENT_DENIED
	}
	return ev
}

// ago is how long before it was received an event happened, ms.
func (f *traffic) ago() int64 {
	day := 24 * time.Hour.Milliseconds()
	switch f.rnd.IntN(20) {
	case 0, 1:
		return f.rnd.Int64N(7 * day) // late
	case 2:
		return 7*day + f.rnd.Int64N(20*day) // too late
	case 3:
		return -f.rnd.Int64N(10 * time.Minute.Milliseconds())
	}
	return f.rnd.Int64N(100_000)
}

// fall has, each second, leads whose fall lies 3 to 8 s ahead: far enough for their events to be there
// before, near enough for somebody to die in between. Half of them come back at once.
func (f *traffic) fall(now time.Time) (events []*pb.Event) {
	for len(f.back) > 0 && f.back[0].At+f.rnd.Int64N(1000) < now.UnixMilli() {
		ev := proto.CloneOf(f.back[0].Events[0])
		ev.EventId, ev.Type, ev.Path, ev.SessionId = "back-"+ev.AnonymousId, "page", "/", "back-"+ev.AnonymousId
		ev.EventTime, ev.ReceivedAt = now.UnixMilli(), now.UnixMilli()
		events, f.back = append(events, ev), f.back[1:]
	}
	if now.Before(f.next) {
		return events
	}
	f.next = now.Add(time.Second)
	more := scoringtest.Fallers(f.rnd, soakSites[len(f.fallers)%len(soakSites)], fmt.Sprint("faller-", len(f.fallers)), 4, 12, now.Add(3*time.Second), now.Add(8*time.Second))
	for _, faller := range more {
		events = append(events, faller.Events...)
	}
	f.fallers, f.back = append(f.fallers, more...), append(f.back, more[:2]...)
	return events
}

// lastFall is the instant of the last of them.
func (f *traffic) lastFall() (at int64) {
	for _, faller := range f.fallers {
		at = max(at, faller.At)
	}
	return at
}

// feed sends traffic until it is told to stop.
func (s *soak) feed() (stop func()) {
	told, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			s.sendSurely(s.traffic.some(time.Now()))
			select {
			case <-told:
				return
			case <-s.t.Context().Done():
				return
			case <-time.After(80 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(told)
		<-done
		require.NotEmpty(s.t, s.traffic.fallers)
	}
}

// sendSurely is a collector with a spool: it sends until the broker has said yes to every event.
func (s *soak) sendSurely(events []*pb.Event) {
	waiting := make([]*kgo.Record, len(events))
	for i, ev := range events {
		b, err := proto.Marshal(ev)
		if err != nil {
			panic(err)
		}
		// Written when it was received: what comes much later than that would be an import, before which no lead falls.
		waiting[i] = &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: b, Timestamp: time.UnixMilli(ev.ReceivedAt)}
	}
	for len(waiting) > 0 && s.t.Context().Err() == nil { // a test that has failed does not wait for its feeder
		waiting = s.sendOnce(waiting)
	}
}

// oneBatch is long enough for all that is sent at once to go in one batch a partition, of which the broker has all or nothing:
// with half of its past a lead falls at another instant, and rightly so.
const oneBatch = 30 * time.Millisecond

// sendOnce returns what the broker has not said yes to within some seconds. A producer of its own, because a broker
// that was killed has forgotten the old one's.
func (s *soak) sendOnce(records []*kgo.Record) (again []*kgo.Record) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.addrs...), kgo.ProducerLinger(oneBatch), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.AllowIdempotentProduceCancellation(), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		panic(err) // options that do not fit each other
	}
	defer cl.Close()
	// (The client's own timeout counts from a record's timestamp.)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for _, result := range cl.ProduceSync(ctx, records...) {
		if r := result.Record; result.Err != nil {
			again = append(again, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp})
		}
	}
	return again
}
