package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The planted rates of older leads: what funnel and forecast must find again.
const (
	coldRate   = 0.55 // never come near sales
	acceptRate = 0.70 // of those in intent, taken by sales
	dealRate   = 0.65 // of the accepted, become an opportunity
	winRate    = 0.60 // of the opportunities
	pastDays   = 120
	matureDays = 35 // younger ones are still open
)

// past writes the life of one older lead: a cold one's visits, or a buyer's and
// then what sales made of it. Younger ones have no end yet.
func (p *Plan) past(r *rand.Rand, anon, base string, end time.Time) []Event {
	age := time.Duration(3+r.IntN(pastDays)) * 24 * time.Hour
	born := end.Add(-age)
	if r.Float64() < coldRate {
		cold := [](func(*rand.Rand) [][]step){bouncer, bouncer, reader, evaluator}[r.IntN(4)](r)
		return asHistory(p.play(r, anon, base, spread(r, cold, born, born.Add(10*time.Hour))))
	}
	events := p.play(r, anon, base, spread(r, buyer(r), born, born.Add(10*time.Hour)))
	at := born.Add(time.Duration(12+r.IntN(24)) * time.Hour)
	for i, e := range outcome(r, age) {
		if at.After(end) {
			break
		}
		e.EventID, e.AnonymousID, e.Type = fmt.Sprintf("%s-crm-%d", anon, i), anon, "crm"
		e.Timestamp = at.UnixMilli()
		events = append(events, e)
		at = at.Add(time.Duration(24*(1+r.IntN(7))) * time.Hour)
	}
	return asHistory(events)
}

// asHistory says that events were received when they happened.
func asHistory(events []Event) []Event {
	for i := range events {
		events[i].ReceivedAt = events[i].Timestamp
	}
	return events
}

func outcome(r *rand.Rand, age time.Duration) []Event {
	moves := []Event{}
	add := func(stage string, more map[string]any) {
		props := map[string]any{"stage": stage}
		for k, v := range more {
			props[k] = v
		}
		moves = append(moves, Event{Name: stage, Properties: props})
	}
	if r.Float64() > acceptRate {
		if age > matureDays*24*time.Hour {
			add("lost", map[string]any{"reason": "no answer"})
		}
		return moves
	}
	add("accepted", nil)
	if r.Float64() > dealRate {
		if age > matureDays*24*time.Hour {
			add("lost", map[string]any{"reason": "no budget"})
		}
		return moves
	}
	amount := float64(2000 + 500*r.IntN(60))
	deal := map[string]any{"amount": amount, "currency": "EUR", "deal_id": fmt.Sprintf("d-%08x", r.Uint32())}
	add("opportunity", deal)
	if age <= matureDays*24*time.Hour {
		return moves
	}
	if r.Float64() < winRate {
		add("won", deal)
	} else {
		add("lost", map[string]any{"reason": "rival", "deal_id": deal["deal_id"]})
	}
	return moves
}
