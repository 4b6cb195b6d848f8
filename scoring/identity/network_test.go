package identity

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// network is some partitions with their logs, each worked on in transactions that
// stand or are undone as a whole: what the worker does, without a broker.
type network struct {
	t     testing.TB
	model *model.Model
	rng   *rand.Rand
	words *model.Words
	parts []*node
	names map[schemas.LeadID]string
	// lazy is worked on only now and then while others have something to do.
	lazy *node
	// What was written for good.
	ledger  []*pb.LedgerRow
	crashes int
	refused int
	hops    uint32 // the most that a record took
}

type node struct {
	events []*pb.Event
	routed [][]byte
	keys   []string // of routed
	leads  map[schemas.LeadID]*model.Lead
	read   [2]int // of events, routed
	clock  int64
}

func newNetwork(t testing.TB, m *model.Model, rng *rand.Rand, n int) *network {
	w := &network{t: t, model: m, rng: rng, words: model.NewWords(), names: map[schemas.LeadID]string{}}
	for range n {
		w.parts = append(w.parts, &node{leads: map[schemas.LeadID]*model.Lead{}})
	}
	return w
}

func (w *network) home(key string) *node {
	w.names[schemas.NewLeadID(key)] = key
	h := fnv.New32a()
	h.Write([]byte(key))
	return w.parts[int(h.Sum32())%len(w.parts)]
}

func (w *network) collect(ev *pb.Event) {
	p := w.home(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId))
	p.events = append(p.events, ev)
}

func (w *network) say(key string, r *pb.Routed) {
	id := schemas.NewLeadID(key)
	r.LeadId = id[:]
	w.post(Send{key, r})
}

func (w *network) post(s Send) {
	b, err := proto.Marshal(s.Routed)
	if err != nil {
		w.t.Fatal(err)
	}
	p := w.home(s.Key)
	p.routed, p.keys = append(p.routed, b), append(p.keys, s.Key)
}

// run works until nothing is left to read.
func (w *network) run() {
	w.lazy = nil
	if w.rng.IntN(2) == 0 {
		w.lazy = w.parts[w.rng.IntN(len(w.parts))]
	}
	for turns := 0; ; turns++ {
		var busy []*node
		for _, p := range w.parts {
			if p.read[0] < len(p.events) || p.read[1] < len(p.routed) {
				busy = append(busy, p)
			}
		}
		if len(busy) == 0 {
			return
		}
		if turns > 100_000 {
			w.t.Fatal("it never ends")
		}
		p := busy[w.rng.IntN(len(busy))]
		if p == w.lazy && len(busy) > 1 && w.rng.IntN(20) > 0 {
			continue
		}
		w.transaction(p)
	}
}

// transaction folds some records; then it commits, or the worker is killed and
// restores its leads from their records.
func (w *network) transaction(p *node) {
	before, read, clock := map[schemas.LeadID]*model.Lead{}, p.read, p.clock
	var sends []Send
	var rows []*pb.LedgerRow
	for range 1 + w.rng.IntN(6) {
		if !w.step(p, before, &sends, &rows) {
			break
		}
	}
	if w.rng.IntN(5) == 0 {
		w.crashes++
		p.read, p.clock = read, clock
		for id, l := range before {
			if delete(p.leads, id); l != nil {
				p.leads[id] = w.reborn(l)
			}
		}
		return
	}
	w.ledger = append(w.ledger, rows...)
	for _, s := range sends {
		w.post(s)
	}
}

// step folds one record of either topic.
func (w *network) step(p *node, before map[schemas.LeadID]*model.Lead, sends *[]Send, rows *[]*pb.LedgerRow) bool {
	topic := w.rng.IntN(2)
	if topic == 0 && p.read[0] == len(p.events) || topic == 1 && p.read[1] == len(p.routed) {
		topic = 1 - topic
	}
	if topic == 0 && p.read[0] == len(p.events) || topic == 1 && p.read[1] == len(p.routed) {
		return false
	}
	d := Desk{Model: w.model, Apply: w.model.Apply, Watermark: p.clock}
	var out model.Outcome
	var more []Send
	var err error
	if topic == 0 {
		ev := p.events[p.read[0]]
		p.clock = max(p.clock, ev.ReceivedAt)
		out, more, err = d.Event(w.lead(p, schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId), before), ev, nil)
	} else {
		r, key := new(pb.Routed), p.keys[p.read[1]]
		if err := proto.Unmarshal(p.routed[p.read[1]], r); err != nil {
			w.t.Fatal(err)
		}
		w.hops = max(w.hops, r.Hops)
		out, more, err = d.Routed(w.lead(p, key, before), key, r, nil)
	}
	if errors.Is(err, ErrLoop) {
		w.refused++
	} else if err != nil {
		w.t.Fatal(err)
	}
	p.read[topic]++
	*sends, *rows = append(*sends, more...), append(*rows, out.Ledger...)
	return true
}

func (w *network) lead(p *node, key string, before map[schemas.LeadID]*model.Lead) *model.Lead {
	id := schemas.NewLeadID(key)
	l := p.leads[id]
	if _, known := before[id]; !known {
		before[id] = nil
		if l != nil {
			before[id] = l.Clone()
		}
	}
	if l == nil {
		l = model.NewLead(id, "demo")
		p.leads[id] = l
	}
	return l
}

// reborn is the lead out of its record, or out of the arena that leads wait in.
func (w *network) reborn(l *model.Lead) *model.Lead {
	if w.rng.IntN(2) == 0 {
		again := new(model.Lead)
		if err := w.model.Unpack(l.Pack(nil, w.words), l.ID(), w.words, again); err != nil {
			w.t.Fatal(err)
		}
		return again
	}
	b, err := proto.Marshal(w.model.Record(l, 0, nil))
	if err != nil {
		w.t.Fatal(err)
	}
	rec := new(pb.LeadRecord)
	if err := proto.Unmarshal(b, rec); err != nil {
		w.t.Fatal(err)
	}
	again, err := w.model.Restore(rec)
	if err != nil {
		w.t.Fatal(err)
	}
	return again
}
