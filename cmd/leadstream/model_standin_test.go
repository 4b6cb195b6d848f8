package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
	"leadstream/scoring/model"
)

// TestAFaultyModelFileAndARestartIsNoOutage: with a publication in force a start needs no file, whether the publication is found
// on disk (`all`, before its ClickHouse runs) or in the table (a role alone). Without one there is nothing to run with.
func TestAFaultyModelFileAndARestartIsNoOutage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "model.yml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) }
	text := string(model.DefaultText())
	faulty := strings.Replace(text, "points: 12", "points: twelve", 1)
	write(faulty)
	status, _, errs := runWords(t, append([]string{"all", "--model", file}, h.flags()...)...)
	require.Equal(t, 1, status)
	require.Contains(t, errs, file+":", "the fault, with its line")
	require.Contains(t, errs, `no published model of track "main" can stand in`)

	write(text)
	h.up(t, "--model", file)
	version := strings.Fields(h.words(t, "model", "publish", file, "--model", file))[0]
	require.Eventually(t, func() bool { return strings.Contains(h.scrapeText(t), `version="`+version+`"`) }, time.Minute, 50*time.Millisecond)
	write(faulty)
	refused := func() float64 { return scrape(t, h.ports["telemetry-listen"], "leadstream_scoring_model_refused") }
	require.Eventually(t, func() bool { return refused() == 1 }, time.Minute, 50*time.Millisecond, "told before the restart")
	h.requireRolesStart(t, file, version)
	require.Zero(t, h.stop())

	h.up(t, "--model", file)
	require.Equal(t, 1.0, refused())
	require.Contains(t, h.scrapeText(t), `version="`+version+`"`)
	require.Contains(t, h.out.String(), "the published model runs in its place")
	status, _, errs = runWords(t, append([]string{"check", "--model", file}, h.flags()...)...)
	require.Equal(t, 1, status, "check still says it")
	require.Contains(t, errs, file+":")
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("e1", "visitor-1", "/pricing", time.Now())+`]}`))
	require.Eventually(t, func() bool {
		return h.query(t, "default", "SELECT points, model_version FROM ledger WHERE rule = 'pricing' FORMAT CSV") == `12,"`+version+`"`
	}, time.Minute, 100*time.Millisecond)

	write(strings.Replace(text, "points: 12", "points: 3", 1))
	require.Eventually(t, func() bool { return refused() == 0 }, time.Minute, 50*time.Millisecond, "mended")
	require.Contains(t, h.scrapeText(t), `version="`+version+`"`, "the published model goes on")
	require.Zero(t, h.stop())
}

// requireRolesStart starts roles with a faulty file and a folder that has no copy of the publication: the API finds it in the
// table, the collectors need none.
func (h *house) requireRolesStart(t *testing.T, file, version string) {
	t.Helper()
	ports := freeAddrs(t, 3)
	for i, role := range []string{"leads", "ingest"} {
		flags := append(h.flags(), "--data-dir", t.TempDir(), "--model", file, "--telemetry-listen", ports[i], "--"+role+"-listen", ports[2])
		p := start(t, append([]string{role}, flags...)...)
		requireReady(t, ports[i])
		require.Equal(t, role == "leads", strings.Contains(p.out.String(), version), "%s", p.out)
		require.Zero(t, p.stop())
	}
}

// What cannot be parsed still says whose it is.
func TestTheTrackOfAFaultyFile(t *testing.T) {
	for text, want := range map[string]string{
		"name: x\ntrack: cloud\nrules: [": "cloud",
		"track: \"cloud\" # ours\n":       "cloud",
		"name: [":                         "main",
		"rules:\n  - {track: cloud}":      "main",
	} {
		require.Equal(t, want, trackIn([]byte(text)), text)
	}
}

// A published model stands in for its own track only, and never twice.
func TestWhoStandsIn(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return file
	}
	cfg := defaultConfig()
	cfg.DataDir = dir
	cfg.Model = write("main.yml", "track: main\nfault")
	cfg.Models = []string{write("cloud.yml", otherTrack("cloud")), write("again.yml", "track: cloud\nfault")}
	require.NoError(t, newShelf(nil, cfg.under("models")).save(shelved{Track: "main", Version: "old", Publication: 7, Text: string(model.DefaultText()), KeptAt: time.Now()}))
	require.NoError(t, newShelf(nil, cfg.under("models")).save(shelved{Track: "cloud", Version: "old", Publication: 8, Text: otherTrack("cloud"), KeptAt: time.Now()}))

	files := cfg.readModels(config.Report{})
	err := cfg.standIn(files, true)
	require.ErrorContains(t, err, "again.yml")
	require.NotContains(t, err.Error(), "main.yml")
	number, _ := files[0].model.Publication()
	require.Equal(t, 7, number)
	require.Nil(t, files[2].model)

	cfg.Models = []string{filepath.Join(dir, "gone.yml")}
	require.ErrorContains(t, cfg.standIn(cfg.readModels(config.Report{}), true), "gone.yml")
}
