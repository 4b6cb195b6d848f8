package replay

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// History is all that one lead did.
type History struct {
	ID   schemas.LeadID
	Site string
	// Moments stand as they were folded when they were new, after Arrange.
	Moments []Moment
}

// Moment is one event and where it stood in the topic.
type Moment struct {
	Event     *pb.Event
	Partition int32
	Offset    int64
	// Joined is when the id that the event names was joined to the lead, Unix ms; 0 = it is the lead's own.
	Joined int64
}

// Arrange puts the moments into the order in which a worker met them. In one partition that is
// the order of offsets, whatever the clocks say. Where a lead's events come from several (its
// devices), each of them has to wait until the lead's clock, the largest received_at met so far in
// its own partition, has come.
func (h *History) Arrange() {
	slices.SortFunc(h.Moments, func(a, b Moment) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	type keyed struct {
		clock int64
		Moment
	}
	list := make([]keyed, len(h.Moments))
	for i, m := range h.Moments {
		list[i] = keyed{m.Event.GetReceivedAt(), m}
		if i > 0 && list[i-1].Partition == m.Partition {
			list[i].clock = max(list[i].clock, list[i-1].clock)
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return cmp.Compare(a.clock, b.clock) })
	for i := range list {
		h.Moments[i] = list[i].Moment
	}
}

// Source gives the histories of one share of all leads, arranged or not, each lead once and whole.
// The shares are 0..of-1; they are asked for side by side.
type Source func(ctx context.Context, share, of int, each func(History) error) error

// Progress counts what has been played; it may be read while a replay runs.
type Progress struct{ Events, Leads atomic.Int64 }

// Run plays all histories on `cores` of them at once. each is called side by side, with the number
// of its share, so that a share can gather without a lock.
func Run(ctx context.Context, source Source, cores int, progress *Progress, each func(share int, h History) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for share := range cores {
		group.Go(func() error {
			return source(ctx, share, cores, func(h History) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				h.Arrange()
				if err := each(share, h); err != nil {
					return err
				}
				progress.Events.Add(int64(len(h.Moments)))
				progress.Leads.Add(1)
				return nil
			})
		})
	}
	return group.Wait()
}

// Play folds a history up to an instant: what was received by then, and the falls that were due
// by then. see, if given, is shown all that came of it on the way. The lead is nil when nothing made
// one: machines, or visitors who said no.
func Play(m *model.Model, h History, until int64, see func(model.Outcome)) *model.Lead {
	return PlayOn(m, model.NewLead(h.ID, h.Site), h, until, see)
}

// PlayOn is Play on top of a lead that is there already: an empty one of the same ids (Lead.Anew), or one that a part of
// the history was played on.
func PlayOn(m *model.Model, lead *model.Lead, h History, until int64, see func(model.Outcome)) *model.Lead {
	if see == nil {
		see = func(model.Outcome) {}
	}
	for _, x := range h.Moments {
		ev := x.Event
		if ev.GetReceivedAt() > until {
			continue
		}
		m.Fold(lead, max(ev.GetReceivedAt(), lead.Clock())) // as a worker does before each event: its watermark never goes back
		see(m.Apply(lead, ev, &pb.Source{Topic: schemas.TopicEvents, Partition: x.Partition, Offset: x.Offset}))
	}
	if lead.Stage() == "" {
		return nil
	}
	see(m.Fire(lead, until, nil))
	return lead
}
