package scoring

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// Past is what a publication asks of what happened.
type Past struct {
	// Through is the last offset of events that counts, of each partition.
	Through map[int32]int64
	// Whole are the partitions all of whose leads are asked for, but for ids of People.
	Whole []int32
	// People are ids whose events of all partitions are asked for, and the lead that each counts for:
	// their events come as one history of that lead.
	People map[schemas.LeadID]schemas.LeadID
}

// History gives what happened.
type History func(context.Context, Past) (replay.Source, error)

// rescoring is one job.
type rescoring struct {
	model  *model.Model
	past   Past
	parts  map[int32]*anew
	homes  map[schemas.LeadID]int32    // of leads of People: their partition
	away   map[schemas.LeadID]struct{} // ids of the partitions that count for a lead elsewhere
	erased map[schemas.LeadID]int64
	// routed is the first offset of routed that is not folded, of each partition. Events that stand
	// behind it are on their way: their leads have not had them.
	routed map[int32]int64
	onWay  map[eventMark]struct{}

	mu   sync.Mutex
	late []told // events of People that were on their way when the job began

	stop  context.CancelFunc
	done  chan struct{}
	err   error // valid once done is closed, like retry
	retry time.Time
}

// anew is one partition of a job.
type anew struct {
	whole bool
	at    int64  // falls up to then are in it
	fresh *leads // packed: all of them are in memory twice for a while
}

// eventMark tells an event from others, in whatever topic it stands.
type eventMark struct {
	hash       uint64
	receivedAt int64
}

func markOf(ev *pb.Event) eventMark {
	_, hash := model.Stamp(ev)
	return eventMark{hash, ev.ReceivedAt}
}

func newRescoring(m *model.Model) *rescoring {
	return &rescoring{model: m, past: Past{Through: map[int32]int64{}, People: map[schemas.LeadID]schemas.LeadID{}},
		parts: map[int32]*anew{}, homes: map[schemas.LeadID]int32{}, away: map[schemas.LeadID]struct{}{},
		erased: map[schemas.LeadID]int64{}, routed: map[int32]int64{}, onWay: map[eventMark]struct{}{}, done: make(chan struct{})}
}

// ask makes a partition's leads part of the job: all, or those that owe.
func (j *rescoring) ask(p *partition, at int64) {
	share := &anew{whole: p.model.Version() != j.model.Version() || p.leads.outdated(), at: at, fresh: newLeads()}
	j.parts[p.num] = share
	if share.whole {
		j.past.Whole = append(j.past.Whole, p.num)
	}
	p.leads.rows.each(func(r row) {
		_, owes := p.leads.owing[r.id]
		if !share.whole && !owes {
			return
		}
		l := new(model.Lead)
		p.leads.unpack(p.model, r, l)
		for id, until := range l.IDs {
			if until != 0 {
				j.erased[id] = until
			}
		}
		switch {
		case l.Away() != "":
			j.away[r.id] = struct{}{}
		case l.Linked() || owes:
			for id := range l.IDs {
				j.past.People[id] = r.id
			}
			j.homes[r.id] = p.num
			share.fresh.store(l.Anew(), 0)
		}
	})
	share.fresh.rows.clean()
}

// isHome tells whether a lead is one of a partition's that the job asked the events of all its ids for.
func (j *rescoring) isHome(num int32, id schemas.LeadID) bool {
	home, is := j.homes[id]
	return is && home == num
}

// changed tells whether a lead is another than the job asked for: ids were joined or split, or it was erased.
func (j *rescoring) changed(now, fresh *model.Lead) bool {
	if _, is := j.homes[now.ID()]; is {
		return !now.Fits(fresh)
	}
	_, was := j.away[now.ID()]
	return was || now.Linked() || now.ErasedUntil() != j.erased[now.ID()]
}

func (j *rescoring) start(s *session) {
	ctx, stop := context.WithCancel(s.ctx)
	j.stop = stop
	go func() {
		defer close(j.done)
		if j.err = j.run(ctx, s); j.err != nil {
			j.retry = time.Now().Add(10 * time.Second)
			if ctx.Err() == nil {
				s.log.Error("scoring: history cannot be scored anew, trying again in 10 s; the old model goes on", zap.Error(j.err))
			}
		}
	}()
}

