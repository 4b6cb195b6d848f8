package model

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
	from := max(l.clock, l.stageSince+m.stages[i].MinDwell)
	if from > until {
		return 0, false
	}
	f := faller{m: m, l: l, floor: m.stages[i].Down}
	if m.Score(l, from) < f.floor {
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

// faller looks for the first millisecond at which the score is below a floor.
type faller struct {
	m      *Model
	l      *Lead
	floor  float64
	looked int
}

// maxLooks bounds the search where a score skims over the floor for days, which
// takes points that fade against points that fade; an ordinary fall takes 100.
// Past it a dip is seen only if it lasts to the end of the stretch looked at.
const maxLooks = 5000

// first is the first instant in (from, to] with a score below the floor, given
// that the score at `from` is not. A score is not monotone: points taken away
// come back as they fade. So a stretch is dismissed by its lower bound, and else
// halved, left half first; at one millisecond the score itself decides. With no
// points taken away the bound is the score, and this is plain bisection.
func (f *faller) first(from, to int64) (int64, bool) {
	f.looked++
	if f.m.lowest(f.l, from, to) >= f.floor {
		return 0, false
	}
	if to-from == 1 || f.looked > maxLooks {
		return f.bisect(from, to)
	}
	middle := from + (to-from)/2
	if at, ok := f.first(from, middle); ok {
		return at, true
	}
	return f.first(middle, to)
}

// bisect finds a crossing in (from, to] if the score at `to` is below the floor.
func (f *faller) bisect(from, to int64) (int64, bool) {
	if f.m.Score(f.l, to) >= f.floor {
		return 0, false
	}
	for to-from > 1 {
		middle := from + (to-from)/2
		if f.m.Score(f.l, middle) < f.floor {
			to = middle
		} else {
			from = middle
		}
	}
	return to, true
}
