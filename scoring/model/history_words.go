package model

// What a criterion may ask of a lead's past: count("rule", days) and since("rule").
// Both are asked at the lead's clock and speak of whole UTC days, so they depend on
// the set of events, not on their order or on when days are folded. A rule or flag
// may not ask them: it would be answered at the moment its own event arrives, from
// those events that happened to come before (docs/decisions/010).

// maxCountDays is how far back units can be counted: the days that stay open
// however often a lead is folded (lateness and slack are eight).
const maxCountDays = 7

// neverDays is what since says of a rule that was never met: a hundred years.
const neverDays = 36525

// count is how many units the rule has counted in the last days, today included.
func (e *evaluator) count(rule string, days int) int {
	r := e.model.ruleByID(rule)
	if r == nil {
		return 0
	}
	s := e.now.state(r)
	if s == nil {
		return 0
	}
	today, n := dayOf(e.at), 0
	from := today - int32(min(max(days, 0), maxCountDays)) + 1
	if r.once && s.onceDay >= from && s.onceDay <= today {
		return 1
	}
	for i := range s.days {
		if d := &s.days[i]; d.day >= from && d.day <= today {
			n += int(d.count(r.limit))
		}
	}
	return n
}

// since is how many UTC days ago the rule was last met: 0 today, 1 yesterday.
func (e *evaluator) since(rule string) int {
	r := e.model.ruleByID(rule)
	if r == nil {
		return neverDays
	}
	s := e.now.state(r)
	if s == nil || !s.met() {
		return neverDays
	}
	last := s.lastDay
	if last == 0 {
		last = e.now.foldedThrough // an older version's record: no later than that
	}
	return int(max(0, dayOf(e.at)-last))
}
