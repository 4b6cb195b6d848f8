package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/insight/learn"
	"leadstream/internal/clickhouse"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// A model's life over a house that has seen a simulated year: history replayed from ClickHouse is the
// live state; diff, backtest and train answer from it.
func TestAModelsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	word := func(words ...string) (int, string, string) { return runWords(t, append(words, h.flags()...)...) }
	status, out, errs := word("simulate", "--seed", "3", "--visitors", "60", "--past", "1400")
	require.Zero(t, status, "%s%s", out, errs)

	t.Run("replay from ClickHouse is the live state", h.requireReplayIsLive)
	t.Run("diff", func(t *testing.T) {
		draft := filepath.Join(t.TempDir(), "draft.yml")
		text := strings.Replace(string(model.DefaultText()), "points: 12", "points: 4", 1)
		require.NoError(t, os.WriteFile(draft, []byte(text), 0o644))
		status, out, errs := word("model", "diff", draft)
		require.Zero(t, status, "%s%s", out, errs)
		require.Contains(t, out, "Who changes grade 等级变化")
		require.Contains(t, errs, "events: ")
		var diffs [2]replay.Diff
		at := time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339)
		for i, from := range []string{"clickhouse", "topic"} {
			status, out, errs := word("model", "diff", draft, "--format", "json", "--from", from, "--top=-1", "--at", at)
			require.Zero(t, status, "%s%s", out, errs)
			require.NoError(t, json.Unmarshal([]byte(out), &diffs[i]))
		}
		require.NotEmpty(t, diffs[0].Changes)
		require.Equal(t, diffs[0], diffs[1], "the topic says what the table says")
		require.Less(t, diffs[0].Same, diffs[0].Leads)
	})
	t.Run("backtest", func(t *testing.T) {
		status, out, errs := word("model", "backtest", "--format", "json", "--window", "7", "--horizon", "30")
		require.Zero(t, status, "%s%s", out, errs)
		var b backtest
		require.NoError(t, json.Unmarshal([]byte(out), &b))
		require.NotNil(t, b.Models[0].Newest, "%s", out)
		require.Greater(t, b.Models[0].Newest.Value, 0.5)
		t.Log(out)
	})
	t.Run("train", func(t *testing.T) {
		draft := filepath.Join(t.TempDir(), "learned.yml")
		status, out, errs := word("model", "train", "--out", draft, "--window", "7", "--horizon", "30", "--force", "--format", "json")
		t.Log(out, errs)
		require.Zero(t, status, "%s%s", out, errs)
		var learned learn.Learned
		require.NoError(t, json.Unmarshal([]byte(out), &learned), "stdout is one JSON object")
		require.NotEmpty(t, learned.Features)
		require.Contains(t, errs, "is written")
		text, err := os.ReadFile(draft)
		require.NoError(t, err)
		require.Contains(t, string(text), "# learned: ")
		require.Contains(t, string(text), "name: default_learned")
		status, out, errs = word("model", "backtest", draft, "--window", "7", "--horizon", "30")
		require.Zero(t, status, "%s%s", out, errs)
		t.Log(out)
		status, _, errs = word("model", "train", "--out", draft)
		require.NotZero(t, status)
		require.Contains(t, errs, "is there already")
		status, _, errs = word("model", "train", "--out", draft+".2", "--horizon", "3000")
		require.NotZero(t, status)
		require.Contains(t, errs, "not enough data")
		require.NoFileExists(t, draft+".2")
	})
	t.Run("publish", h.requirePublish)
	t.Run("every word of an event", h.requireEveryWordIsReplayed)
	require.Zero(t, h.stop())
}

// A published model gives every lead exactly what its preview said, silently, in tables, ledger and
// explanation; what was before can still be asked for, under any version.
func (h *house) requirePublish(t *testing.T) {
	draft := filepath.Join(t.TempDir(), "draft.yml")
	text := strings.ReplaceAll(strings.Replace(string(model.DefaultText()), "points: 12", "points: 4", 1), "points: 30", "points: 9")
	require.NoError(t, os.WriteFile(draft, []byte(text), 0o644))
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	var preview replay.Diff
	require.NoError(t, json.Unmarshal([]byte(h.words(t, "model", "diff", draft, "--format", "json", "--top=-1", "--at", at.Format(time.RFC3339))), &preview))
	require.Greater(t, len(preview.Changes), 100)
	before := time.Now().UTC()
	asOf := fmt.Sprintf("SELECT round(sum(score), 6), count() FROM lead_score_at(at = '%s') FORMAT CSV", before.Format("2006-01-02 15:04:05.000"))
	was := h.query(t, "default", asOf)
	time.Sleep(5 * time.Millisecond) // the publication is after it

	status, out, errs := runWords(t, append([]string{"model", "publish", draft}, h.flags()...)...)
	require.Zero(t, status, "%s%s", out, errs)
	require.Contains(t, out, "is published")
	require.Contains(t, errs, "leads: ")
	version := strings.Fields(out)[0]
	m, err := model.LoadPublished([]byte(text), draft, 1, before.UnixMilli())
	require.NoError(t, err)
	require.Equal(t, m.Version(), version)
	states := h.states(t)
	requirePreviewed(t, m, states, preview, at)
	h.requireScoredAnew(t, m, states, at.UnixMilli())
	require.Equal(t, "0", h.query(t, "default", "SELECT count() FROM stage_log FINAL WHERE model_version = '"+version+"' AND cause != 'publish' FORMAT CSV"), "nobody is told")
	require.Empty(t, h.query(t, "default", "SELECT DISTINCT cause FROM stage_log WHERE cause NOT IN ('"+strings.Join(schemas.StageCauses, "', '")+"') FORMAT CSV"))
	require.NotEqual(t, "0", h.query(t, "default", "SELECT count() FROM stage_log FINAL WHERE model_version = '"+version+"' FORMAT CSV"))

	// The ledger: as of then, what was; as of now, what is.
	require.Equal(t, was, h.query(t, "default", asOf))
	require.Eventually(t, func() bool {
		return h.query(t, "default", "WITH now64(3, 'UTC') AS t SELECT count() FROM leads_at(at = t) AS a LEFT JOIN lead_score_at(at = t) AS b USING (site, track, lead_id) WHERE abs(a.score - b.score) > 1e-9 AND a.lead_id NOT IN (SELECT lead_id FROM lead_ids) FORMAT CSV") == "0"
	}, time.Minute, 200*time.Millisecond, "ledger and state agree")

	h.requireVersions(t, m, states, preview, at)
	require.Equal(t, text, h.words(t, "model", "show", version))

	// Back to what was, by its version.
	require.Contains(t, h.words(t, "model", "publish", model.Default().Version()), model.Default().Version()+".2")
	back, old := h.states(t), model.Default()
	for _, c := range preview.Changes {
		id, _ := schemas.ParseLeadID(c.Lead)
		lead, err := old.Restore(back[id])
		require.NoError(t, err)
		old.Fire(lead, at.UnixMilli(), nil)
		require.Equal(t, c.Old.Score, old.Score(lead, at.UnixMilli()), "score of %s, bit for bit", c.Lead)
	}
}

