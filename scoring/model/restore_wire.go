package model

import (
	"slices"
	"unsafe"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Stored is what a changelog record says besides the lead.
type Stored struct {
	ReceivedAt, FallsAt int64
	ModelVersion        string
}

// RestoreBytes is RestoreInto from a record's bytes. A restart reads millions of them,
// and most of each is there for SQL: so a lead's own fields are read where they stand,
// with no record in between. A record in which something is not as this program writes
// it is read by protobuf's own rules.
func (m *Model) RestoreBytes(l *Lead, b []byte) (Stored, error) {
	r := stored{l: l}
	if r.read(b) {
		return r.Stored, m.restored(l, r.home, r.parts)
	}
	rec := new(pb.LeadRecord)
	if err := rec.UnmarshalVTUnsafe(b); err != nil {
		return Stored{}, err
	}
	return Stored{rec.ReceivedAt, rec.FallsAt, rec.ModelVersion}, m.RestoreInto(l, rec)
}

// stored reads one record.
type stored struct {
	Stored
	l     *Lead
	state bool
	home  *pb.Home // few leads have these: they are read as usual
	parts []*pb.Part
}

// read tells whether the record was as it is usually.
func (r *stored) read(b []byte) bool {
	l := r.l
	*l = Lead{rules: l.rules[:0], sessions: l.sessions[:0], traits: l.traits[:0], flags: l.flags[:0]}
	w := wire{b: b}
	id := false
	for w.next() {
		switch w.num {
		case 1:
			v := w.bytes()
			if id = len(v) == len(l.id); !id {
				return false
			}
			l.id = schemas.LeadID(v)
		case 34:
			r.ModelVersion = w.text()
		case 32:
			r.FallsAt = w.instant()
		case 35:
			r.ReceivedAt = w.instant()
		case 37:
			r.state = true
			w.and(r.readState(w.message()))
		default:
			if !r.field(&w) {
				w.skip()
			}
		}
	}
	l.sessions = smallest(l.sessions, l.sessions, maxSessions)
	l.foldedThrough = max(0, l.foldedThrough)
	return id && r.state && !w.odd
}

// field reads one that the lead has, too.
func (r *stored) field(w *wire) bool {
	l := r.l
	switch w.num {
	case 2:
		l.site = w.text()
	case 4:
		l.revision = w.uint()
	case 17:
		l.stage = w.text()
	case 18:
		l.subStage = w.text()
	case 19:
		l.stageSince = w.instant()
	case 20:
		l.entryNo = uint32(w.uint())
	case 21:
		l.firstSeen = w.instant()
	case 22:
		l.lastSeen = w.instant()
	case 24:
		l.lastType = w.text()
	case 25:
		l.lastName = w.text()
	case 26:
		l.path = w.text()
	case 28:
		l.flags = append(l.flags, w.text())
	default:
		return false
	}
	return true
}

// readState reads LeadState.
func (r *stored) readState(w wire) wire {
	l := r.l
	for w.next() {
		switch w.num {
		case 1:
			l.model = w.text()
		case 2:
			w.and(r.readRule(w.message()))
		case 3:
			l.clock = w.instant()
		case 4:
			l.foldedThrough = w.int32()
		case 5:
			l.sessions = w.fixeds(l.sessions)
		case 6:
			l.setTrait(readTrait(&w))
		case 7:
			l.cooldownUntil = w.instant()
		case 8:
			l.last.at = w.instant()
		case 9:
			l.last.hash = w.fixed()
		case 10:
			r.fact(readTrait(&w))
		case 11:
			l.crm.at = w.instant()
		case 12:
			l.crm.hash = w.fixed()
		case 50:
			l.erasedUntil = w.instant()
		case 13, 14:
			r.identity(&w)
		default:
			w.skip()
		}
	}
	return w
}

// readTrait reads a Trait.
func readTrait(outer *wire) (t trait) {
	w := outer.message()
	for w.next() {
		switch w.num {
		case 1:
			t.key = w.text()
		case 2:
			t.value = w.bytes()
		case 3:
			t.stamp.at = w.instant()
		case 4:
			t.stamp.hash = w.fixed()
		default:
			w.skip()
		}
	}
	outer.and(w)
	return t
}

func (r *stored) fact(t trait) {
	l := r.l
	to := (*fact)(nil)
	switch t.key {
	case "anonymous_id":
		to = &l.anonymousID
	case "country":
		to = &l.country
	case "rule":
		to = &l.lastRule
	case "user_id":
		to = &l.userID
	default:
		return
	}
	*to = fact{unsafe.String(unsafe.SliceData(t.value), len(t.value)), t.stamp}
}

// identity reads LeadState.home and .parts, of which few leads have any.
func (r *stored) identity(w *wire) {
	var err error
	if w.num == 13 {
		if r.home == nil {
			r.home = new(pb.Home)
		}
		err = r.home.UnmarshalVTUnsafe(w.bytes())
	} else {
		p := new(pb.Part)
		err = p.UnmarshalVTUnsafe(w.bytes())
		r.parts = append(r.parts, p)
	}
	if err != nil {
		w.stop()
	}
}

// readRule reads a RuleState, in the memory of the rule that stood there before.
func (r *stored) readRule(w wire) wire {
	l := r.l
	n := len(l.rules)
	var days []dayUnits
	if n < cap(l.rules) {
		l.rules = l.rules[:n+1]
		days = l.rules[n].days[:0]
	} else {
		l.rules = append(l.rules, ruleState{})
	}
	s := &l.rules[n]
	*s = ruleState{}
	for w.next() {
		switch w.num {
		case 1:
			s.rule = w.text()
		case 2:
			s.acc.m = w.float()
		case 3:
			s.acc.e = w.sint32()
		case 4:
			s.halfLife = w.float()
		case 5:
			s.onceDay = w.int32()
		case 6:
			days = readDay(&w, days)
		case 7:
			s.lastDay = w.int32()
		default:
			w.skip()
		}
	}
	s.days = days
	if s.check() != nil {
		w.stop()
	}
	return w
}

// readDay reads a DayState behind the days that were read, in the memory that is there.
func readDay(outer *wire, days []dayUnits) []dayUnits {
	n := len(days)
	if n < cap(days) {
		days = days[:n+1]
	} else {
		days = append(days, dayUnits{})
	}
	d := &days[n]
	*d = dayUnits{keys: d.keys[:0], units: d.units[:0]}
	ids, w := false, outer.message()
	for w.next() {
		switch w.num {
		case 1:
			d.day = w.int32()
		case 2:
			ids = true
			d.keys = w.fixeds(d.keys)
		case 3:
			d.readView(&w)
		default:
			w.skip()
		}
	}
	if len(d.units) == 0 {
		d.units, d.keys = nil, smallest(d.keys, d.keys, maxLimit)
	} else if ids || !slices.IsSorted(d.keys) {
		w.stop()
	}
	outer.and(w)
	return days
}

// readView reads a View.
func (d *dayUnits) readView(outer *wire) {
	w := outer.message()
	id, units := uint64(0), uint64(0)
	for w.next() {
		switch w.num {
		case 1:
			id = w.fixed()
		case 2:
			units = w.uint()
		default:
			w.skip()
		}
	}
	outer.and(w)
	d.keys, d.units = append(d.keys, id), append(d.units, max(1, min(uint32(units), maxLimit)))
}
