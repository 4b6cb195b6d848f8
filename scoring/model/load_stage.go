package model

import (
	"maps"

	"leadstream/schemas"
)

// Defaults of a machine stage.
const (
	defaultDown     = 0.75 // of up: a score that shivers around a threshold stays put
	defaultMinDwell = msDay
	defaultCooldown = 3 * msDay
)

func (ld *loader) stages(file object) {
	m := ld.m
	items, broken := file.list("stages")
	if broken {
		return
	}
	if n := len(items); n < 2 || n > maxStages {
		file.fault("stages: a funnel has 2..%d of them (got %d)", maxStages, n)
		return
	}
	for i, item := range items {
		o := item.object("id", "en", "zh", "owner", "up", "down", "min_dwell", "cooldown", "criteria", "sub_stages")
		s := stage{Stage: Stage{StageName: words(o, "en", "zh", ld.idOf(o, "stage")), Owner: owner(o)}}
		if s.Owner == ownerSales {
			ld.salesStage(o, i)
		} else {
			ld.machineStage(o, i, &s)
		}
		s.Criteria, s.criteria = ld.conditions(o, "criteria", true)
		s.SubStages, s.subStages = ld.conditions(o, "sub_stages", false)
		if i == 0 && len(s.criteria) > 0 {
			o.fault("criteria: the first stage takes every lead and asks for nothing")
		}
		m.stages = append(m.stages, s)
	}
}

func owner(o object) string {
	v, ok := o.field("owner")
	if !ok {
		return ownerMachine
	}
	word, ok := v.text()
	if ok && word != ownerMachine && word != ownerSales {
		v.fault("must be %s (moves by score) or %s (moves by people), got %.40q", ownerMachine, ownerSales, word)
		return ownerMachine
	}
	return word
}

// salesStage has no thresholds: no score moves it.
func (ld *loader) salesStage(o object, i int) {
	if i == 0 {
		o.fault("the first stage takes every lead, so the machine must own it")
	}
	for _, key := range []string{"up", "down", "min_dwell", "cooldown"} {
		if v, ok := o.field(key); ok {
			v.fault("sales owns this stage: no score moves it, so it has no %s", key)
		}
	}
}

func (ld *loader) machineStage(o object, i int, s *stage) {
	m := ld.m
	if m.machine != i {
		o.fault("a stage of the machine stands behind one of sales: the machine's come first")
	} else {
		m.machine++
	}
	s.Up = number(o, "up", 0, 100, 0)
	s.Down = number(o, "down", 0, 100, defaultDown*s.Up)
	s.MinDwell = duration(o, "min_dwell", 0, maxDuration, defaultMinDwell)
	s.Cooldown = duration(o, "cooldown", 0, maxDuration, defaultCooldown)
	up, given := o.field("up")
	switch {
	case i == 0 && s.Up != 0:
		up.fault("the first stage takes every lead: up must be 0 (got %v)", s.Up)
	case i == 0:
	case !given:
		o.fault("up is missing: at how many points does a lead enter?")
	case s.Up <= m.stages[i-1].Up && m.stages[i-1].Owner == ownerMachine:
		up.fault("must be above the stage before (%v), got %v", m.stages[i-1].Up, s.Up)
	}
	if down, given := o.field("down"); given && s.Down > defaultDown*s.Up {
		down.fault("must be at most 0.75 of up, %v (got %v), or leads would flap between two stages", defaultDown*s.Up, s.Down)
	}
}

// conditions reads a list of {id, en, zh, when} about the lead.
func (ld *loader) conditions(o object, key string, must bool) (names []schemas.StageName, list []*condition) {
	seen := map[string]bool{}
	items, _ := o.list(key)
	for _, item := range items {
		c := item.object("id", "en", "zh", "when")
		name := words(c, "en", "zh", ld.idOf(c, ""))
		if seen[name.ID] && name.ID != "" {
			c.fault("%q stands here twice", name.ID)
		}
		seen[name.ID] = true
		var compiled *condition
		v, given := c.field("when")
		switch {
		case given:
			var needed needs
			compiled, needed = compile(v, leadEnv(&evaluator{}), ld.m.checkLeadWords)
			maps.Copy(ld.m.leadNeeds, needed)
		case must:
			c.fault("when is missing: what must hold?")
		}
		names, list = append(names, name), append(list, compiled)
	}
	return names, list
}
