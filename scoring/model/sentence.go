package model

import (
	"math"
	"strings"
	"time"

	"leadstream/schemas"
)

// telling is what a sentence says: who it is, what they did and when, where they stand, what next. What does not
// fit in one breath stays in details.
type telling struct {
	name, company string
	deeds, but    []deed // what gives points, and what takes them
	stage         schemas.StageName
	sales         bool // whose word moves it
	over          bool // won or lost: nothing comes after
	call          bool // the next word is sales'
	points        int
	flags         []schemas.StageName
	next          *schemas.NextStage
	nextDid       deed      // the single rule that would lead there
	rests         time.Time // no promotion before; zero = none is held up
	falls         *schemas.Fall
	at            time.Time
}

// deed is one rule as somebody says it.
type deed struct {
	did, didZH string
	times      int
	day        time.Time // UTC midnight; zero = long ago
	spread     bool      // day is only the last of several
}

// What is said of a lead in one breath: two reasons for, one against.
const (
	saidFor     = 2
	saidAgainst = 1
)

func (m *Model) telling(l *Lead, x *schemas.Explanation) *telling {
	t := &telling{
		name: spoken(firstOf(l.name(), l.email())), company: spoken(l.company()), at: x.At,
		stage: x.Stage, points: int(math.Round(x.Score)), flags: x.Flags, next: x.Next, falls: x.Falls,
	}
	for _, v := range x.Rules {
		switch {
		case abs(v.Points) < 0.5: // it says nothing any more
		case v.Points > 0 && len(t.deeds) < saidFor:
			t.deeds = append(t.deeds, m.deed(l, v))
		case v.Points < 0 && len(t.but) < saidAgainst:
			t.but = append(t.but, m.deed(l, v))
		}
	}
	if i := m.stageIndex(l.stage); i >= 0 {
		t.sales = i >= m.machine
		t.over = l.stage == "won" || l.stage == "lost"
		t.call = i == m.machine-1 && i+1 < len(m.stages)
	}
	if x.Next != nil {
		if l.cooldownUntil > x.At.UnixMilli() {
			t.rests = time.UnixMilli(l.cooldownUntil).UTC()
		}
		if r := m.ruleByID(x.Next.CheapestRule); r != nil {
			t.nextDid = deed{did: r.did, didZH: r.didZH, times: x.Next.Hits}
		}
	}
	return t
}

// deed is a rule's value as it is told.
func (m *Model) deed(l *Lead, v schemas.RuleValue) deed {
	r := m.ruleByID(v.Rule)
	d := deed{did: r.did, didZH: r.didZH, times: v.RecentHits}
	if r.unit == unitDwell || r.once {
		d.times = 1 // nobody counts quarters of a minute
	}
	d.day, _ = time.Parse(time.DateOnly, v.LastDay)
	if s := l.state(r); s != nil && len(s.days) > 0 {
		last := &s.days[len(s.days)-1]
		d.spread = int(last.count(r.limit)) < v.RecentHits && d.times > 1
	}
	return d
}

// spoken is a sender's text made fit for a sentence: one line, not too long.
func spoken(s string) string {
	const most = 60
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = strings.TrimSpace(string(r[:most])) + "…"
	}
	return s
}

// daysBefore is how many UTC days d lies before the moment of telling; negative behind it.
func (t *telling) daysBefore(d time.Time) int {
	return int(dayOf(t.at.UnixMilli())) - int(dayOf(d.UnixMilli()))
}

// lacks is what the next stage still asks for, apart from points.
func (t *telling) lacks() bool { return t.next != nil && len(t.next.Criteria) > 0 }

// missing is in whole points: 0.2 is one more.
func (t *telling) missing() int { return int(math.Ceil(t.next.Missing)) }
