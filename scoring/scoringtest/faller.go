package scoringtest

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// Faller is a lead whose past lets it fall from `aware` at an instant that a test can wait for, if
// nothing more happens.
type Faller struct {
	Lead   schemas.LeadID
	Events []*pb.Event // in their order; each was received when it happened, and belongs into the topic with that timestamp
	At     int64       // the instant, Unix ms
}

// habit is a day's behaviour. By the built-in model a quarter of a minute is a point, and so is a page;
// an article is three more, a look for a job takes 15, and the day's first page is two for the visit.
type habit struct{ quarters, articles, jobs int }

// weight is what is left at an instant of a day's points, by their half-lives: 7, 14 and 90 days.
type weight struct{ week, fortnight, season float64 }

func weightsAt(ends []int64, at int64) (w []weight) {
	for _, end := range ends {
		age := float64(at-end) / float64(day.Milliseconds())
		w = append(w, weight{math.Exp2(-age / 7), math.Exp2(-age / 14), math.Exp2(-age / 90)})
	}
	return w
}

func sum(w []weight, past []habit) (score float64) {
	for i, d := range past {
		pages := d.articles + d.jobs
		score += float64(d.quarters+pages)*w[i].week + float64(3*d.articles+2*min(1, pages))*w[i].fortnight - float64(15*d.jobs)*w[i].season
	}
	return score
}

const (
	day = 24 * time.Hour
	// floor is where the built-in model has a lead fall from `aware`.
	floor = 10
	// calm is how many days at the end are chosen, not drawn; about busy of those before bring points.
	calm, busy = 3, 4
	// maxDraws is a hundred times what a span of a second takes.
	maxDraws = 1_000_000
)

// Fallers draws pasts of visitors, `days` days long until yesterday, until there are n whose leads fall
// within the span; the model itself says when. Points come whole, so few pasts lead to a given second:
// the last days are chosen among all that there could be, by what is missing to the floor. The visitors
// are called name-0, name-1, and so on.
func Fallers(rnd *rand.Rand, site, name string, n, days int, from, until time.Time) (list []Faller) {
	m := model.Default()
	today := from.UTC().Truncate(day)
	past, ends := make([]habit, days), make([]int64, days)
	for i := range ends {
		ends[i] = today.Add(-time.Duration(days-1-i) * day).UnixMilli()
	}
	first, last := from.UnixMilli(), until.UnixMilli()
	before, after := weightsAt(ends, first), weightsAt(ends, last)
	drawn, choice := past[:days-calm], allCalm(before[days-calm:])
	for draws := 0; len(list) < n; draws++ {
		if draws > n*maxDraws {
			panic(fmt.Sprintf("scoringtest: the built-in model has changed: no past lets a lead fall from aware between %s and %s", from, until))
		}
		draw(rnd, drawn)
		i, _ := slices.BinarySearchFunc(choice, floor-sum(before, drawn), func(c chosen, missing float64) int { return cmp.Compare(c.sum, missing) })
		if i == len(choice) {
			continue
		}
		copy(past[days-calm:], choice[i].days[:])
		if sum(after, past) >= floor {
			continue
		}
		f := Faller{Events: lived(rnd, site, fmt.Sprintf("%s-%d", name, len(list)), past, ends)}
		if f.falls(m) && first <= f.At && f.At <= last {
			list = append(list, f)
		}
	}
	return list
}

// draw makes some of the days busy.
func draw(rnd *rand.Rand, past []habit) {
	for i := range past {
		if past[i] = (habit{}); rnd.IntN(len(past)) < busy {
			past[i] = habit{rnd.IntN(10), rnd.IntN(2), 0}
		}
	}
}

// chosen is what the last days may be, and what they come to.
type chosen struct {
	days [calm]habit
	sum  float64
}

// allCalm are all of them, by what they come to.
func allCalm(w []weight) (all []chosen) {
	var habits []habit
	for q := range 5 {
		for a := range 2 {
			for j := range 2 {
				habits = append(habits, habit{q, a, j})
			}
		}
	}
	for _, x := range habits {
		for _, y := range habits {
			for _, z := range habits {
				c := chosen{days: [calm]habit{x, y, z}}
				c.sum = sum(w, c.days[:])
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b chosen) int { return cmp.Compare(a.sum, b.sum) })
	return all
}

// lived are the events of that past: on each day one visit at any time, with a page an article and one report of time spent.
func lived(rnd *rand.Rand, site, visitor string, past []habit, ends []int64) (events []*pb.Event) {
	for i, d := range past {
		at := ends[i] - day.Milliseconds() + rnd.Int64N(23*time.Hour.Milliseconds())
		say := func(kind string) *pb.Event {
			at += 1 + rnd.Int64N(1000)
			id := fmt.Sprintf("%s-%d-%d", visitor, i, len(events))
			ev := &pb.Event{
				EventId: id, Site: site, Type: kind, AnonymousId: visitor, EventTime: at, ReceivedAt: at,
				SessionId: fmt.Sprintf("%s-%d", visitor, i), ViewId: id, Host: "example.test", Protocol: "native",
			}
			events = append(events, ev)
			return ev
		}
		for n := range d.articles {
			say("page").Path = fmt.Sprintf("/blog/%d-%d", i, n)
		}
		if d.jobs > 0 {
			say("page").Path = "/careers"
		}
		if d.quarters > 0 {
			say("dwell").EngagedMs = uint32(d.quarters) * 15_000
		}
	}
	return events
}

// falls asks the model: the lead has become aware, has not fallen yet, and nothing else became of it.
func (f *Faller) falls(m *model.Model) bool {
	if len(f.Events) == 0 {
		return false
	}
	ev := f.Events[0]
	f.Lead = schemas.NewLeadID(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId))
	lead, moves := model.NewLead(f.Lead, ev.Site), 0
	for _, ev := range f.Events {
		m.Fold(lead, ev.ReceivedAt)
		moves += len(m.Apply(lead, ev, nil).Stages)
	}
	var ok bool
	f.At, ok = m.Due(lead)
	return ok && moves == 2 && lead.Stage() == "aware"
}
