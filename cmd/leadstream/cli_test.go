package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

const root = "../.."

func TestExampleConfigIsValid(t *testing.T) {
	status, out, errs := runWords(t, "check", "--config", filepath.Join(root, "config.example.yml"), "--model", filepath.Join(root, "model.example.yml"))
	require.Zero(t, status, errs)
	require.Contains(t, out, "name: shop")
	require.Contains(t, out, "won 成交")
	require.NotContains(t, out, "change-me-0123456789abcdef", "check must not print secrets")
}

// Values in the example are the defaults, where it does not say otherwise.
func TestExampleConfigShowsTheDefaults(t *testing.T) {
	_, ours, _ := runWords(t, "check")
	_, theirs, errs := runWords(t, "check", "--config", filepath.Join(root, "config.example.yml"))
	require.Empty(t, errs)
	without := func(text string) string {
		var kept []string
		skip := false
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && !strings.HasPrefix(line, "  -") {
				skip = strings.HasPrefix(line, "  sites:")
			}
			if !skip && !strings.HasPrefix(line, "#") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}
	require.Equal(t, without(ours), without(theirs))
}

func TestCheckNamesEveryFaultOfConfigAndModel(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	cfg := write("bad.yml", "ingest:\n  lissten: x\nsink:\n  batch:\n    rows: 0\nscoring:\n  commit_interval: 1h\n")
	m := write("model.yml", "version: 1\nname: bad\nrules:\n  - id: A B\n    on: page\n    points: 5\n    half_life: 1h\n  - id: ok\n    on: page\n    when: pathh contains 1\n    points: 0\nstages: []\n")
	status, _, errs := runWords(t, "check", "--config", cfg, "--model", m)
	require.Equal(t, 1, status)
	for _, want := range []string{
		"bad.yml:2", "lissten", "did you mean \"ingest.listen\"",
		"bad.yml:5", "sink.batch.rows",
		"bad.yml:7", "scoring.commit_interval",
		"model.yml:4", "model.yml:7", "model.yml:10", "pathh", "model.yml:11",
	} {
		require.Contains(t, errs, want)
	}
}

// A role with a fault in its config does not start.
func TestFaultyConfigStopsTheStart(t *testing.T) {
	status, _, errs := runWords(t, "all", "--set", "sink.batch.rows=0", "--set", "leads.query_timeout=1ms", "--data-dir", filepath.Join(t.TempDir(), "never"))
	require.Equal(t, 1, status)
	require.Contains(t, errs, "sink.batch.rows")
	require.Contains(t, errs, "leads.query_timeout")
}

func TestBuiltInSecretIsRefusedBeyondLoopback(t *testing.T) {
	status, _, errs := runWords(t, "ingest", "--ingest-listen", "0.0.0.0:0")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "built-in secret key")
	require.Contains(t, errs, "name your own sites")
}

func TestEveryWordHasHelp(t *testing.T) {
	for _, word := range []string{"", "all", "ingest", "score", "sink", "leads", "migrate", "check", "model", "model test", "report", "simulate", "tail", "version"} {
		status, out, errs := runWords(t, append(strings.Fields(word), "--help")...)
		require.Zero(t, status, "%s: %s", word, errs)
		require.Contains(t, out, "Usage: leadstream "+word)
	}
	status, out, _ := runWords(t)
	require.Zero(t, status)
	require.Contains(t, out, "Examples:")
}

func TestUnknownWordsAreRefusedWithAWayOut(t *testing.T) {
	status, _, errs := runWords(t, "scoer")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "leadstream --help")

	status, _, errs = runWords(t, "tail", "evnts")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "events, routed, leads, ledger, stages, deadletter")

	status, _, errs = runWords(t, "tail", "events", "--kafka-listen", "127.0.0.1:1")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "start one with `leadstream all`")
}

func TestModelTestRunsScripts(t *testing.T) {
	status, out, errs := runWords(t, "model", "test", filepath.Join(root, "scoring/model/testdata"))
	require.Zero(t, status, "%s%s", out, errs)
	require.Contains(t, out, " 0 failed")

	wrong := filepath.Join(t.TempDir(), "wrong.score")
	require.NoError(t, os.WriteFile(wrong, []byte("at 0m page /pricing\nexpect 99\n"), 0o644))
	status, out, _ = runWords(t, "model", "test", wrong)
	require.Equal(t, 1, status)
	require.Contains(t, out, "wrong.score:2")
}

func TestShownModelIsTheExample(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(root, "model.example.yml"))
	require.NoError(t, err)
	_, out, _ := runWords(t, "model", "show")
	require.Equal(t, string(want), out)
}

func TestVersionSaysWhatItIs(t *testing.T) {
	status, out, _ := runWords(t, "version")
	require.Zero(t, status)
	require.Contains(t, out, "leadstream dev (")
	require.Contains(t, out, "go1.")
}

// Unreadable records are shown, not skipped and not fatal.
func TestUnreadableRecordIsShown(t *testing.T) {
	text := readable("leadstream.events.v1", []byte{0xff, 0xff})
	var shown map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &shown), text)
	require.Equal(t, "ffff", shown["bytes"])
	require.NotEmpty(t, shown["unreadable"])
}

// What tail prints is JSON whatever an id holds: jq stops at the first line that is not.
func TestTailPrintsJSON(t *testing.T) {
	for _, key := range []string{"demo/a", "demo/\a\v\"", "demo/\U000e0001", "demo/\xff\x00"} {
		var out bytes.Buffer
		(&recordPrinter{out: &out}).print(kafka.Message{Topic: "leadstream.events.v1", Offset: 7, Key: []byte(key)})
		var line struct {
			Offset int
			Key    string
		}
		require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
		require.Equal(t, 7, line.Offset)
		require.Equal(t, strings.ToValidUTF8(key, "\uFFFD"), line.Key)
	}
}