func (j *rescoring) ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// run plays everything up to where the partitions stood, and writes the ledger of it.
func (j *rescoring) run(ctx context.Context, s *session) error {
	if len(j.past.People) > 0 {
		if err := j.others(ctx, s); err != nil {
			return err
		}
	}
	source, err := s.history(ctx, j.past)
	if err != nil {
		return err
	}
	out, err := kgo.NewClient(append(append([]kgo.Opt{}, s.Worker.kafka...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return fmt.Errorf("scoring: kafka client for the ledger: %w", err)
	}
	defer out.Close()
	var failed error
	var once sync.Once
	write := func(num int32, row *pb.LedgerRow) {
		if b, err := row.MarshalVT(); err == nil && len(b) <= maxOutput {
			out.Produce(ctx, &kgo.Record{Topic: schemas.TopicLedger, Partition: num, Key: []byte(schemas.LeadID(row.LeadId).String()), Value: b, Headers: s.mark(again)}, func(_ *kgo.Record, err error) {
				if err != nil {
					once.Do(func() { failed = err })
				}
			})
		}
	}
	var progress replay.Progress
	err = replay.Run(ctx, source, max(1, runtime.GOMAXPROCS(0)/2), &progress, func(_ int, h replay.History) error {
		j.play(s.homesOf, h, write)
		return nil
	})
	if err == nil {
		err = out.Flush(ctx)
	}
	if err == nil {
		err = failed
	}
	return err
}

// again marks rows of what happened long ago: their age is no lag.
var again = []kgo.RecordHeader{{Key: schemas.HeaderAgain, Value: []byte{1}}}

// play plays one lead's history, if it is one of those asked for.
func (j *rescoring) play(homeOf func(*pb.Event) int32, h replay.History, write func(int32, *pb.LedgerRow)) {
	num, person := j.homes[h.ID]
	if !person {
		num = h.Moments[0].Partition
		_, away := j.away[h.ID]
		if share := j.parts[num]; share == nil || !share.whole || away || homeOf(h.Moments[0].Event) != num {
			return
		}
	}
	share := j.parts[num]
	h.Moments = slices.DeleteFunc(h.Moments, func(m replay.Moment) bool { return j.passes(h.ID, person, m) })
	lead := model.NewLead(h.ID, h.Site)
	if person {
		j.mu.Lock()
		share.fresh.load(j.model, h.ID, lead)
		j.mu.Unlock()
	}
	until := share.at
	for _, m := range h.Moments {
		until = max(until, m.Event.GetReceivedAt()) // a collector's clock may be ahead of ours
	}
	lead = replay.PlayOn(j.model, lead, h, until, func(o model.Outcome) {
		for _, row := range o.Ledger {
			if row.Reason != model.ReasonPublished { // they count when the partition goes over, not before
				write(num, row)
			}
		}
	})
	if lead == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	share.fresh.store(lead, 0)
	share.fresh.rows.clean()
}

// passes tells whether the lead has not had an event: it was erased, or is on its way.
func (j *rescoring) passes(id schemas.LeadID, person bool, m replay.Moment) bool {
	origin := id
	if person {
		origin = originOf(m.Event)
	}
	if m.Event.GetReceivedAt() <= max(j.erased[id], j.erased[origin]) {
		return true
	}
	if !person {
		return false
	}
	_, on := j.onWay[markOf(m.Event)]
	if on {
		j.mu.Lock()
		j.late = append(j.late, told{Moment: m, id: origin})
		j.mu.Unlock()
	}
	return on
}

// originOf is the id that an event counts for.
func originOf(ev *pb.Event) schemas.LeadID {
	return schemas.NewLeadID(schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId))
}

// homesOf is the partition of the id that an event counts for.
func (s *session) homesOf(ev *pb.Event) int32 {
	return s.homes.of(schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId))
}
