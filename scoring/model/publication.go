package model

import (
	"bytes"
	"fmt"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// LoadPublished reads a model that was published: the number counts publications of
// the track from 1, and stands behind the version, as in default@0a77a306.3. So rows of
// one publication are told from those of another, also when an old text is published
// again. All history of a lead is scored under the version its record names.
func LoadPublished(data []byte, filename string, number int, at int64) (*Model, error) {
	m, err := Load(data, filename)
	if err != nil {
		return nil, err
	}
	m.version = fmt.Sprintf("%s.%d", m.version, number)
	m.publication, m.publishedAt = number, at
	return m, nil
}

// Publication is the number and the instant (Unix ms) of the publication, 0 without one.
func (m *Model) Publication() (number int, at int64) { return m.publication, m.publishedAt }

// ReasonPublished marks a lead's going over in its ledger: from received_at on, the rows of
// this publication are its score, and those from before are not.
const ReasonPublished = schemas.ReasonPublished

// ErasedUntil is the instant up to which what was received was erased, Unix ms; 0 = never.
func (l *Lead) ErasedUntil() int64 { return l.erasedUntil }

// Rescore makes a lead worth what its whole history gives under this model: fresh is that history
// played. What the lead has done stays: who it is, what it wrote, its number of stage entries. If it
// stands in another stage now there is one row, caused by the publication, not the path: what it did
// in the past is not done again, and nobody is told of it.
func (m *Model) Rescore(l, fresh *Lead, src *pb.Source) Outcome {
	m.bind(l)
	m.bind(fresh)
	was := l.stage
	l.rules, l.foldedThrough = slices.Clone(fresh.rules), fresh.foldedThrough
	l.flags, l.lastRule = slices.Clone(fresh.flags), fresh.lastRule
	l.stage, l.subStage, l.stageSince, l.cooldownUntil = fresh.stage, fresh.subStage, fresh.stageSince, fresh.cooldownUntil
	l.clock, l.fitBand, l.scored = max(l.clock, fresh.clock), 0, ""
	out := Outcome{Changed: true, Ledger: []*pb.LedgerRow{m.marker(l, src)}}
	for i := range l.parts {
		p := &l.parts[i]
		p.unite(m, &fresh.parts[i])
		if p.id != l.id {
			out.Ledger = append(out.Ledger, m.marker(p.lead, src))
		}
	}
	if was != l.stage {
		out.Stages = []*pb.StageRow{m.publishRow(l, was, src)}
	}
	l.revision++
	return out
}

func (m *Model) publishRow(l *Lead, was string, src *pb.Source) *pb.StageRow {
	l.entryNo++
	row := m.stageRow(l, src)
	row.Cause, row.Why = schemas.CausePublish, "published "+m.version
	row.From, row.To, row.At, row.EntryNo, row.SubStage = was, l.stage, m.publishedAt, l.entryNo, l.subStage
	row.Score = m.Score(l, max(l.clock, m.publishedAt))
	row.Grade = m.grade(l, row.Score)
	row.Direction = move
	switch from, to := m.stageIndex(was), m.stageIndex(l.stage); {
	case from < 0 || to < 0 || from >= m.machine || to >= m.machine:
	case to > from:
		row.Direction = promote
	default:
		row.Direction = demote
	}
	return row
}

// born marks a lead, or an id that is joined to one, whose first event is this: it began under the
// publication, and has nothing to go over from.
func (a *application) born(l *Lead) {
	if l.clock == 0 && a.m.publication > 0 {
		a.out.Ledger = append(a.out.Ledger, a.m.marker(l, a.src))
	}
}

// marker has no rule, no points and no day of its own: the publication's.
func (m *Model) marker(l *Lead, src *pb.Source) *pb.LedgerRow {
	return &pb.LedgerRow{
		LeadId: bytes.Clone(l.id[:]), Site: l.site, Track: m.track, EventType: schemas.CausePublish, EventTime: m.publishedAt, ReceivedAt: m.publishedAt,
		Day: dayOf(m.publishedAt), Reason: ReasonPublished, ModelVersion: m.version, Source: src,
	}
}
