package main

import (
	"encoding/json"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// TestPublishingOneTrackLeavesTheOther: a draft of the second track is previewed against the second track's model,
// and published: its leads are what the preview said, bit for bit, and of the first track no lead, no row of the
// ledger and no stage moves, then and after a restart.
func TestPublishingOneTrackLeavesTheOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	models := []string{"--model", h.modelFile(t, "main"), "--model", h.modelFile(t, "cloud")}
	h.up(t, models...)
	word := func(words ...string) string { return h.words(t, append(words, models...)...) }
	word("simulate", "--seed", "5", "--visitors", "20", "--past", "500")

	draft := filepath.Join(t.TempDir(), "draft.yml")
	text := strings.NewReplacer("track: main", "track: cloud", "points: 12", "points: 5", "points: 30", "points: 9").Replace(string(model.DefaultText()))
	require.NoError(t, os.WriteFile(draft, []byte(text), 0o644))
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	preview := h.previewOf(t, word, draft, at)
	main := h.firstTrackNow(t)
	require.Greater(t, len(main.scores), 50)

	out := word("model", "publish", draft)
	version := strings.Fields(out)[0]
	m, err := model.LoadPublished([]byte(text), draft, 1, time.Now().UnixMilli())
	require.NoError(t, err)
	require.Equal(t, m.Version(), version)
	require.Equal(t, "cloud", m.Track())
	requirePreviewed(t, m, h.statesOf(t, "cloud"), preview, at)
	require.Equal(t, "0", h.query(t, "default", "SELECT count() FROM stage_log FINAL WHERE track = 'cloud' AND model_version = '"+version+"' AND cause != 'publish' FORMAT CSV"), "nobody is told")
	h.requireFirstTrack(t, main)

	require.Zero(t, h.stop())
	h.up(t, models...)
	var lead leads.Lead
	var answer struct{ Leads []leads.Lead }
	require.Eventually(t, func() bool {
		return h.getJSON(t, "/v1/leads?track=cloud&limit=1", &answer) == http.StatusOK && len(answer.Leads) == 1
	}, time.Minute, 50*time.Millisecond)
	lead = answer.Leads[0]
	for track, of := range map[string]string{"cloud": version, "main": model.Default().Version()} {
		var why schemas.Explanation
		require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads/"+lead.ID+"/explain?track="+track, &why))
		require.Equal(t, of, why.ModelVersion, "the model that is in force")
	}
	h.requireFirstTrack(t, main)
	require.Zero(t, h.stop())
}

// previewOf is what `model diff` says, once the second track has scored all that the preview has played.
func (h *house) previewOf(t *testing.T, word func(...string) string, draft string, at time.Time) (preview replay.Diff) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(word("model", "diff", draft, "--format", "json", "--top=-1", "--at", at.Format(time.RFC3339))), &preview))
	require.Greater(t, len(preview.Changes), 50)
	running, err := model.Load([]byte(otherTrack("cloud")), "cloud.yml")
	require.NoError(t, err)
	require.Equal(t, running.Version(), preview.Old, "held against the model of its own track")
	require.Eventually(t, func() bool {
		states := h.statesOf(t, "cloud")
		for _, c := range preview.Changes {
			id, err := schemas.ParseLeadID(c.Lead)
			require.NoError(t, err)
			if states[id] == nil {
				return false
			}
			lead, err := running.Restore(states[id])
			require.NoError(t, err)
			running.Fire(lead, at.UnixMilli(), nil)
			if math.Float64bits(running.Score(lead, at.UnixMilli())) != math.Float64bits(c.Old.Score) {
				return false
			}
		}
		return true
	}, 2*time.Minute, 200*time.Millisecond, "the second track never came to what the preview says of it")
	return preview
}

// firstTrack is what must not move; a fall of its own may come at any moment, and moves no point.
type firstTrack struct {
	at             int64
	scores         map[schemas.LeadID]float64
	ledger, stages string
}

func (h *house) firstTrackNow(t *testing.T) firstTrack {
	t.Helper()
	m, now := model.Default(), time.Now().UTC()
	f := firstTrack{at: now.Add(time.Hour).UnixMilli(), scores: map[schemas.LeadID]float64{}}
	for id, record := range h.statesOf(t, "main") {
		lead, err := m.Restore(record)
		require.NoError(t, err)
		require.Equal(t, m.Version(), record.ModelVersion)
		f.scores[id] = m.Score(lead, f.at)
	}
	f.ledger = h.query(t, "default", "SELECT count(), sum(cityHash64(tuple(*))) FROM ledger FINAL WHERE track = 'main' FORMAT CSV")
	f.stages = h.query(t, "default", "SELECT count(), sum(cityHash64(tuple(*))) FROM stage_log FINAL WHERE track = 'main' AND cause != 'timer' FORMAT CSV")
	return f
}

func (h *house) requireFirstTrack(t *testing.T, want firstTrack) {
	t.Helper()
	m, got := model.Default(), h.firstTrackNow(t)
	for id, record := range h.statesOf(t, "main") {
		lead, err := m.Restore(record)
		require.NoError(t, err)
		got.scores[id] = m.Score(lead, want.at)
	}
	got.at = want.at
	require.Equal(t, want, got, "the first track moved")
}

// statesOf are one track's records of lead_state.
func (h *house) statesOf(t *testing.T, track string) map[schemas.LeadID]*pb.LeadRecord {
	t.Helper()
	states := map[schemas.LeadID]*pb.LeadRecord{}
	rows, err := h.connect(t).Query(t.Context(), "SELECT record FROM lead_state FINAL WHERE track = '"+track+"'")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var record string
		require.NoError(t, rows.Scan(&record))
		r := new(pb.LeadRecord)
		require.NoError(t, proto.Unmarshal([]byte(record), r))
		states[schemas.LeadID(r.LeadId)] = r
	}
	require.NoError(t, rows.Err())
	return states
}
