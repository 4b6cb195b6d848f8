package model

// The total's bounds.
const (
	totalCap   = 100.0
	totalFloor = -100.0
)

func clamp(v, low, high float64) float64 { return min(high, max(low, v)) }

func (g group) clamp(v float64) float64 { return clamp(v, g.floor, g.cap) }

// Score is the lead's total at an instant not before its clock: clamped group
// sums, added and clamped, every sum in the order of ids.
func (m *Model) Score(l *Lead, at int64) float64 {
	m.bind(l)
	total, _ := m.total(l, at)
	return total
}

func (m *Model) total(l *Lead, at int64) (clamped, unclamped float64) {
	var buffer [16]float64
	for i, v := range m.sumsInto(buffer[:0], l, at, at) {
		unclamped += m.groups[i].clamp(v)
	}
	return clamp(unclamped, totalFloor, totalCap), unclamped
}

// sums are the groups' unclamped sums.
func (m *Model) sums(l *Lead, at int64) []float64 { return m.sumsInto(nil, l, at, at) }

// sumsInto reads rules that give points at one instant and rules that take points
// at another: the same instant for a score, two for a bound of all scores between.
func (m *Model) sumsInto(sums []float64, l *Lead, gives, takes int64) []float64 {
	for range m.groups {
		sums = append(sums, 0)
	}
	folded := endOf(l.foldedThrough)
	give, take := moment{at: max(gives, folded)}, moment{at: max(takes, folded)}
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		if r.points < 0 {
			sums[r.group] += s.value(r, takes, &take)
		} else {
			sums[r.group] += s.value(r, gives, &give)
		}
	}
	m.addApart(sums, l, gives, takes)
	return sums
}

// lowest is a lower bound of the score in [from, to]: what gives points has faded
// to its least, what takes points has not faded at all. Without rules that take
// points it is the score at `to`, bit for bit.
func (m *Model) lowest(l *Lead, from, to int64) float64 {
	var buffer [16]float64
	sum := 0.0
	for i, v := range m.sumsInto(buffer[:0], l, to, from) {
		sum += m.groups[i].clamp(v)
	}
	return clamp(sum, totalFloor, totalCap)
}

// value is E(r, t): what is folded fades on, closed days are folded in passing,
// days that are not over yet count in full. t is the same instant, or the end of
// the last folded day if that is later.
func (s *ruleState) value(r *rule, at int64, t *moment) float64 {
	if r.once {
		return onceValue(r.points, s.onceDay, r.halfLife, at)
	}
	acc, i := s.acc, 0
	if n := s.known; n > 0 && endOf(s.days[n-1].day) <= at {
		acc, i = s.closed, n
	}
	for ; i < len(s.days) && endOf(s.days[i].day) <= at; i++ {
		d := &s.days[i]
		acc.add(float64(r.points*float64(d.count(r.limit))), int64(d.day)+1, r.halfLife)
	}
	if i > s.known {
		s.closed, s.known = acc, i
	}
	fresh := 0.0
	for ; i < len(s.days); i++ {
		fresh += float64(r.points * float64(s.days[i].count(r.limit)))
	}
	return t.read(acc, r.halfLife) + fresh
}

// onceValue is one payment on the first day, by the same arithmetic.
func onceValue(points float64, day int32, halfLife float64, at int64) float64 {
	if day == 0 {
		return 0
	}
	if endOf(day) > at {
		return points
	}
	var acc accumulator
	acc.add(points, int64(day)+1, halfLife)
	return acc.at(at, halfLife)
}

// interestSums are the rules' values by interest label.
func (m *Model) interestSums(l *Lead, at int64) map[string]float64 {
	sums := make(map[string]float64, len(m.interests))
	t := moment{at: max(at, endOf(l.foldedThrough))}
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		if r.interest >= 0 {
			sums[m.interests[r.interest]] += s.value(r, at, &t) + l.apartOf(r, at)
		}
	}
	return sums
}

// engagement is the band a score falls into: 1 (hottest) to 4.
func (m *Model) engagement(score float64) int {
	band := 1
	for _, b := range m.bands {
		if score < b {
			band++
		}
	}
	return band
}
