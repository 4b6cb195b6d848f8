package model

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// What a rule's `limit` may count, by the word in `unit`.
var unitKinds = map[string]unitKind{
	"event": unitEvent, "view": unitView, "page": unitPage, "session": unitSession,
}

func (ld *loader) rules(file object) {
	m := ld.m
	items, broken := file.list("rules")
	switch n := len(items); {
	case broken:
		return
	case n == 0:
		file.fault("rules is missing or empty: without one no lead ever gets a point")
	case n > maxRules:
		items[maxRules].fault("%d rules are too many, %d is the most", n, maxRules)
		return
	}
	needed := map[string]needs{}
	for _, item := range items {
		o := item.object("id", "title", "title_zh", "did", "did_zh", "on", "when", "points", "limit", "half_life", "group", "interest")
		r := rule{id: ld.idOf(o, "rule"), on: types(o), limit: 1, interest: -1}
		name := words(o, "title", "title_zh", r.id)
		r.title, r.titleZH = name.EN, name.ZH
		r.did, r.didZH = did(o, &r)
		r.points = points(o)
		ld.limit(o, &r)
		r.halfLife = halfLife(o)
		r.group = ld.groupOf(o)
		r.interest = ld.interestOf(o)
		if v, ok := o.field("when"); ok {
			r.when, needed[r.id] = compile(v, eventEnv(), checkEventWords)
		}
		m.rules = append(m.rules, r)
	}
	// The order of ids is the order of every sum; states and interests go by it.
	slices.SortStableFunc(m.rules, func(a, b rule) int { return cmp.Compare(a.id, b.id) })
	for i := range m.rules {
		r := &m.rules[i]
		r.index = int32(i)
		m.ruleIndex[r.id] = r.index
		for _, kind := range r.on {
			t := ld.typeRules(kind)
			t.rules = append(t.rules, r)
			if r.when != nil && r.when.quick == nil {
				maps.Copy(t.needs, needed[r.id])
			}
		}
	}
}

// did reads how one says that a lead met the rule; else it is made of the title.
func did(o object, r *rule) (en, zh string) {
	en, zh = "did “"+r.title+"”", "完成“"+r.titleZH+"”"
	if len(r.on) > 0 && (r.on[0] == "page" || r.on[0] == "screen") {
		en, zh = "looked at “"+r.title+"”", "浏览“"+r.titleZH+"”"
	}
	said := words(o, "did", "did_zh", "")
	if _, ok := o.field("did"); ok {
		en = said.EN
	}
	if _, ok := o.field("did_zh"); ok {
		zh = said.ZH
	}
	return en, zh
}

func points(o object) float64 {
	v, ok := o.field("points")
	if !ok {
		o.fault("points is missing: how much is it worth?")
		return 0
	}
	n, ok := v.number()
	if ok && (math.IsNaN(n) || n == 0 || abs(n) > maxPoints) {
		v.fault("must be -%d..%d and not 0 (got %v)", maxPoints, maxPoints, n)
	}
	return n
}

// limit reads how often the rule pays:
//
//	limit: {per_day: 3}                  each event, up to 3 a UTC day; default 1
//	limit: {per_day: 3, unit: view}      each page view (or page, session) once
//	limit: {once: true}                  once in the lead's life
//	limit: {per_dwell: 15s, per_view: 5m, per_day: 20}
//	                                     each 15 s of engaged time, at most 5 min of
//	                                     one view and 20 times a day
func (ld *loader) limit(o object, r *rule) {
	v, ok := o.field("limit")
	if !ok {
		return
	}
	l := v.object("per_day", "unit", "once", "per_dwell", "per_view")
	if n := number(l, "per_day", 1, maxLimit, 1); n == math.Trunc(n) && n >= 1 && n <= maxLimit {
		r.limit = uint32(n)
	} else if f, ok := l.field("per_day"); ok && n != math.Trunc(n) {
		f.fault("must be a whole number (got %v)", n)
	}
	if u, ok := l.field("unit"); ok {
		word, _ := u.text()
		kind, known := unitKinds[word]
		if !known {
			u.fault("no unit is called %.40q%s: event, view, page or session", word,
				suggest(word, slices.Sorted(maps.Keys(unitKinds))))
		}
		r.unit = kind
	}
	if f, ok := l.field("once"); ok {
		r.once, _ = f.boolean()
	}
	dwell, timed := l.field("per_dwell")
	if !timed {
		if f, ok := l.field("per_view"); ok {
			f.fault("per_view bounds per_dwell, which is absent; for once a page view write unit: view")
		}
	} else {
		r.unit = unitDwell
		r.dwell = max(1, duration(l, "per_dwell", 5*msSecond, msHour, 15*msSecond))
		r.perView = duration(l, "per_view", r.dwell, msHour, max(5*msMinute, r.dwell))
		if _, given := l.field("per_day"); !given {
			r.limit = uint32(clamp(float64(r.perView/r.dwell), 1, maxLimit))
		}
		if _, given := l.field("unit"); given {
			dwell.fault("per_dwell counts time, unit counts things: use one of them")
		}
	}
	if r.once && len(l.fields) > 1 {
		v.fault("once stands alone: a rule that pays once has no other limit")
	}
	if r.once {
		r.limit = 1
	}
}

// halfLife reads days; "never" is 0.
func halfLife(o object) float64 {
	if v, ok := o.field("half_life"); ok && v.isText() {
		if text, _ := v.text(); text == "never" {
			return 0
		}
	}
	return float64(duration(o, "half_life", minHalfLife, maxDuration, 14*msDay)) / float64(msDay)
}

func (ld *loader) groupOf(o object) int32 {
	name, names := defaultGroup, make([]string, len(ld.m.groups))
	for i, g := range ld.m.groups {
		names[i] = g.name
	}
	v, given := o.field("group")
	if given {
		text, ok := v.text()
		if !ok {
			return 0
		}
		name = text
	}
	i, found := slices.BinarySearch(names, name)
	if !found {
		v.fault("no group is called %.60q%s: list it under groups", name, suggest(name, names))
		return 0
	}
	return int32(i)
}

func (ld *loader) interestOf(o object) int32 {
	v, ok := o.field("interest")
	if !ok {
		return -1
	}
	label := ld.id(v, "")
	if i := slices.Index(ld.m.interests, label); i >= 0 {
		return int32(i)
	}
	ld.m.interests = append(ld.m.interests, label)
	return int32(len(ld.m.interests) - 1)
}

// flags are marks that rule a lead out of the hot list whatever its score: grade X.
func (ld *loader) flags(file object) {
	m := ld.m
	items, _ := file.list("flags")
	if len(items) > maxFlags {
		items[maxFlags].fault("%d flags are too many, %d is the most", len(items), maxFlags)
		return
	}
	var needed []needs
	for _, item := range items {
		o := item.object("id", "en", "zh", "on", "when")
		f := flag{id: ld.idOf(o, "flag"), on: types(o)}
		name := words(o, "en", "zh", f.id)
		f.en, f.zh = name.EN, name.ZH
		var n needs
		if v, ok := o.field("when"); ok {
			f.when, n = compile(v, eventEnv(), checkEventWords)
		}
		m.flags, needed = append(m.flags, f), append(needed, n)
	}
	for i := range m.flags {
		f := &m.flags[i]
		for _, kind := range f.on {
			t := ld.typeRules(kind)
			t.flags = append(t.flags, f)
			if f.when != nil && f.when.quick == nil {
				maps.Copy(t.needs, needed[i])
			}
		}
	}
}
