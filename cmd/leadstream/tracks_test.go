package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/scoring/model"
)

// otherTrack is the built-in model under another track, where a visit to the prices is worth 3.
func otherTrack(track string) string {
	return strings.NewReplacer("track: main", "track: "+track, "points: 12", "points: 3").Replace(string(model.DefaultText()))
}

// TestALeadHasAScoreInEachTrack: two models at work, in the API, the tables and the app; a broken file of one
// leaves both running; who is erased is erased in both; and without the second the first goes on as it was.
func TestALeadHasAScoreInEachTrack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "main.yml"), filepath.Join(dir, "cloud.yml")
	require.NoError(t, os.WriteFile(first, model.DefaultText(), 0o644))
	require.NoError(t, os.WriteFile(second, []byte(otherTrack("cloud")), 0o644))
	h.up(t, "--model", first) // as it was before there was a second
	visit := func(id, who string) {
		require.Equal(t, 200, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent(id, who, "/pricing", time.Now())+`]}`))
	}
	visit("e1", "ada")
	id := schemas.NewLeadID(schemas.EventKey("demo", "ada", "")).String()
	score := func(track string) float64 {
		var answer struct{ Lead leads.Lead }
		if h.getJSON(t, "/v1/leads/"+id+track, &answer) != http.StatusOK {
			return -1
		}
		return answer.Lead.Score
	}
	require.Eventually(t, func() bool { return score("") >= 12 }, time.Minute, 50*time.Millisecond)
	worth := score("") // the visit has points of its own, the same in both
	require.Zero(t, h.stop())

	h.up(t, "--model", first, "--model", second)
	require.Eventually(t, func() bool { return score("?track=cloud") > 0 }, time.Minute, 50*time.Millisecond, "the new track begins with the oldest event")
	require.InDelta(t, worth-9, score("?track=cloud"), 0.01)
	require.InDelta(t, worth, score("?track=main"), 0.01)
	require.InDelta(t, worth, score(""), 0.01, "the first track, where none is named")
	require.Eventually(t, func() bool {
		return h.query(t, "default", "SELECT groupArray((track, points)) FROM (SELECT track, points FROM ledger FINAL WHERE rule = 'pricing' ORDER BY track) FORMAT TSV") == "[('cloud',3),('main',12)]"
	}, time.Minute, 50*time.Millisecond, "each track has its rows")
	h.requireReadersOfTracks(t, id, map[string]float64{"main": worth, "cloud": worth - 9})

	require.NoError(t, os.WriteFile(second, []byte(strings.Replace(otherTrack("cloud"), "points: 3", "points: three", 1)), 0o644))
	require.Eventually(t, func() bool {
		return scrape(t, h.ports["telemetry-listen"], "leadstream_scoring_model_refused") == 1
	}, time.Minute, 50*time.Millisecond)
	require.Contains(t, h.scrapeText(t), `leadstream_scoring_model_refused{track="cloud"} 1`)
	visit("e2", "bob")
	require.Eventually(t, func() bool { return len(h.hot(t)) == 2 }, time.Minute, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		var list struct{ Leads []leads.Lead }
		return h.getJSON(t, "/v1/leads?track=cloud", &list) == http.StatusOK && len(list.Leads) == 2
	}, time.Minute, 50*time.Millisecond, "both go on")

	request := h.erase(t, id)
	require.Eventually(t, func() bool { return h.erasure(t, request).Finished }, 2*time.Minute, 100*time.Millisecond)
	require.Equal(t, -1.0, score("?track=main"))
	require.Equal(t, -1.0, score("?track=cloud"))
	require.Zero(t, h.stop())
}

// requireReadersOfTracks asks lists, explanation, funnel, page and report.
func (h *house) requireReadersOfTracks(t *testing.T, id string, worth map[string]float64) {
	t.Helper()
	for track, points := range worth {
		var list struct{ Leads []leads.Lead }
		require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads?track="+track, &list))
		require.Len(t, list.Leads, 1)
		require.Equal(t, track, list.Leads[0].Track)
		require.InDelta(t, points, list.Leads[0].Score, 0.01)
		var why schemas.Explanation
		require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads/"+id+"/explain?track="+track, &why))
		require.Equal(t, track, why.Track)
		require.InDelta(t, points, why.Score, 0.01)
		status, out, errs := runWords(t, append(h.flags(), "report", "funnel", "--track", track, "--format", "csv", "--model", h.modelFile(t, "main"), "--model", h.modelFile(t, "cloud"))...)
		require.Zero(t, status, errs)
		require.NotEmpty(t, out)
	}
	var list struct{ Leads []leads.Lead }
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads", &list))
	require.Len(t, list.Leads, 1, "one row a lead: of the first track")
	require.Equal(t, "main", list.Leads[0].Track)
	for _, path := range []string{"/v1/leads", "/v1/leads/" + id, "/v1/funnel", "/v1/stream", "/v1/accounts"} {
		response, err := http.Get(h.url("leads-listen", path+"?track=unknown"))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, http.StatusBadRequest, response.StatusCode, path)
		require.Contains(t, string(body), "main, cloud", path)
	}
	response, err := http.Get(h.url("leads-listen", "/?track=cloud"))
	require.NoError(t, err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(page), "<option selected>cloud</option>")
	require.NotContains(t, string(page), `data-track="main"`)
}

// modelFile writes the model of a track.
func (h *house) modelFile(t *testing.T, track string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), track+".yml")
	text := string(model.DefaultText())
	if track != "main" {
		text = otherTrack(track)
	}
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	return file
}

// Two files of one track, and a name that is none, are faults that say where.
func TestFaultsOfTracksSayWhere(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return file
	}
	twin := write("twin.yml", strings.Replace(string(model.DefaultText()), "points: 12", "points: 3", 1))
	odd := write("odd.yml", otherTrack("Not A Track"))
	fine := write("fine.yml", otherTrack("cloud"))
	cfg := write("config.yml", fmt.Sprintf("models:\n  - %s\n  - %s\n  - %s\n", fine, twin, odd))
	status, _, errs := runWords(t, "check", "--config", cfg)
	require.Equal(t, 1, status)
	require.Contains(t, errs, cfg+":3: models[1]: "+twin+` is of track "main", like the built-in model`)
	require.Contains(t, errs, odd+":9:8: track:")

	status, out, errs := runWords(t, "check", "--model", twin, "--model", fine)
	require.Zero(t, status, errs)
	require.Contains(t, out, "track main, stages")
	require.Contains(t, out, "track cloud, stages")
}
