package model

// Fold closes the days that no event can reach any more: those that ended more
// than the lateness bound (7 days) and the slack (24 hours) before the watermark,
// which is the largest received_at of the lead's partition, and before the lead's
// own clock: an import sends a lead's years one event after the other, all of them
// far behind the watermark, and none may close the day of the next. It tells
// whether anything changed. When it is called, and how often, changes no bit of a score.
func (m *Model) Fold(l *Lead, watermark int64) bool {
	m.bind(l)
	folded := false
	for i := range l.parts {
		folded = m.Fold(l.parts[i].lead, watermark) || folded
	}
	closed := min(watermark, l.clock, latest) - lateness - slack // days that ended before this
	if closed < 2*msDay {
		return folded
	}
	through, newest := dayOf(closed-1)-1, l.foldedThrough
	for i := range l.rules {
		newest = max(newest, l.rules[i].fold(&m.rules[l.rules[i].index], through))
	}
	// Only days that held something move the mark: a lead that is not touched by
	// folding has no new state to store.
	if newest == l.foldedThrough {
		return folded
	}
	l.foldedThrough = newest
	l.revision++
	return true
}

// fold moves the open days up to `through` into the accumulator, oldest first,
// and returns the newest of them, 0 if there was none.
func (s *ruleState) fold(r *rule, through int32) (newest int32) {
	n := 0
	for n < len(s.days) && s.days[n].day <= through {
		d := &s.days[n]
		s.acc.add(float64(r.points*float64(d.count(r.limit))), int64(d.day)+1, r.halfLife)
		newest = d.day
		n++
	}
	if n > 0 {
		s.known = max(0, s.known-n)                  // `closed` goes on from the same days
		s.days = append(s.days[:0:0], s.days[n:]...) // a fresh array lets the old sets go
	}
	return newest
}
