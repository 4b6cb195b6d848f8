package model

import (
	"slices"
	"strings"
)

// RuleFacts is what a rule says of itself.
type RuleFacts struct {
	ID, Title, TitleZH string
	// On are the event types it is asked about.
	On     []string
	Points float64
}

// Rules are all rules, by id.
func (m *Model) Rules() []RuleFacts {
	list := make([]RuleFacts, len(m.rules))
	for i, r := range m.rules {
		list[i] = RuleFacts{r.id, r.title, r.titleZH, slices.Clone(r.on), r.points}
	}
	return list
}

// Exposure is how much of each rule the lead has met, in the order of Rules: units
// within the limits, fading as the rule's points do, whatever a unit is worth.
func (m *Model) Exposure(l *Lead, at int64) []float64 {
	m.bind(l)
	values := make([]float64, len(m.rules))
	t := moment{at: max(at, endOf(l.foldedThrough))}
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		values[s.index] = s.value(r, at, &t) / r.points
	}
	return values
}

// Name is the first half of the version: what the file calls itself.
func (m *Model) Name() string {
	name, _, _ := strings.Cut(m.version, "@")
	return name
}
