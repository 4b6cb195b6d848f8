package model

import (
	"leadstream/schemas/pb"
	"sync"

	"leadstream/schemas"
)

// Model is one track's rules and stages, compiled. It never changes.
type Model struct {
	version, track string
	publication    int              // 0 = none: it runs because a file says so
	publishedAt    int64            // Unix ms
	rules          []rule           // by id: the order of every sum
	ruleIndex      map[string]int32 // id -> place in rules
	byType         map[string]*typeRules
	flags          []flag
	attributes     []attribute      // of fit, in the file's order
	fitNeeds       needs            // what their expressions read
	groups         []group          // by name: the order of the total
	bounds         []*pb.GroupBound // of the groups, as every record says them
	interests      []string
	bands          [3]float64
	stages         []stage
	machine        int // the first `machine` stages move by score, the others by people
	evaluators     sync.Pool
	leadNeeds      needs           // what the stages' expressions read
	asked          map[string]bool // rules that they ask for by id
}

// typeRules are the rules and flags one event type can meet, and what their
// expressions read: the cost of an event grows with these, not with the model.
type typeRules struct {
	rules []*rule
	flags []*flag
	needs needs
}

type unitKind uint8

const (
	unitEvent   unitKind = iota // each event
	unitView                    // each page view
	unitPage                    // each path
	unitSession                 // each session
	unitDwell                   // each whole `dwell` of engaged time
)

type rule struct {
	id, title, titleZH string
	did, didZH         string // as one says that a lead met it: "looked at the prices"
	index              int32
	on                 []string
	when               *condition // nil = always
	points             float64
	unit               unitKind
	dwell, perView     int64 // ms; unitDwell only
	limit              uint32
	once               bool
	halfLife           float64 // days, 0 = never fades
	group              int32   // in Model.groups
	interest           int32   // in Model.interests, -1 = none
}

type group struct {
	name       string
	cap, floor float64
}

type flag struct {
	id, en, zh string
	on         []string
	when       *condition
}

// Stage is one step of the funnel, as the model file words it.
type Stage struct {
	schemas.StageName
	// Enter at Up points, leave below Down; machine stages only.
	Up, Down float64
	// Milliseconds: stay at least, and no promotion after a fall.
	MinDwell, Cooldown int64
	// "machine" moves by score, "sales" by people and CRM events only.
	Owner     string
	Criteria  []schemas.StageName
	SubStages []schemas.StageName
}

type stage struct {
	Stage
	criteria  []*condition
	subStages []*condition
}

const (
	ownerMachine = "machine"
	ownerSales   = "sales"
)

// Version is the model's name and the beginning of its content's hash.
func (m *Model) Version() string { return m.version }

// Track names the score this model computes; a lead has one score a track.
func (m *Model) Track() string { return m.track }

// Stages are the steps of the funnel, in order.
func (m *Model) Stages() []Stage {
	out := make([]Stage, len(m.stages))
	for i, s := range m.stages {
		out[i] = s.Stage
	}
	return out
}

// RuleTitle is what people call a rule; empty when the model has none of that id.
func (m *Model) RuleTitle(id string) (en, zh string) {
	r := m.ruleByID(id)
	if r == nil {
		return "", ""
	}
	return r.title, r.titleZH
}

// ruleByID finds a rule, nil if there is none.
func (m *Model) ruleByID(id string) *rule {
	i, found := m.ruleIndex[id]
	if !found {
		return nil
	}
	return &m.rules[i]
}

// stageIndex is a stage's place, -1 if the model has no such stage.
func (m *Model) stageIndex(id string) int {
	for i := range m.stages {
		if m.stages[i].ID == id {
			return i
		}
	}
	return -1
}

// bind fits a lead to this model: states of rules that are gone are dropped, and
// accumulators whose half-life changed are re-based at the last folded day, where
// their value stays the same. Folded days keep the points they were folded with
// until history is re-scored.
func (m *Model) bind(l *Lead) {
	if l.model == m.version {
		return
	}
	l.model, l.fitBand = m.version, 0
	kept := l.rules[:0]
	for _, s := range l.rules {
		r := m.ruleByID(s.rule)
		if r == nil {
			continue
		}
		s.index, s.known = r.index, 0
		if s.halfLife != r.halfLife {
			v := s.acc.at(endOf(l.foldedThrough), s.halfLife)
			s.acc, s.halfLife = accumulator{}, r.halfLife
			s.acc.add(v, int64(l.foldedThrough)+1, r.halfLife)
		}
		s.fit(r)
		kept = append(kept, s)
	}
	clear(l.rules[len(kept):]) // their memory may be used again, but not twice
	l.rules = kept
	for i := range l.parts {
		l.parts[i].bind(m)
	}
	if l.stage != "" && m.stageIndex(l.stage) < 0 {
		l.stage, l.subStage = m.stages[0].ID, ""
	}
}

// fit makes open days readable under a rule whose way of counting changed.
func (s *ruleState) fit(r *rule) {
	for i := range s.days {
		d := &s.days[i]
		if n := int(r.limit); len(d.keys) > n {
			d.keys = d.keys[:n]
			if d.units != nil {
				d.units = d.units[:n]
			}
		}
		switch {
		case r.unit != unitDwell:
			d.units = nil
		case d.units == nil:
			d.units = make([]uint32, len(d.keys))
			for j := range d.units {
				d.units[j] = 1
			}
		}
	}
	if r.once && s.onceDay == 0 && len(s.days) > 0 {
		s.onceDay = s.days[0].day
	}
	if r.once {
		s.acc, s.days = accumulator{}, nil
	}
}
