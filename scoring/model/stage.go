package model

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

const (
	promote = "promote"
	demote  = "demote"
	move    = "move"
)

// enter is a lead's first stage row: it came into being.
func (a *application) enter() {
	if a.l.stage != "" {
		return
	}
	row := a.row(schemas.CauseEvent)
	row.Direction = promote
	a.moveTo(0, a.l.clock, row)
}

// machineStages climbs while score and criteria allow it, or falls at once when
// this event has pushed the score below the floor of the stage. A stage's own
// criteria are asked at each step: nothing is skipped, a jump over k stages is k
// rows with one cause.
func (a *application) machineStages() {
	m, l := a.m, a.l
	i := m.stageIndex(l.stage)
	score := m.Score(l, l.clock)
	if i < m.machine && i > 0 && score < m.stages[i].Down && l.clock >= l.stageSince+m.stages[i].MinDwell {
		row := a.row(schemas.CauseEvent)
		row.Score = score
		m.demote(l, i, l.clock, row)
		a.out.Stages = append(a.out.Stages, row)
		a.out.Changed = true
		i--
	}
	if i >= m.machine && m.stages[i].subStages == nil {
		return
	}
	climbs := i+1 < m.machine && score >= m.stages[i+1].Up && l.clock >= l.cooldownUntil
	if !climbs && m.stages[i].subStages == nil {
		return
	}
	e := m.evaluator()
	defer m.release(e)
	e.look(m, l, l.clock, score)
	for climbs {
		met, all := m.criteria(e, i+1)
		if !all {
			break
		}
		row := a.row(schemas.CauseEvent)
		row.Direction, row.Criteria, row.Score = promote, met, score
		a.moveTo(i+1, l.clock, row)
		i++
		climbs = i+1 < m.machine && score >= m.stages[i+1].Up
	}
	a.settle(e, i)
}

// criteria runs a stage's criteria and returns the ids of those that hold.
func (m *Model) criteria(e *evaluator, i int) (met []string, all bool) {
	all = true
	for j, c := range m.stages[i].criteria {
		if e.holds(c) {
			met = append(met, m.stages[i].Criteria[j].ID)
		} else {
			all = false
		}
	}
	return met, all
}

// subStage is the last sub-stage whose condition holds. A stage whose sub-stages
// have no conditions keeps what the CRM said.
func (m *Model) subStage(e *evaluator, l *Lead, i int) string {
	s, sub, conditional := &m.stages[i], "", false
	for j, c := range s.subStages {
		if c == nil {
			continue
		}
		conditional = true
		if e.holds(c) {
			sub = s.SubStages[j].ID
		}
	}
	if !conditional {
		return l.subStage
	}
	return sub
}

// settle sets the sub-stage after an event. Its change shows in the record, and
// in the row if this event made the transition; it is no transition of its own.
func (a *application) settle(e *evaluator, i int) {
	sub := a.m.subStage(e, a.l, i)
	if sub == a.l.subStage {
		return
	}
	a.l.subStage, a.out.Changed = sub, true
	if n := len(a.out.Stages); n > 0 && a.out.Stages[n-1].Cause != schemas.CauseTimer {
		a.out.Stages[n-1].SubStage = sub
	}
}

// row is a stage row caused by this event.
func (a *application) row(cause string) *pb.StageRow {
	row := a.m.stageRow(a.l, a.src)
	row.Cause, row.CauseEventId = cause, a.ev.GetEventId()
	return row
}

func (m *Model) stageRow(l *Lead, src *pb.Source) *pb.StageRow {
	return &pb.StageRow{LeadId: l.id[:], Site: l.site, Track: m.track, ModelVersion: m.version, Source: src}
}

// moveTo enters a stage, writes the row, and lists it.
func (a *application) moveTo(i int, at int64, row *pb.StageRow) {
	a.m.moveTo(a.l, i, at, row)
	a.out.Stages = append(a.out.Stages, row)
	a.out.Changed = true
}

func (m *Model) moveTo(l *Lead, i int, at int64, row *pb.StageRow) {
	l.entryNo++
	row.From, row.To, row.At, row.EntryNo = l.stage, m.stages[i].ID, at, l.entryNo
	row.Grade = m.grade(l, row.Score)
	l.stage, l.subStage, l.stageSince = m.stages[i].ID, "", at
}

// demote falls one stage and starts the cooldown: until it is over no score
// promotes the lead, and if the score is still high then, the next event does.
func (m *Model) demote(l *Lead, i int, at int64, row *pb.StageRow) {
	row.Direction = demote
	m.moveTo(l, i-1, at, row)
	l.cooldownUntil = at + m.stages[i].Cooldown
}

// Fire makes the demotions that time alone has brought by now. Each row carries
// the solved instant, never now: whether a timer, the next event or a replay
// makes it, the row is the same. Give it the log's clock (the largest received_at
// read), not the wall's, or a replay that knows later events will differ.
func (m *Model) Fire(l *Lead, now int64, src *pb.Source) Outcome {
	var out Outcome
	if l.stage == "" {
		return out
	}
	m.bind(l)
	m.fall(l, min(now, latest), src, &out)
	if out.Changed {
		l.revision++
	}
	return out
}

// fall makes the demotions due at or before now.
func (m *Model) fall(l *Lead, now int64, src *pb.Source, out *Outcome) {
	for {
		at, ok := m.due(l, now)
		if !ok {
			return
		}
		row := m.stageRow(l, src)
		row.Cause, row.Score = schemas.CauseTimer, m.Score(l, at)
		i := m.stageIndex(l.stage)
		m.demote(l, i, at, row)
		l.clock = max(l.clock, at)
		if m.stages[i-1].subStages != nil {
			e := m.evaluator()
			e.look(m, l, at, row.Score)
			l.subStage = m.subStage(e, l, i-1)
			row.SubStage = l.subStage
			m.release(e)
		}
		out.Stages = append(out.Stages, row)
		out.Changed = true
	}
}
