package model

import "math"

// horizon is how far ahead a fall is foretold; beyond it reads "never".
const horizon = 36525 * msDay // a hundred years

// Due is the instant at which the lead falls to a lower stage if nothing more
// happens. It is solved from the decay, not swept for: nothing has to run until then.
func (m *Model) Due(l *Lead) (at int64, ok bool) {
	if l.stage == "" {
		return 0, false
	}
	m.bind(l)
	return m.due(l, min(l.clock+horizon, latest))
}

// due is the same, if it comes no later than until.
func (m *Model) due(l *Lead, until int64) (at int64, ok bool) {
	i := m.stageIndex(l.stage)
	if i <= 0 || i >= m.machine {
		return 0, false
	}
	from, floor := max(l.clock, l.stageSince+m.stages[i].MinDwell), m.stages[i].Down
	// Nearly every event finds that nothing was due since the one before it.
	if from > until || m.lowest(l, from, until) >= floor {
		return 0, false
	}
	f := faller{m: m, l: l.closedAt(m, from), floor: floor}
	start := f.score(from)
	if start < floor {
		return from, true
	}
	// Most falls are days away: look a day ahead, then two, four, ...
	for step := msDay; from < until; step *= 2 {
		to := until
		if until-from > step {
			to = from + step
		}
		if at, ok := f.first(from, to); ok {
			return at, true
		}
		from = to
	}
	return 0, false
}

// closedAt is a copy to look into the future with: the days that are over at an
// instant are folded, as reading would do each time. By the promise of folding
// the copy's scores from then on are the lead's, bit for bit.
func (l *Lead) closedAt(m *Model, at int64) *Lead {
	c := &Lead{rules: make([]ruleState, len(l.rules)), foldedThrough: l.foldedThrough, parts: l.parts}
	copy(c.rules, l.rules)
	for i := range c.rules {
		s := &c.rules[i]
		open := 0
		for open < len(s.days) && endOf(s.days[open].day) <= at {
			d := &s.days[open]
			s.acc.add(float64(m.rules[s.index].points*float64(d.count(m.rules[s.index].limit))), int64(d.day)+1, s.halfLife)
			open++
		}
		s.days, s.known = s.days[open:], 0
	}
	return c
}

// faller looks for the first millisecond at which the score is below a floor.
type faller struct {
	m      *Model
	l      *Lead
	floor  float64
	looked int
}

// maxLooks bounds the search where a score skims over the floor for days, points
// that come back against points that fade; an ordinary fall takes 20. Past it a
// dip is seen only if it lasts to the end of the stretch looked at.
const maxLooks = 5000

func (f *faller) score(at int64) float64 {
	f.looked++
	score, _ := f.m.total(f.l, at)
	return score
}

// first is the first instant in (from, to] with a score below the floor, given
// that the score at `from` is not. A score is not monotone: points taken away
// come back as they fade. So a stretch is dismissed by its lower bound, and else
// halved, left half first; at one millisecond the score itself decides. With no
// points taken away the score only falls, and one crossing is all there is.
func (f *faller) first(from, to int64) (int64, bool) {
	f.looked++
	if f.m.lowest(f.l, from, to) >= f.floor {
		return 0, false
	}
	if to-from == 1 || f.looked > maxLooks || !f.m.takes(f.l) {
		return f.crossing(from, to)
	}
	middle := from + (to-from)/2
	if at, ok := f.first(from, middle); ok {
		return at, true
	}
	return f.first(middle, to)
}

// takes tells whether any rule has taken points from the lead.
func (m *Model) takes(l *Lead) bool {
	for i := range l.rules {
		if m.rules[l.rules[i].index].points < 0 {
			return true
		}
	}
	return false
}

// crossing finds a crossing in (from, to] if the score at `to` is below the
// floor. It guesses that the logarithm of the score falls on the straight line
// through the last two looks, which is exact for one half-life and soon close for
// several; where a group's cap or a day's end bends the curve, each fifth look
// halves the stretch. Guesses only save looks, the scores decide.
func (f *faller) crossing(from, to int64) (int64, bool) {
	x0, x1 := from, to
	s0, s1 := f.score(from), f.score(to)
	if s1 >= f.floor {
		return 0, false
	}
	for looks := 1; to-from > 1; looks++ {
		middle := from + (to-from)/2
		if looks%5 != 0 && s0 > 0 && s1 > 0 && s0 != s1 && f.floor > 0 {
			share := math.Log(s0/f.floor) / math.Log(s0/s1)
			guess := float64(x0) + float64(share*float64(x1-x0))
			middle = int64(min(float64(to-1), max(float64(from+1), guess)))
		}
		score := f.score(middle)
		if score < f.floor {
			to = middle
		} else {
			from = middle
		}
		x0, s0, x1, s1 = x1, s1, middle, score
	}
	return to, true
}
