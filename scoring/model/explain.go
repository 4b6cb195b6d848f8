package model

import (
	"cmp"
	"math"
	"slices"
	"time"

	"leadstream/schemas"
)

// Explain says why the lead has its score at an instant not before its clock,
// what would raise it, and when it falls by itself.
func (m *Model) Explain(l *Lead, at int64) schemas.Explanation {
	m.bind(l)
	score, unclamped := m.total(l, at)
	x := schemas.Explanation{
		At: time.UnixMilli(at).UTC(), Track: m.track, ModelVersion: m.version,
		Score: score, Unclamped: unclamped, Grade: m.grade(l, score),
		Engagement: m.engagement(score), Fit: m.fit(l),
		Rules: m.ruleValues(l, at), Groups: m.groupValues(l, at), Interests: m.interestValues(l, at),
		Flags: m.flagNames(l),
	}
	if i := m.stageIndex(l.stage); i >= 0 {
		s := &m.stages[i]
		x.Stage = s.StageName
		for _, sub := range s.SubStages {
			if sub.ID == l.subStage {
				x.SubStage = &sub
			}
		}
		x.Next = m.next(l, i, at, score)
		if falls, ok := m.Due(l); ok {
			x.Falls = &schemas.Fall{To: m.stages[i-1].StageName, At: time.UnixMilli(falls).UTC()}
		}
	}
	if len(m.attributes) > 0 {
		m.explainFit(l, &x)
	}
	said := m.telling(l, &x)
	x.Sentence, x.SentenceZH = said.english(), said.chinese()
	x.Details, x.DetailsZH = details(&x), detailsZH(&x)
	return x
}

// flagNames are what rules the lead out, as the model words it.
func (m *Model) flagNames(l *Lead) []schemas.StageName {
	names := []schemas.StageName{}
	for _, id := range l.flags {
		n := schemas.StageName{ID: id, EN: id, ZH: id} // a flag that has left the model rules out all the same
		for i := range m.flags {
			if f := &m.flags[i]; f.id == id {
				n.EN, n.ZH = f.en, f.zh
			}
		}
		names = append(names, n)
	}
	return names
}

// explainFit lists what is known of the lead, what is not, and what it brings.
func (m *Model) explainFit(l *Lead, x *schemas.Explanation) {
	x.FitAttributes = []schemas.FitAttribute{}
	f := m.measure(l, func(a *attribute, known bool, match float64) {
		x.FitAttributes = append(x.FitAttributes, schemas.FitAttribute{
			Attribute: a.id, Title: a.title, TitleZH: a.titleZH, Weight: a.weight, Known: known, Match: match})
	})
	x.FitCompleteness = f.completeness
	if f.known == 0 {
		return
	}
	x.FitValue = &f.value
	for i := range x.FitAttributes {
		if a := &x.FitAttributes[i]; a.Known {
			a.Points, a.Possible = float64(100*a.Weight*a.Match)/f.known, float64(100*a.Weight)/f.known
		}
	}
}

func (m *Model) ruleValues(l *Lead, at int64) []schemas.RuleValue {
	values := []schemas.RuleValue{}
	t := moment{at: max(at, endOf(l.foldedThrough))}
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		v := schemas.RuleValue{
			Rule: r.id, Title: r.title, TitleZH: r.titleZH, Group: m.groups[r.group].name,
			Points: s.value(r, at, &t) + l.apartOf(r, at), HalfLifeDays: r.halfLife,
		}
		if s.onceDay != 0 {
			v.RecentHits = 1
		}
		for _, d := range s.days {
			v.RecentHits += int(d.count(r.limit))
		}
		if !s.met() && v.Points == 0 {
			continue
		}
		last := max(s.lastDay, s.newest())
		if r.once {
			last = s.onceDay // what counts is the first time
		}
		if last != 0 {
			v.LastDay = time.UnixMilli(int64(last) * msDay).UTC().Format(time.DateOnly)
		}
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b schemas.RuleValue) int {
		return cmp.Or(cmp.Compare(abs(b.Points), abs(a.Points)), cmp.Compare(a.Rule, b.Rule))
	})
	return values
}

func (m *Model) groupValues(l *Lead, at int64) []schemas.GroupValue {
	values := []schemas.GroupValue{}
	for i, sum := range m.sums(l, at) {
		if g := m.groups[i]; sum != 0 {
			values = append(values, schemas.GroupValue{
				Group: g.name, Sum: sum, Clamped: g.clamp(sum), Cap: g.cap, Floor: g.floor})
		}
	}
	return values
}

func (m *Model) interestValues(l *Lead, at int64) []schemas.Interest {
	values := []schemas.Interest{}
	for label, points := range m.interestSums(l, at) {
		values = append(values, schemas.Interest{Label: label, Points: points})
	}
	slices.SortFunc(values, func(a, b schemas.Interest) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Label, b.Label))
	})
	return values
}

// next is the promotion that score can bring; nil where people decide.
func (m *Model) next(l *Lead, i int, at int64, score float64) *schemas.NextStage {
	if i+1 >= m.machine {
		return nil
	}
	s := &m.stages[i+1]
	n := &schemas.NextStage{Stage: s.StageName, At: s.Up, Missing: max(0, s.Up-score), Criteria: []string{}, CriteriaZH: []string{}}
	e := m.evaluator()
	defer m.release(e)
	e.look(m, l, at, score)
	for j, c := range s.criteria {
		if !e.holds(c) {
			n.Criteria = append(n.Criteria, s.Criteria[j].EN)
			n.CriteriaZH = append(n.CriteriaZH, s.Criteria[j].ZH)
		}
	}
	if n.Missing > 0 {
		if r, hits := m.cheapest(l, at, s.Up); r != nil {
			n.CheapestRule, n.CheapestTitle, n.CheapestTitleZH, n.Hits = r.id, r.title, r.titleZH, hits
		}
	}
	return n
}

// cheapest is the rule that brings the score to `up` today with the fewest units,
// within what its daily limit and its group's cap leave.
func (m *Model) cheapest(l *Lead, at int64, up float64) (best *rule, hits int) {
	sums := m.sums(l, at)
	for i := range m.rules {
		r := &m.rules[i]
		// News of the market is nothing that anybody can bring about.
		if r.points <= 0 || len(r.on) == 1 && r.on[0] == "market" {
			continue
		}
		left := int(r.limit)
		if s := l.state(r); s != nil {
			if r.once && s.onceDay != 0 {
				continue
			}
			for _, d := range s.days {
				if d.day == dayOf(at) {
					left -= int(d.count(r.limit))
				}
			}
		}
		// The total without this rule's group, and what the group must then bring.
		rest := 0.0
		for j, g := range m.groups {
			if int32(j) != r.group {
				rest += g.clamp(sums[j])
			}
		}
		wanted := up - rest
		if wanted > m.groups[r.group].cap {
			continue
		}
		n := int(math.Ceil((wanted - sums[r.group]) / r.points))
		if n < 1 || n > left {
			continue
		}
		if best == nil || n < hits || n == hits && r.points < best.points {
			best, hits = r, n
		}
	}
	return best, hits
}
