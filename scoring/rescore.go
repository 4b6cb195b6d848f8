package scoring

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// A published model scores all history anew. While the line goes on under the old model, a job plays
// the history of the worker's partitions up to where each stood when it began, and writes the ledger
// of it (rescore_job.go). Then each partition goes over, in one transaction: what came since is played
// on top (rescore_tail.go), and every lead's record is written. Rows of the ledger count for a lead
// from its marker on, which is in that transaction, too. So whoever dies in between leaves the old
// model in force, whole; the next owner sees leads of the older publication and begins again.
//
// A lead that ids are joined to is played from the events of all its ids, which stand in other
// partitions. Ids may be joined or split while the job runs, and a part may come from a partition
// that has not gone over: such a lead keeps what it has, owes (model.Lead.Owe), and is scored by the
// next job, which is for those leads only.

// pending are the partitions that have leads to be scored anew under the wanted model.
func (s *session) pending(m *model.Model) (list []*partition) {
	if number, _ := m.Publication(); number == 0 || s.history == nil {
		return nil
	}
	for _, p := range s.parts {
		if p.model.Version() != m.Version() || p.leads.outdated() || len(p.leads.owing) > 0 {
			list = append(list, p)
		}
	}
	return list
}

// jobPause lets leads that are joined one after the other be scored together.
const jobPause = time.Second

// rescore moves the job on: begins it, or lets partitions go over. It is called between transactions.
func (s *session) rescore(m *model.Model) error {
	list := s.pending(m)
	if j := s.job; j != nil && (len(list) == 0 || j.model != m) {
		s.endJob()
	}
	switch j := s.job; {
	case len(list) == 0:
		return nil
	case j == nil:
		if s.now().After(s.nextJob) {
			s.job = s.newRescoring(m, list)
		}
		return nil
	case !j.ended():
		return nil
	case j.err != nil:
		if s.now().After(j.retry) {
			s.endJob()
		}
		return nil
	}
	// One a turn: the others' events wait only as long as this.
	at := slices.IndexFunc(list, func(p *partition) bool { return s.job.parts[p.num] != nil })
	if at < 0 { // what is left came to us, or was joined, meanwhile
		s.endJob()
		s.nextJob = s.now().Add(jobPause)
		return nil
	}
	return s.goOver(list[at], s.job)
}

// endJob forgets the job, whatever of it is done.
func (s *session) endJob() {
	s.job.stop()
	s.job = nil
	for _, p := range s.parts {
		p.log = nil
	}
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

// newRescoring notes who is to be scored, and begins to.
func (s *session) newRescoring(m *model.Model, list []*partition) *rescoring {
	j := newRescoring(m)
	for num, p := range s.parts {
		j.past.Through[num], j.routed[num] = p.fence.events, p.fence.routed+1
	}
	for _, p := range list {
		at := p.clock(s.now().UnixMilli())
		if s.held(p) { // a backlog waits, whose events may have kept leads up
			at = p.watermark
		}
		j.ask(p, at)
		p.log = []eventMark{}
	}
	s.log.Info("scoring: a published model: history is scored anew", zap.String("model", m.Version()),
		zap.Int32s("partitions", slices.Sorted(maps.Keys(j.parts))), zap.Int32s("whole", j.past.Whole), zap.Int("ids of people", len(j.past.People)))
	j.start(s)
	return j
}

// goOver makes one partition's leads those of the job, with what came since on top, in one transaction.
func (s *session) goOver(p *partition, j *rescoring) error {
	since, err := s.catchUp(p, j)
	if err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	s.txn.join(p)
	for _, row := range since {
		s.emit(p, model.Outcome{Ledger: []*pb.LedgerRow{row}})
	}
	over := s.switchLeads(p, j)
	p.model = j.model
	if err := s.commit(); err != nil {
		return err
	}
	if p.model != j.model {
		s.endJob() // aborted by a rebalance and undone, also what was played on top: begin again
		return nil
	}
	if j.parts[p.num].whole {
		p.leads.old = nil
	}
	delete(j.parts, p.num)
	p.log = nil
	s.hold(s.kafka.Client(), map[int32]*partition{p.num: p})
	p.snapshotBytes++
	s.metrics.rescored.Add(float64(over.scored))
	s.log.Info("scoring: went over to the published model", zap.Int32("partition", p.num), zap.String("model", j.model.Version()),
		zap.Int("leads", over.scored), zap.Int("without history, kept", over.kept), zap.Int("joined meanwhile, to be scored next", over.owe))
	return nil
}

// switched counts what became of leads.
type switched struct{ scored, kept, owe int }

// switchLeads puts the job's leads in the place of those that stand.
func (s *session) switchLeads(p *partition, j *rescoring) (n switched) {
	_, at := j.model.Publication() // what freshness is measured from
	src := &pb.Source{Topic: schemas.TopicEvents, Partition: p.num, Offset: p.fence.events}
	share, old := j.parts[p.num], p.model
	p.leads.rows.each(func(r row) {
		if !share.whole && !j.isHome(p.num, r.id) {
			return
		}
		t, lead := p.touch(old, r.id, ""), new(model.Lead)
		_, asked := share.fresh.load(j.model, r.id, lead)
		t.changed, t.receivedAt, t.source = true, at, src
		switch {
		case t.lead.Away() != "":
			t.lead.Keep() // nothing of it is here
		case j.changed(t.lead, lead):
			t.lead.Owe(cmp.Or(t.lead.Scored(), old.Version()))
			n.owe++
		case !asked || lead.Stage() == "":
			t.lead.Keep() // its events are gone from the tables: it stays what it is
			n.kept++
		default:
			s.emit(p, j.model.Rescore(t.lead, lead, src))
			n.scored++
		}
	})
	return n
}