// Any version can be asked, and the explanation is the record's own model's.
func (h *house) requireVersions(t *testing.T, m *model.Model, states map[schemas.LeadID]*pb.LeadRecord, preview replay.Diff, at time.Time) {
	t.Helper()
	version := m.Version()
	c := preview.Changes[slices.IndexFunc(preview.Changes, func(c replay.Change) bool {
		id, _ := schemas.ParseLeadID(c.Lead)
		lead, err := m.Restore(states[id])
		return err == nil && lead.Joined() > 0
	})]
	for v, want := range map[string]float64{version: c.New.Score, model.Default().Version(): c.Old.Score} {
		var x schemas.Explanation
		require.NoError(t, json.Unmarshal([]byte(h.words(t, "model", "score", c.Lead, "--at", at.Format(time.RFC3339), "--version", v)), &x))
		require.Equal(t, want, x.Score)
		require.Equal(t, v, x.ModelVersion)
	}
	var x schemas.Explanation
	require.Equal(t, 200, h.getJSON(t, "/v1/leads/"+c.Lead+"/explain", &x))
	require.Equal(t, version, x.ModelVersion)
	list := h.words(t, "model", "list")
	require.Contains(t, list, version)
	require.Contains(t, list, model.Default().Version())
}

// states are the records of lead_state.
func (h *house) states(t *testing.T) map[schemas.LeadID]*pb.LeadRecord {
	t.Helper()
	states := map[schemas.LeadID]*pb.LeadRecord{}
	rows, err := h.connect(t).Query(t.Context(), "SELECT record FROM lead_state FINAL")
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

func (h *house) connect(t *testing.T) clickhouse.Conn {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr = h.ports["clickhouse-listen"]
	conn, err := clickhouse.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A changed model file is in force within a moment, without a restart; one with a fault is refused whole
// and shows in a metric, while the running one stays.
func TestAChangedModelFileIsTakenUpAndABadOneRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "model.yml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) }
	text := string(model.DefaultText())
	write(text)
	h.up(t, "--model", file)
	running := func() string {
		for line := range strings.Lines(h.scrapeText(t)) {
			if strings.HasPrefix(line, "leadstream_scoring_model_info{") {
				return line
			}
		}
		return ""
	}
	refused := func() float64 { return scrape(t, h.ports["telemetry-listen"], "leadstream_scoring_model_refused") }
	require.Eventually(t, func() bool { return strings.Contains(running(), model.Default().Version()) }, time.Minute, 50*time.Millisecond)
	write(strings.Replace(text, "points: 12", "points: twelve", 1))
	require.Eventually(t, func() bool { return refused() == 1 }, time.Minute, 50*time.Millisecond)
	require.Contains(t, running(), model.Default().Version(), "the running one stays")
	write(text)
	require.Eventually(t, func() bool { return refused() == 0 }, time.Minute, 50*time.Millisecond)
	write(otherTrack("cloud")) // the API asks for the tracks that the start found: it would find nobody in this one
	require.Eventually(t, func() bool { return refused() == 1 }, time.Minute, 50*time.Millisecond, "another track needs another start")
	require.Contains(t, running(), model.Default().Version(), "the running one stays")
	require.Contains(t, h.out.String(), "start again for another track")
	cheap := strings.Replace(text, "points: 12", "points: 3", 1)
	write(cheap)
	m, err := model.Load([]byte(cheap), file)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return refused() == 0 && strings.Contains(running(), m.Version()) }, time.Minute, 50*time.Millisecond)
	require.Equal(t, 200, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("e1", "visitor-1", "/pricing", time.Now())+`]}`))
	require.Eventually(t, func() bool {
		return h.query(t, "default", "SELECT points, model_version FROM ledger WHERE rule = 'pricing' FORMAT CSV") == fmt.Sprintf(`3,"%s"`, m.Version())
	}, time.Minute, 100*time.Millisecond)
	require.Zero(t, h.stop())
}

func (h *house) scrapeText(t *testing.T) string {
	t.Helper()
	response, err := http.Get(h.url("telemetry-listen", "/metrics"))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
