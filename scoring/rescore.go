package scoring

import (
	"context"
	"fmt"
	"maps"
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

// A published model scores all history anew. While the line goes on under the old model, a job plays
// the history of the worker's partitions up to where each stood when it began, and writes the ledger
// of it. Then each partition goes over, in one transaction: what came since is played on top, and
// every lead's record is written. Rows of the ledger count for a lead from its marker on, which is in
// that transaction, too. So whoever dies in between leaves the old model in force, whole; the next
// owner sees leads of the older publication and begins again.

// History gives what happened in partitions, up to an offset of events each (inclusive).
type History func(ctx context.Context, through map[int32]int64) (replay.Source, error)

// rescoring is one job.
type rescoring struct {
	model   *model.Model
	at      map[int32]int64 // partition -> falls up to then are in it
	through map[int32]int64 // partition -> offset of events
	erased  map[schemas.LeadID]int64

	mu    sync.Mutex
	fresh map[int32]*leads // packed: all of them are in memory twice for a while

	stop  context.CancelFunc
	done  chan struct{}
	err   error // valid once done is closed, like retry
	retry time.Time
}

// pending are the partitions that have to be scored anew under the wanted model.
func (s *session) pending(m *model.Model) (list []*partition) {
	if number, _ := m.Publication(); number == 0 || s.history == nil {
		return nil
	}
	for _, p := range s.parts {
		if p.model.Version() != m.Version() || p.leads.outdated() {
			list = append(list, p)
		}
	}
	return list
}

// rescore moves the job on: begins it, or lets partitions go over. It is called between transactions.
func (s *session) rescore(m *model.Model) error {
	list := s.pending(m)
	if j := s.job; j != nil && (len(list) == 0 || j.model != m) {
		j.stop()
		s.job = nil
	}
	switch j := s.job; {
	case len(list) == 0:
		return nil
	case j == nil:
		s.job = s.newRescoring(m, list)
		return nil
	case !j.ended():
		return nil
	case j.err != nil:
		if s.now().After(j.retry) {
			s.job = nil
		}
		return nil
	}
	p := list[0]                   // one a turn: the others' events wait only as long as this
	if s.job.fresh[p.num] == nil { // it came to us meanwhile
		s.job.stop()
		s.job = nil
		return nil
	}
	return s.goOver(p, s.job)
}

// held tells whether leads of an older publication were restored in a partition: nothing may be folded
// into them, and none may fall, before they are scored anew.
func (s *session) held(p *partition) bool { return s.history != nil && p.leads.outdated() }

// hold stops the reading of partitions that are held, and lets the others be read.
func (s *session) hold(client *kgo.Client, parts map[int32]*partition) {
	for num, p := range parts {
		both := map[string][]int32{schemas.TopicEvents: {num}, schemas.TopicRouted: {num}}
		if s.held(p) {
			client.PauseFetchPartitions(both)
		} else {
			client.ResumeFetchPartitions(both)
		}
	}
}

func (s *session) newRescoring(m *model.Model, list []*partition) *rescoring {
	j := &rescoring{model: m, at: map[int32]int64{}, through: map[int32]int64{}, erased: map[schemas.LeadID]int64{},
		fresh: map[int32]*leads{}, done: make(chan struct{})}
	for _, p := range list {
		j.through[p.num], j.fresh[p.num] = p.fence.events, newLeads()
		j.at[p.num] = p.clock(s.now().UnixMilli())
		if s.held(p) { // a backlog waits, whose events may have kept leads up
			j.at[p.num] = p.watermark
		}
		p.leads.rows.each(func(r row) {
			l := new(model.Lead)
			p.leads.unpack(p.model, r, l)
			if until := l.ErasedUntil(); until != 0 {
				j.erased[r.id] = until
			}
		})
	}
	s.log.Info("scoring: a published model: history is scored anew", zap.String("model", m.Version()),
		zap.Int32s("partitions", slices.Sorted(maps.Keys(j.through))))
	ctx, stop := context.WithCancel(s.ctx)
	j.stop = stop
	go func() {
		defer close(j.done)
		if j.err = j.run(ctx, s.Worker); j.err != nil {
			j.retry = time.Now().Add(10 * time.Second)
			if ctx.Err() == nil {
				s.log.Error("scoring: history cannot be scored anew, trying again in 10 s; the old model goes on", zap.Error(j.err))
			}
		}
	}()
	return j
}

func (j *rescoring) ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// run plays everything up to `through` and writes the ledger of it.
func (j *rescoring) run(ctx context.Context, w *Worker) error {
	source, err := w.history(ctx, j.through)
	if err != nil {
		return err
	}
	out, err := kgo.NewClient(append(append([]kgo.Opt{}, w.kafka...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return fmt.Errorf("scoring: kafka client for the ledger: %w", err)
	}
	defer out.Close()
	var failed error
	var once sync.Once
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
	}
	var progress replay.Progress
	err = replay.Run(ctx, source, max(1, runtime.GOMAXPROCS(0)/2), &progress, func(_ int, h replay.History) error {
		num := h.Moments[0].Partition
		if j.fresh[num] == nil {
			return nil
		}
		h.Moments = slices.DeleteFunc(h.Moments, func(m replay.Moment) bool { return m.Event.GetReceivedAt() <= j.erased[h.ID] })
		until := j.at[num]
		for _, m := range h.Moments {
			until = max(until, m.Event.GetReceivedAt()) // a collector's clock may be ahead of ours
		}
		lead := replay.Play(j.model, h, until, func(o model.Outcome) {
			for _, row := range o.Ledger {
				if row.Reason == model.ReasonPublished {
					continue // they count when the partition goes over, not before
				}
				if b, err := row.MarshalVT(); err == nil && len(b) <= maxOutput {
					out.Produce(ctx, &kgo.Record{Topic: schemas.TopicLedger, Partition: num, Key: []byte(schemas.LeadID(row.LeadId).String()), Value: b, Headers: w.mark(again)}, promise)
				}
			}
		})
		if lead == nil {
			return nil
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.fresh[num].store(lead, 0)
		j.fresh[num].rows.clean()
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

// goOver makes one partition's leads those of the job, with what came since on top, in one transaction.
func (s *session) goOver(p *partition, j *rescoring) error {
	if err := s.begin(); err != nil {
		return err
	}
	s.txn.join(p)
	fresh, old := j.fresh[p.num], p.model
	if err := s.catchUp(p, j); err != nil {
		return err
	}
	_, at := j.model.Publication() // what freshness is measured from
	kept, src := 0, &pb.Source{Topic: schemas.TopicEvents, Partition: p.num, Offset: p.fence.events}
	p.leads.rows.each(func(r row) {
		t := p.touch(old, r.id, "")
		lead := new(model.Lead)
		_, known := fresh.load(j.model, r.id, lead)
		t.changed, t.receivedAt, t.source = true, at, src
		// Its events are gone from the tables, or ids are joined to it, whose events stand in other
		// partitions: it stays what it is.
		if !known || t.lead.Linked() {
			kept++
			t.lead.RaiseRevision(t.lead.Revision() + 1)
			return
		}
		out := j.model.Rescore(t.lead, lead, src)
		s.emit(p, out)
	})
	p.model = j.model
	if err := s.commit(); err != nil {
		return err
	}
	if p.model != j.model {
		s.job = nil // aborted by a rebalance and undone, also what was played on top: begin again
		return nil
	}
	p.leads.old = nil
	s.hold(s.kafka.Client(), map[int32]*partition{p.num: p})
	p.snapshotBytes++
	s.metrics.rescored.Add(float64(p.leads.len() - kept))
	s.log.Info("scoring: went over to the published model", zap.Int32("partition", p.num), zap.String("model", j.model.Version()),
		zap.Int("leads", p.leads.len()), zap.Int("without history or joined, kept", kept))
	return nil
}

// catchUp plays on top of the job what the partition has folded since it began.
func (s *session) catchUp(p *partition, j *rescoring) error {
	if p.fence.events <= j.through[p.num] {
		return nil
	}
	fresh := j.fresh[p.num]
	tail := TopicHistory(s.Worker.kafka, map[int32]int64{p.num: j.through[p.num] + 1})
	err := tail(s.ctx, int(p.num), 1<<30, func(h replay.History) error {
		lead := model.NewLead(h.ID, h.Site)
		if _, known := fresh.load(j.model, h.ID, lead); !known {
			lead = model.NewLead(h.ID, h.Site)
		}
		for _, x := range h.Moments {
			if x.Offset > p.fence.events || x.Event.GetReceivedAt() <= j.erased[h.ID] {
				continue
			}
			j.model.Fold(lead, max(x.Event.GetReceivedAt(), lead.Clock()))
			out := j.model.Apply(lead, x.Event, &pb.Source{Topic: schemas.TopicEvents, Partition: x.Partition, Offset: x.Offset})
			s.emit(p, model.Outcome{Ledger: out.Ledger})
		}
		if lead.Stage() != "" {
			fresh.store(lead, 0)
			fresh.rows.clean()
		}
		return nil
	})
	j.through[p.num] = p.fence.events
	return err
}
