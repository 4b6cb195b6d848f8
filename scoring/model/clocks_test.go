package model

import (
	"testing"

	"leadstream/schemas/pb"
)

// daily pays once a day; nothing fades before the end of its day.
func daily(t *testing.T) *Model {
	return mustLoad(t, "version: 1\nname: daily\nrules: [{id: a, on: page, points: 8, limit: {per_day: 1}}]\nstages: [{id: x, up: 0}, {id: y, up: 50}]\n")
}

// at is a page that its sender dates otherwise than the collector.
func at(id string, happened, received int64) *pb.Event {
	ev := page(id, "/", happened)
	ev.ReceivedAt = received
	return ev
}

// A UTC day ends at midnight of the sender's clock, to the millisecond, whenever the events arrive.
func TestADayEndsAtMidnight(t *testing.T) {
	midnight := endOf(dayOf(monday))
	for name, c := range map[string]struct {
		first, second int64
		score         float64
	}{
		"both sides of midnight": {midnight - 1, midnight, 16},
		"just before it":         {midnight - 2, midnight - 1, 8},
		"just after it":          {midnight, midnight + 1, 8},
	} {
		for _, received := range []int64{midnight + 10, midnight + 3*msDay} {
			m, l := daily(t), lead()
			m.Apply(l, at("2", c.second, received), nil) // the later one first
			m.Apply(l, at("1", c.first, received), nil)
			if got := m.Score(l, midnight-1); got != c.score {
				t.Errorf("%s, received %d ms after it: score %v, want %v", name, received-midnight, got, c.score)
			}
		}
	}
}

// An event from the future counts as of five minutes after its arrival and never opens a day ahead: another one of
// the day that it arrived on is one too many, whichever comes first.
func TestAnEventFromTheFutureCountsWhenItArrived(t *testing.T) {
	for _, ahead := range []int64{msMinute, msHour, 3 * msDay, 4000 * msDay} {
		for _, futureFirst := range []bool{true, false} {
			m, l := daily(t), lead()
			events := []*pb.Event{at("future", monday+ahead, monday), at("now", monday, monday)}
			if !futureFirst {
				events[0], events[1] = events[1], events[0]
			}
			for _, ev := range events {
				m.Apply(l, ev, nil)
			}
			if got := m.Score(l, monday); got != 8 {
				t.Errorf("%d ms ahead, first %v: score %v, want 8", ahead, futureFirst, got)
			}
		}
	}
}
