package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// A line is a row as it is compared: its key, and the row itself.
type line[M proto.Message] struct {
	key string
	row M
}

// unlike are the differences of a table: each key is to stand in it once, with one of the rows that there may be. A few
// of them; the last sentence says how many there are.
func unlike[M proto.Message](what string, want map[string][]M, got []line[M]) (differences []string) {
	n, seen := 0, map[string]bool{}
	say := func(format string, args ...any) {
		if n++; n <= 3 {
			differences = append(differences, what+": "+fmt.Sprintf(format, args...))
		}
	}
	for _, l := range got {
		switch may, known := want[l.key]; {
		case !known:
			say("%s should not be there: %s", l.key, show(l.row))
		case seen[l.key]:
			say("%s is there twice: %s", l.key, show(l.row))
		case !oneOf(may, l.row):
			say("%s is %s, and should be %s", l.key, show(l.row), show(may[0]))
		}
		seen[l.key] = true
	}
	for key, rows := range want {
		if !seen[key] {
			say("%s is missing: %s", key, show(rows[0]))
		}
	}
	if n > 0 {
		differences = append(differences, fmt.Sprintf("%s: %d rows, %d are to be there, %d differences", what, len(got), len(want), n))
	}
	return differences
}

func oneOf[M proto.Message](may []M, row M) bool {
	return slices.ContainsFunc(may, func(m M) bool { return bytes.Equal(bits(m), bits(row)) })
}

// bits are a message's: proto.Equal takes -0 for 0, and one NaN for another.
func bits(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// show is a row in one line.
func show(m proto.Message) string {
	b, err := protojson.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func linesOf[M proto.Message](rows []M, key func(M) string) (lines []line[M]) {
	for _, row := range rows {
		lines = append(lines, line[M]{key(row), row})
	}
	return lines
}

// differences holds every table against what one fold says, and against the topics that it was made of.
func (s *soak) differences(want *told) (all []string) {
	s.t.Helper()
	stages := s.stageRows()
	all = append(all, unlike("ledger", want.ledger, linesOf(s.ledgerRows(), ledgerKey))...)
	all = append(all, unlike("stage_log", want.transitions, linesOf(stages, stageKey))...)
	for i, row := range stages {
		stages[i] = byAnyone(row)
	}
	all = append(all, unlike("stage_log and the fold", want.stages, linesOf(stages, stageKey))...)
	all = append(all, s.fallsDiffer(stages)...)
	all = append(all, s.statesDiffer(want)...)
	all = append(all, s.eventsDiffer(want)...)
	now := time.Now().Truncate(time.Millisecond)
	all = append(all, scoresDiffer("lead_score_at", s.scoresOf("lead_score_at", now), want.leads, want.counted, now)...)
	all = append(all, scoresDiffer("leads_at", s.scoresOf("leads_at", now), want.leads, nil, now)...)
	if want.letters > 0 {
		all = append(all, fmt.Sprintf("%d dead letters", want.letters))
	}
	return all
}

// fallsDiffer wants exactly one fall of each lead that was to fall, at the instant that was solved before it.
func (s *soak) fallsDiffer(stages []*pb.StageRow) (differences []string) {
	want, got := map[string][]*pb.StageRow{}, []line[*pb.StageRow]{}
	for _, f := range s.traffic.fallers {
		want[f.Lead.String()] = []*pb.StageRow{{From: "aware", To: "visitor", At: f.At}}
	}
	for _, row := range stages {
		if row.Cause == "timer" {
			got = append(got, line[*pb.StageRow]{schemas.LeadID(row.LeadId).String(), &pb.StageRow{From: row.From, To: row.To, At: row.At}})
		}
	}
	return unlike("falls", want, got)
}

// statesDiffer holds lead_state against the newest records of the topic, its columns against its own record, and that
// against the fold: all that closing days does not change as it stands, and the rest after closing.
func (s *soak) statesDiffer(want *told) (differences []string) {
	s.t.Helper()
	m := model.Default()
	stand, folded, open, columns := map[string][]*pb.LeadRecord{}, map[string][]*pb.LeadRecord{}, map[string][]*pb.LeadRecord{}, map[string][]*pb.LeadRecord{}
	for id, rec := range want.newest {
		r := new(pb.LeadRecord)
		require.NoError(s.t, proto.Unmarshal(rec.Value, r))
		stand[fmt.Sprint(id, " of ", rec.Partition, "/", rec.Offset)] = []*pb.LeadRecord{r}
	}
	for id, lead := range want.leads {
		r := m.Record(lead, 0, nil)
		folded[id.String()], open[id.String()] = []*pb.LeadRecord{asRead(r)}, []*pb.LeadRecord{unfolded(r)}
	}
	var asStored, asClosed, asOpen, asColumns []line[*pb.LeadRecord]
	for _, row := range s.states() {
		r := new(pb.LeadRecord)
		require.NoError(s.t, proto.Unmarshal([]byte(row.record), r))
		id := schemas.LeadID(row.columns.LeadId).String()
		asStored = append(asStored, line[*pb.LeadRecord]{fmt.Sprint(id, " of ", row.partition, "/", row.offset), r})
		closed, err := asFolded(m, r)
		require.NoError(s.t, err)
		asClosed, asOpen = append(asClosed, line[*pb.LeadRecord]{id, closed}), append(asOpen, line[*pb.LeadRecord]{id, unfolded(r)})
		r = proto.CloneOf(r)
		r.State, r.Source = nil, nil // in no column
		columns[id] = []*pb.LeadRecord{r}
		asColumns = append(asColumns, line[*pb.LeadRecord]{id, row.columns})
	}
	differences = unlike("lead_state and topic leads", stand, asStored)
	differences = append(differences, unlike("lead_state's columns and its record", columns, asColumns)...)
	differences = append(differences, unlike("lead_state and the fold", open, asOpen)...)
	return append(differences, unlike("lead_state and the fold, days closed", folded, asClosed)...)
}

func (s *soak) eventsDiffer(want *told) (differences []string) {
	seen := map[string]bool{}
	for _, id := range s.eventIDs() {
		if !want.events[id] || seen[id] {
			differences = append(differences, "events: "+id+" should not be there")
		}
		seen[id] = true
	}
	if len(seen) < len(want.events) {
		differences = append(differences, fmt.Sprintf("events: %d, and %d were sent", len(seen), len(want.events)))
	}
	return differences
}

// scoresDiffer wants a view's scores within 1e-9 of the model's, and no lead more or less than some.
func scoresDiffer(view string, got []scored, leads map[schemas.LeadID]*model.Lead, some map[schemas.LeadID]bool, at time.Time) (differences []string) {
	m, seen := model.Default(), map[schemas.LeadID]bool{}
	for _, row := range got {
		lead := leads[row.id]
		if lead == nil || seen[row.id] {
			differences = append(differences, fmt.Sprintf("%s: %s should not be there", view, row.id))
			continue
		}
		seen[row.id] = true
		if want := m.Score(lead, at.UnixMilli()); math.Abs(row.score-want) > 1e-9 {
			differences = append(differences, fmt.Sprintf("%s: %s has %v, the model says %v", view, row.id, row.score, want))
		}
	}
	for id := range leads {
		if !seen[id] && (some == nil || some[id]) {
			differences = append(differences, fmt.Sprintf("%s: %s is missing", view, id))
		}
	}
	return differences
}
