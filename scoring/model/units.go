package model

import "slices"

// dayUnits is one rule's open UTC day: the units counted, as sets, so that
// repeats and order do not matter.
//
// Only the `limit` smallest keys are kept (union, then truncate: commutative,
// associative, idempotent). That loses nothing: every kept key stands for at
// least one unit, so once `limit` keys are kept the day is full anyway, and with
// fewer keys all of them are kept.
type dayUnits struct {
	day  int32
	keys []uint64 // ascending
	// How many units each key stands for; nil = one each.
	units []uint32
}

func (d dayUnits) clone() dayUnits {
	return dayUnits{day: d.day, keys: slices.Clone(d.keys), units: slices.Clone(d.units)}
}

// count is min(n, limit).
func (d dayUnits) count(limit uint32) uint32 {
	if d.units == nil {
		return min(uint32(len(d.keys)), limit)
	}
	var n uint32
	for _, u := range d.units { // at most 1000 keys of at most 1000 units
		n += u
	}
	return min(n, limit)
}

// add joins units of one key into the set: the larger of the old and the new
// number stands. It tells what became of them and whether the set changed.
func (d *dayUnits) add(key uint64, units, limit uint32, many bool) (reason string, changed bool) {
	reason = reasonOK
	if d.count(limit) >= limit {
		reason = reasonCap
	}
	i, found := slices.BinarySearch(d.keys, key)
	if found {
		if !many || units <= d.units[i] {
			return reasonDup, false
		}
		d.units[i] = units
		return reason, true
	}
	if i >= int(limit) {
		return reasonCap, false
	}
	d.keys = slices.Insert(d.keys, i, key)
	if many {
		d.units = slices.Insert(d.units, i, units)
	}
	if len(d.keys) > int(limit) {
		d.keys = d.keys[:limit]
		if many {
			d.units = d.units[:limit]
		}
	}
	return reason, true
}

// open finds or makes an open day, to be changed: what was read of it is forgotten.
func (s *ruleState) open(day int32) *dayUnits {
	i, found := slices.BinarySearchFunc(s.days, day, func(d dayUnits, day int32) int {
		return int(d.day) - int(day)
	})
	if !found {
		s.days = slices.Insert(s.days, i, dayUnits{day: day})
	}
	if i < s.known {
		s.known = 0
	}
	return &s.days[i]
}

// newest is the newest day that the state itself shows.
func (s *ruleState) newest() int32 {
	newest := s.onceDay
	if n := len(s.days); n > 0 {
		newest = max(newest, s.days[n-1].day)
	}
	return newest
}
