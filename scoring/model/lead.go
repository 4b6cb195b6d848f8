package model

import (
	"slices"
	"strings"

	"leadstream/schemas"
)

// Lead is a lead's live state in one track. It holds no pointer into a model:
// millions of them are kept, and a model may be replaced under them.
type Lead struct {
	id       schemas.LeadID
	site     string
	model    string // version the indexes below belong to
	revision uint64
	// scored is the version that days of it are still worth points under, "" if that is the
	// model's own: a published model has not scored all of its history anew yet.
	scored string
	// What was received up to then (Unix ms) was erased; 0 = never.
	erasedUntil int64

	clock         int64 // largest received_at applied
	foldedThrough int32 // last folded day, 0 = none

	rules    []ruleState // only rules ever met, by rule id
	sessions []uint64    // the smallest hashes, ascending
	traits   []trait     // by key
	flags    []string    // ascending

	userID, anonymousID, country, lastRule fact

	stage, subStage          string
	stageSince               int64
	entryNo                  uint32
	fitBand                  byte // 0 = to be measured. Not stored: it is derived.
	cooldownUntil            int64
	crm                      stamp
	firstSeen, lastSeen      int64
	last                     stamp
	lastType, lastName, path string

	home  *Home  // where the id belongs, nil = nobody ever said
	parts []part // by id, the lead's own among them; none = nothing is joined
}

// ruleState is what a lead has collected under one rule.
type ruleState struct {
	rule     string
	index    int32 // in Model.rules, valid for Lead.model
	onceDay  int32 // once-rules: first day met, 0 = never
	lastDay  int32 // newest day with a unit, 0 = never, or folded by an older version
	acc      accumulator
	halfLife float64    // the unit acc was folded in
	days     []dayUnits // open days, ascending
	// acc with the first `known` open days folded in, kept because every reading
	// would fold them again; 0 = nothing kept. Not stored: it is derived.
	closed accumulator
	known  int
}

// fact is a single value, the newest event's.
type fact struct {
	value string
	stamp stamp
}

// set takes v if its event is newer, and tells whether anything changed.
func (f *fact) set(v string, s stamp) bool {
	if v == "" || !s.after(f.stamp) {
		return false
	}
	f.value, f.stamp = cut(v), s
	return true
}

// maxText bounds what is kept of an event's texts; the collectors refuse longer
// ids, and a path of 10 MB must not travel with the lead for ever.
const maxText = 1024

// cut shortens a text at a character's end.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// maxSessions is how many session hashes are kept: "16" reads "16 or more".
const maxSessions = 16

// NewLead is a lead nothing is known of yet.
func NewLead(id schemas.LeadID, site string) *Lead { return &Lead{id: id, site: site} }

// Reset makes it a lead nothing is known of yet, in the memory it has.
func (l *Lead) Reset(id schemas.LeadID, site string) {
	clear(l.traits[:cap(l.traits)])
	*l = Lead{id: id, site: site, rules: l.rules[:0], sessions: l.sessions[:0], traits: l.traits[:0], flags: l.flags[:0]}
}

// Open tells whether days of the lead are open, which time will fold.
func (l *Lead) Open() bool {
	for i := range l.rules {
		if len(l.rules[i].days) > 0 {
			return true
		}
	}
	return false
}

// ID names the lead.
func (l *Lead) ID() schemas.LeadID { return l.id }

// Site is the site whose events make the lead.
func (l *Lead) Site() string { return l.site }

// Revision grows by one with every change.
func (l *Lead) Revision() uint64 { return l.revision }

// RaiseRevision makes the next revision one above what readers have seen already.
func (l *Lead) RaiseRevision(seen uint64) { l.revision = max(l.revision, seen) }

// Clock is the largest received_at the lead has seen.
func (l *Lead) Clock() int64 { return l.clock }

// Stage is the id of the stage the lead stands in, "" before its first event.
func (l *Lead) Stage() string { return l.stage }

// Clone is a copy that shares nothing that changes.
func (l *Lead) Clone() *Lead {
	c := *l
	c.rules = slices.Clone(l.rules)
	for i := range c.rules {
		c.rules[i].days = slices.Clone(c.rules[i].days)
		for j := range c.rules[i].days {
			c.rules[i].days[j] = c.rules[i].days[j].clone()
		}
	}
	c.sessions = slices.Clone(l.sessions)
	c.traits = slices.Clone(l.traits)
	c.flags = slices.Clone(l.flags)
	if l.home != nil {
		home := *l.home // its lists are replaced, never written into
		c.home = &home
	}
	c.parts = slices.Clone(l.parts)
	for i := range c.parts {
		c.parts[i] = c.parts[i].clone()
	}
	return &c
}

// addSession keeps the smallest hashes of the session ids.
func (l *Lead) addSession(id string) bool {
	if id == "" {
		return false
	}
	h := hash64(id)
	i, found := slices.BinarySearch(l.sessions, h)
	if found || i == maxSessions {
		return false
	}
	l.sessions = slices.Insert(l.sessions, i, h)
	if len(l.sessions) > maxSessions {
		l.sessions = l.sessions[:maxSessions]
	}
	return true
}

// addFlag keeps flags ascending.
func (l *Lead) addFlag(id string) bool {
	i, found := slices.BinarySearch(l.flags, id)
	if !found {
		l.flags = slices.Insert(l.flags, i, id)
	}
	return !found
}

// find is the place of a rule's state. The states' order by id is their order by
// index, since the model's rules stand by id, too. (Written out, because a generic
// search would copy a state of 100 bytes for every look.)
func (l *Lead) find(index int32) (at int, found bool) {
	low, high := 0, len(l.rules)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if l.rules[middle].index < index {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(l.rules) && l.rules[low].index == index
}

// state finds the rule's state, nil if it was never met.
func (l *Lead) state(r *rule) *ruleState {
	i, found := l.find(r.index)
	if !found {
		return nil
	}
	return &l.rules[i]
}

// stateFor finds or makes the rule's state.
func (l *Lead) stateFor(r *rule) *ruleState {
	i, found := l.find(r.index)
	if !found {
		l.rules = slices.Insert(l.rules, i, ruleState{rule: r.id, index: r.index, halfLife: r.halfLife})
	}
	return &l.rules[i]
}
