package scoring

import (
	"context"
	"sync"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicHistory gives the histories that the events topic still holds, up to its end at the time of
// asking: the very records that workers fold, read as they read them. Ids that events have joined are
// one lead; what people said of ids is not in events, and is not known here. Share i of n are the
// partitions p with p % n = i, one after the other, each gathered in memory (about 1 KB an event),
// and the last share to end gives the leads whose events stand in several.
func TopicHistory(kafka []kgo.Opt) replay.Source {
	h := &topicHistory{kafka: kafka}
	return h.share
}

// topicHistory is one reading of the topic by all shares.
type topicHistory struct {
	kafka []kgo.Opt
	once  sync.Once
	err   error
	// What events said of ids that are more than a visitor, and the events of those.
	homes  map[schemas.LeadID]*model.Home
	people map[schemas.LeadID]*replay.History

	mu    sync.Mutex
	ended int
}

func (h *topicHistory) share(ctx context.Context, share, of int, each func(replay.History) error) error {
	r, err := newTopicReader(ctx, h.kafka)
	if err != nil {
		return err
	}
	defer r.asking.Close()
	if h.once.Do(func() { h.err = h.meet(ctx, r) }); h.err != nil {
		return h.err
	}
	for num := int32(share); int(num) < len(r.starts[schemas.TopicEvents]); num += int32(of) {
		if err := h.partition(ctx, r, num, each); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended++; h.ended < of {
		return nil
	}
	for id, person := range h.people {
		if err := each(*person); err != nil {
			return err
		}
		delete(h.people, id)
	}
	return nil
}

// meet reads what events say of ids.
func (h *topicHistory) meet(ctx context.Context, r *topicReader) error {
	h.homes, h.people = map[schemas.LeadID]*model.Home{}, map[schemas.LeadID]*replay.History{}
	home := func(id schemas.LeadID) *model.Home {
		if h.homes[id] == nil {
			h.homes[id] = new(model.Home)
		}
		return h.homes[id]
	}
	for num := range r.starts[schemas.TopicEvents] {
		start, end := r.span(num)
		err := r.moments(ctx, num, start, end, func(t told) {
			ev := t.Event
			if ev.UserId == "" || ev.Bot || ev.Consent == pb.Consent_CONSENT_DENIED {
				return
			}
			home(t.id).Known = true
			if !t.home {
				at, hash := model.Stamp(ev)
				visitor := schemas.NewLeadID(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId))
				home(visitor).AddClaim(model.Claim{Key: schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId), At: at, Hash: hash, ReceivedAt: ev.ReceivedAt})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// person is whose an id's events are, and since when (Unix ms; 0 = its own): claims lead from a visitor to a user, and no further.
func (h *topicHistory) person(id schemas.LeadID) (person schemas.LeadID, joined int64, linked bool) {
	home := h.homes[id]
	if home == nil {
		return id, 0, false
	}
	if key, at := home.Wanted(); key != "" {
		return schemas.NewLeadID(key), at, true
	}
	return id, 0, true
}

// partition gives the leads that stand in it alone, and gathers what it has of the others.
func (h *topicHistory) partition(ctx context.Context, r *topicReader, num int32, each func(replay.History) error) error {
	start, end := r.span(num)
	var order []schemas.LeadID
	alone := map[schemas.LeadID]*replay.History{}
	err := r.moments(ctx, num, start, end, func(t told) {
		id, joined, linked := h.person(t.id)
		t.Joined = joined
		if linked {
			h.mu.Lock()
			defer h.mu.Unlock()
			gather(h.people, id, t.Moment)
		} else if gather(alone, id, t.Moment) {
			order = append(order, id)
		}
	})
	if err != nil {
		return err
	}
	for _, id := range order {
		if err := each(*alone[id]); err != nil {
			return err
		}
		delete(alone, id)
	}
	return nil
}

// gather puts a moment behind what is known of a lead, and tells whether it is the lead's first.
func gather(leads map[schemas.LeadID]*replay.History, id schemas.LeadID, m replay.Moment) (first bool) {
	h := leads[id]
	if first = h == nil; first {
		h = &replay.History{ID: id, Site: m.Event.Site}
		leads[id] = h
	}
	h.Moments = append(h.Moments, m)
	return first
}
