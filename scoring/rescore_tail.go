package scoring

import (
	"context"
	"fmt"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// others finds out where the partitions of other workers stand, and which events are on their way over
// routed. Where ours stand was noted before: an event that went out since is found on its way, or was
// folded since and is in the partition's log.
func (j *rescoring) others(ctx context.Context, s *session) error {
	// Stable: an offset may be seen later than the records of its transaction, and would leave out what our leads have had.
	committed, err := s.admin.FetchOffsetsForTopics(kadm.RequireStable(ctx), s.cfg.Group, schemas.TopicEvents, schemas.TopicRouted)
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: where the partitions of group %s stand: %w", s.cfg.Group, err)
	}
	starts, ends, err := bounds(ctx, s.admin, schemas.TopicRouted)
	if err != nil {
		return err
	}
	at := func(topic string, num int32) int64 {
		o, _ := committed.Lookup(topic, num)
		return max(0, o.At)
	}
	way := s.newTail(schemas.TopicRouted, func(r *kgo.Record) {
		if r.Attrs.IsControl() || !s.concerns(r) {
			return
		}
		if _, routed, no := decodeRouted(r); no == nil && routed.GetEvent() != nil {
			j.onWay[markOf(routed.GetEvent())] = struct{}{}
		}
	})
	for num := range int32(s.homes.count) {
		if _, ours := j.past.Through[num]; !ours {
			j.past.Through[num], j.routed[num] = at(schemas.TopicEvents, num)-1, at(schemas.TopicRouted, num)
		}
		way.add(num, max(j.routed[num], offsetOf(starts, schemas.TopicRouted, num)), offsetOf(ends, schemas.TopicRouted, num))
	}
	return way.read(ctx)
}

// noteFolded remembers, while a job runs, an event that a lead of several ids has had: it may stand in
// any partition.
func (p *partition) noteFolded(l *model.Lead, ev *pb.Event) {
	if p.log != nil && ev != nil && l.Linked() {
		p.log = append(p.log, markOf(ev))
	}
}

// catchUp plays on top of the job what the partition has folded since it began, and gives the ledger of it.
func (s *session) catchUp(p *partition, j *rescoring) (rows []*pb.LedgerRow, err error) {
	since, err := s.foldedSince(p, j)
	if err != nil {
		return nil, err
	}
	fresh := j.parts[p.num].fresh
	for id, h := range since {
		h.Arrange()
		lead := model.NewLead(id, h.Site)
		if _, known := fresh.load(j.model, id, lead); !known {
			lead = model.NewLead(id, h.Site)
		}
		for _, x := range h.Moments {
			j.model.Fold(lead, max(x.Event.GetReceivedAt(), lead.Clock()))
			out := j.model.Apply(lead, x.Event, &pb.Source{Topic: schemas.TopicEvents, Partition: x.Partition, Offset: x.Offset})
			rows = append(rows, out.Ledger...)
		}
		if lead.Stage() != "" {
			fresh.store(lead, 0)
			fresh.rows.clean()
		}
	}
	return rows, nil
}

// foldedSince is what the partition's leads have had since the job began, by lead.
func (s *session) foldedSince(p *partition, j *rescoring) (map[schemas.LeadID]*replay.History, error) {
	since := map[schemas.LeadID]*replay.History{}
	had := make(map[eventMark]struct{}, len(p.log))
	for _, m := range p.log {
		had[m] = struct{}{}
	}
	take := func(t told) {
		person, is := j.past.People[t.id]
		_, folded := had[markOf(t.Event)]
		_, away := j.away[t.id]
		mine := is && j.isHome(p.num, person) && folded
		if !is {
			person = t.id
			mine = j.parts[p.num].whole && t.home && !away && t.Partition == p.num && t.Offset <= p.fence.events
		}
		if mine && t.Event.GetReceivedAt() > max(j.erased[person], j.erased[t.id]) {
			gather(since, person, t.Moment)
		}
	}
	for _, t := range j.late {
		take(t)
	}
	if len(had) == 0 && p.fence.events <= j.past.Through[p.num] {
		return since, nil
	}
	r, err := newTopicReader(s.ctx, s.Worker.kafka)
	if err != nil {
		return nil, err
	}
	defer r.asking.Close()
	for num, through := range j.past.Through {
		if num != p.num && len(had) == 0 {
			continue // nothing of another partition's came
		}
		start, end := r.span(num)
		if err := r.moments(s.ctx, num, max(start, through+1), end, take); err != nil {
			return nil, err
		}
	}
	return since, nil
}
