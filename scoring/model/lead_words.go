package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/vm"
)

// evaluator runs expressions: expr's machine and the two tables of names, kept
// and used again because filling new ones costs more than running them.
type evaluator struct {
	machine vm.VM
	event   map[string]any
	lead    map[string]any
	// What met, points and rules_met look at, set by fillLead.
	model  *Model
	now    *Lead
	at     int64
	score  float64
	filled bool // the table lead, too; a quick condition does not need it
	// The table for fit attributes.
	person       map[string]any
	personFilled bool
}

// leadVocabulary is the names a stage's criteria may use, but for lists and objects.
var leadVocabulary = vocabulary[*evaluator]{
	texts: map[string]func(*evaluator) string{"fit": func(e *evaluator) string { return e.model.fit(e.now) }},
	numbers: map[string]func(*evaluator) float64{
		"score":    func(e *evaluator) float64 { return e.score },
		"sessions": func(e *evaluator) float64 { return float64(len(e.now.sessions)) },
	},
	facts: map[string]func(*evaluator) bool{"identified": func(e *evaluator) bool { return e.now.identified() }},
	asks:  map[string]func(*evaluator, string) bool{"met": (*evaluator).met},
	counts: map[string]func(*evaluator, string) float64{
		"points":    (*evaluator).points,
		"rules_met": func(e *evaluator, group string) float64 { return float64(e.rulesMet(group)) },
		"since":     func(e *evaluator, rule string) float64 { return float64(e.since(rule)) },
	},
	spans: map[string]func(*evaluator, string, int) float64{
		"count": func(e *evaluator, rule string, days int) float64 { return float64(e.count(rule, days)) },
	},
}

// look sets the lead that expressions are asked about.
func (e *evaluator) look(m *Model, l *Lead, at int64, score float64) {
	e.model, e.now, e.at, e.score, e.filled, e.personFilled = m, l, at, score, false, false
}

// holds asks a criterion about the lead. One that fails does not hold.
func (e *evaluator) holds(c *condition) bool {
	if c.quickLead != nil {
		return c.quickLead(e)
	}
	if !e.filled {
		e.fillLead()
	}
	is, err := c.holds(&e.machine, e.lead)
	return is && err == nil
}

func (m *Model) newEvaluator() *evaluator {
	e := &evaluator{event: eventEnv(), person: fitEnv()}
	e.lead = leadEnv(e)
	return e
}

func (m *Model) evaluator() *evaluator { return m.evaluators.Get().(*evaluator) }

func (m *Model) release(e *evaluator) {
	e.model, e.now = nil, nil
	m.evaluators.Put(e)
}

// leadEnv shows every name a stage's criteria may use, with a value of its type.
func leadEnv(e *evaluator) map[string]any {
	return map[string]any{
		"score":      0.0,
		"sessions":   0,
		"identified": false,
		"fit":        "",
		"flags":      []string{},
		"traits":     map[string]any{},
		"interests":  map[string]float64{},
		"met":        e.met,
		"points":     e.points,
		"rules_met":  e.rulesMet,
		"count":      e.count,
		"since":      e.since,
	}
}

// CriterionWords are the names that a criterion's or sub-stage's `when` may use, sorted.
func CriterionWords() []string { return slices.Sorted(maps.Keys(leadEnv(nil))) }

// met tells whether the rule has ever counted.
func (e *evaluator) met(rule string) bool {
	r := e.model.ruleByID(rule)
	if r == nil {
		return false // met() of a text that is computed: only literals are checked at load
	}
	s := e.now.state(r)
	return s != nil && s.met()
}

// points is the group's clamped sum.
func (e *evaluator) points(name string) float64 {
	for i, g := range e.model.groups {
		if g.name == name {
			sums := e.model.sums(e.now, e.at)
			return g.clamp(sums[i])
		}
	}
	return 0
}

// rulesMet is how many different rules of the group have ever counted.
func (e *evaluator) rulesMet(name string) int {
	n := 0
	for i := range e.now.rules {
		s := &e.now.rules[i]
		if e.model.groups[e.model.rules[s.index].group].name == name && s.met() {
			n++
		}
	}
	return n
}

func (s *ruleState) met() bool {
	return s.onceDay != 0 || s.acc.m != 0 || len(s.days) > 0 || s.lastDay != 0
}

// fillLead sets the names that the stages' expressions read.
func (e *evaluator) fillLead() {
	m, l := e.model, e.now
	e.filled = true
	e.lead["score"] = e.score
	e.lead["sessions"] = len(l.sessions)
	e.lead["identified"] = l.identified()
	e.lead["fit"] = m.fit(l)
	if m.leadNeeds["flags"] {
		e.lead["flags"] = l.flags
	}
	if m.leadNeeds["traits"] {
		e.lead["traits"] = jsonObject(l.traitsJSON())
	}
	if m.leadNeeds["interests"] {
		e.lead["interests"] = m.interestSums(l, e.at)
	}
}

// checkLeadWords refuses function calls with a rule or group the model does not
// have: such a criterion would never hold, and nobody would notice.
func (m *Model) checkLeadWords(w *expressionWords) error {
	if err := checkEventWords(w); err != nil {
		return err
	}
	rules, groups := make([]string, len(m.rules)), make([]string, len(m.groups))
	for i, r := range m.rules {
		rules[i] = r.id
	}
	for i, g := range m.groups {
		groups[i] = g.name
	}
	for _, call := range []string{"met", "points", "rules_met", "count", "since"} {
		what, list := "rule", rules
		if call == "points" || call == "rules_met" {
			what, list = "group", groups
		}
		for _, arg := range w.calls[call] {
			if !slices.Contains(list, arg.text) {
				return fmt.Errorf("%s(%q): no such %s%s", call, arg.text, what, suggest(arg.text, list))
			}
			if call == "count" && (arg.number < 1 || arg.number > maxCountDays) {
				return fmt.Errorf("count(%q, days): days is a whole number, 1..%d: of older days only their points are kept", arg.text, maxCountDays)
			}
			if what == "rule" {
				m.asked[arg.text] = true
			}
		}
	}
	return nil
}
