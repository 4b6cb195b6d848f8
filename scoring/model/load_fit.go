package model

import (
	"maps"
	"math"
	"slices"
)

const maxAttributes = 32

// fit reads the attributes that say who the lead is:
//
//	fit:
//	  - {id: size, weight: 20, when: employees >= 50}            it fits, or not
//	  - id: role
//	    weight: 30
//	    values:                                                  the first that holds
//	      - {when: role contains "Head", worth: 1}
//	      - {when: role contains "Engineer", worth: 0.6}
func (ld *loader) fit(file object) {
	m := ld.m
	m.fitNeeds = needs{}
	items, _ := file.list("fit")
	if len(items) > maxAttributes {
		items[maxAttributes].fault("%d attributes are too many, %d is the most", len(items), maxAttributes)
		return
	}
	for _, item := range items {
		o := item.object("id", "title", "title_zh", "weight", "when", "values")
		a := attribute{id: ld.idOf(o, "fit attribute")}
		name := words(o, "title", "title_zh", a.id)
		a.title, a.titleZH = name.EN, name.ZH
		a.weight = weight(o)
		read := needs{}
		a.levels = ld.levels(o, read)
		a.reads = reads(read)
		whole := !slices.ContainsFunc(a.levels, func(l level) bool { return l.when == nil })
		if len(a.levels) > 0 && whole && len(a.reads) == 0 {
			o.fault("it reads nothing of the lead: it would never be known")
		}
		m.attributes = append(m.attributes, a)
	}
}

func weight(o object) float64 {
	v, ok := o.field("weight")
	if !ok {
		o.fault("weight is missing: how much does it matter beside the others?")
		return 0
	}
	n, ok := v.number()
	if ok && (math.IsNaN(n) || n <= 0 || n > 1000) {
		v.fault("must be above 0 and at most 1000 (got %v)", n)
	}
	return n
}

// levels reads `when`, which is worth 1, or the list `values`.
func (ld *loader) levels(o object, read needs) []level {
	when, single := o.field("when")
	_, several := o.field("values")
	switch {
	case single == several:
		o.fault("write either when (it fits or not) or values (how well)")
		return nil
	case single:
		return []level{{ld.fitCondition(when, read), 1}}
	}
	var levels []level
	items, _ := o.list("values")
	for _, item := range items {
		v := item.object("when", "worth")
		if _, given := v.field("worth"); !given {
			v.fault("worth is missing: 1 fits fully, 0 not at all")
		}
		l := level{worth: number(v, "worth", 0, 1, 0)}
		if when, given := v.field("when"); given {
			l.when = ld.fitCondition(when, read)
		} else {
			v.fault("when is missing: what must hold?")
		}
		levels = append(levels, l)
	}
	return levels
}

func (ld *loader) fitCondition(v value, read needs) *condition {
	c, words := compile(v, fitEnv(), checkEventWords)
	maps.Copy(read, words)
	maps.Copy(ld.m.fitNeeds, words)
	return c
}

// reads turns the names an attribute mentions into questions whether they are
// known. Of traits it is the keys that count, unless one is computed.
func reads(names needs) (known []func(*Lead) bool) {
	keyed := false
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if get := fitVocabulary.texts[name]; get != nil {
			known = append(known, func(l *Lead) bool { return get(l) != "" })
		} else if get := fitVocabulary.numbers[name]; get != nil {
			known = append(known, func(l *Lead) bool { return get(l) > 0 })
		} else if key, ok := traitKey(name); ok {
			keyed = true
			known = append(known, func(l *Lead) bool { raw := l.raw(key); return raw != "" && raw != "null" && raw != `""` })
		}
	}
	if names["traits"] && !keyed {
		known = append(known, func(l *Lead) bool { return len(l.traits) > 0 })
	}
	return known
}
