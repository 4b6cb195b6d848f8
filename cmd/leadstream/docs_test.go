package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/scoring/model"
)

// block is a fenced piece of a document. Its info string says what it is:
//
//	sh            run as a script against a house: curl, leadstream, make, cp, tar
//	sql           one query, as user analyst; it must have rows
//	sql admin     as user default
//	sql may be empty
//	score         a script against the built-in model
//	yaml config, yaml model    a whole file, for `leadstream check`
//	yaml rule     a rule, put in front of the built-in model's
//
// Other languages are for readers only.
type block struct {
	file string
	line int
	lang string
	mark string // the rest of the info string
	text string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

// documents are the files whose blocks are run.
func documents(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, docs)
	return append(docs, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"))
}

func blocks(t *testing.T, lang string) []block {
	t.Helper()
	var list []block
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name, err := filepath.Rel(root, file)
		require.NoError(t, err)
		var open *block
		for i, line := range strings.Split(string(text), "\n") {
			info, fence := strings.CutPrefix(line, "```")
			switch {
			case fence && open == nil:
				lang, mark, _ := strings.Cut(info, " ")
				open = &block{file: name, line: i + 1, lang: lang, mark: mark}
			case fence:
				if open.lang == lang {
					list = append(list, *open)
				}
				open = nil
			case open != nil:
				open.text += line + "\n"
			}
		}
		require.Nil(t, open, "%s: a fence is not closed", name)
	}
	require.NotEmpty(t, list, "no document has a block of %s", lang)
	return list
}

// Every command and every query of the documents does what they say, on a house
// that has seen a simulated day.
func TestDocumentsRun(t *testing.T) {
	h := newHouse(t)
	h.up(t)
	status, out, errs := runWords(t, append([]string{"simulate", "--seed", "7", "--visitors", "80", "--past", "120"}, h.flags()...)...)
	require.Zero(t, status, "%s%s", out, errs)
	desk := newDesk(t, h)
	for _, b := range blocks(t, "yaml") {
		if b.file == "docs/operate.md" && b.mark == "config" { // the file that its commands name
			require.NoError(t, os.WriteFile(filepath.Join(desk.dir, "leadstream.yml"), []byte(b.text), 0o644))
		}
	}
	for _, b := range blocks(t, "sh") {
		t.Run(b.String(), func(t *testing.T) { desk.run(t, b) })
	}
	for _, b := range blocks(t, "sql") {
		t.Run(b.String(), func(t *testing.T) { h.ask(t, b) })
	}
	t.Run("metrics", h.metricsAreDocumented)
	t.Run("alerts", h.alertsHaveTheirMetrics)
	t.Run("refusals", h.refusalsAreDocumented)
	t.Run("tables", h.tablesAreDocumented)
	require.Zero(t, h.stop())
}

// desk is where a reader sits: a folder that looks like the clone, with stand-ins
// in front of PATH that keep the reader's commands inside the test.
type desk struct{ dir, path string }

// Words that serve for ever are only parsed; all others meet the house. make is
// asked whether it has the target. curl fails where a reader would see a refusal.
const standIns = `
-- leadstream
case "$1" in
all|ingest|score|sink|leads) exec env LEADSTREAM_TEST_BE=1 "$SELF" "$@" --help ;;
model)
	case "$2" in
	test|show) exec env LEADSTREAM_TEST_BE=1 "$SELF" "$@" ;;
	*) exec env LEADSTREAM_TEST_BE=1 "$SELF" "$@" $FLAGS ;;
	esac ;;
check|version) exec env LEADSTREAM_TEST_BE=1 "$SELF" "$@" ;;
*) exec env LEADSTREAM_TEST_BE=1 "$SELF" "$@" $FLAGS ;;
esac
-- make
for target; do
	case "$target" in *=*) continue ;; esac
	grep -q "^$target:" Makefile || { echo "Makefile has no target $target" >&2; exit 1; }
done
-- curl
n=$#
while [ $n -gt 0 ]; do
	arg=$(printf %s "$1" | sed $PORTS)
	shift
	set -- "$@" "$arg"
	n=$((n - 1))
done
exec "$CURL" --fail-with-body --silent --show-error --max-time 10 "$@"
`

func newDesk(t *testing.T, h *house) desk {
	t.Helper()
	d := desk{dir: t.TempDir()}
	clone, err := filepath.Abs(root)
	require.NoError(t, err)
	entries, err := os.ReadDir(clone)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != "bin" && e.Name() != "data" {
			require.NoError(t, os.Symlink(filepath.Join(clone, e.Name()), filepath.Join(d.dir, e.Name())))
		}
	}
	require.NoError(t, os.Symlink(h.dataDir, filepath.Join(d.dir, "data")))
	d.path = filepath.Join(d.dir, "bin")
	require.NoError(t, os.Mkdir(d.path, 0o755))
	for part := range strings.SplitSeq(strings.TrimPrefix(standIns, "\n-- "), "\n-- ") {
		name, script, _ := strings.Cut(part, "\n")
		require.NoError(t, os.WriteFile(filepath.Join(d.path, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	return d.settings(t, h)
}

// settings writes what the stand-ins need to know into their scripts.
func (d desk) settings(t *testing.T, h *house) desk {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	curl, err := exec.LookPath("curl")
	require.NoError(t, err, "the documents use curl")
	ports := ""
	for port, flag := range map[string]string{"8080": "ingest-listen", "8090": "leads-listen", "9464": "telemetry-listen", "8123": "clickhouse-http-listen"} {
		ports += " -e s/localhost:" + port + "/" + h.ports[flag] + "/"
	}
	flags := append(h.flags(), "--set", "kafka.brokers="+h.ports["kafka-listen"], "--set", "kafka.partitions=12", "--set", "kafka.replication=1",
		"--set", "clickhouse.addr="+h.ports["clickhouse-listen"], "--set", "clickhouse.user=default") // whatever the config shown says
	head := fmt.Sprintf("#!/bin/sh\nSELF='%s' CURL='%s' PORTS='%s' FLAGS='%s'\n", self, curl, ports, strings.Join(flags, " "))
	for _, name := range []string{"leadstream", "make", "curl"} {
		file := filepath.Join(d.path, name)
		script, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append([]byte(head), script[len("#!/bin/sh\n"):]...), 0o755))
	}
	return d
}

// known are the commands that a document may use: no test runs what it does not know.
var known = []string{"curl", "leadstream", "bin/leadstream", "make", "cp", "tar"}

var setting = regexp.MustCompile(`^[A-Z_]+=\S+ +`)

func (d desk) run(t *testing.T, b block) {
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		line = setting.ReplaceAllString(strings.TrimSpace(line), "")
		if word, _, _ := strings.Cut(line, " "); line != "" && !strings.HasPrefix(line, "#") {
			require.Contains(t, known, word, "%s: this test does not know how to run it", b)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", b.text)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PATH="+d.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s\nprinted:\n%s", b, b.text, out)
}

// ask runs a query over HTTP, as an analyst would.
func (h *house) ask(t *testing.T, b block) {
	user := "analyst"
	if b.mark == "admin" {
		user = "default"
	}
	rows := h.query(t, user, b.text)
	if b.mark != "may be empty" {
		require.NotEmpty(t, rows, "%s finds nothing:\n%s", b, b.text)
	}
}

func (h *house) query(t *testing.T, user, text string) string {
	t.Helper()
	at := h.url("clickhouse-http-listen", "/?"+url.Values{"database": {"leadstream"}, "user": {user}}.Encode())
	response, err := http.Post(at, "text/plain", strings.NewReader(text))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s\n%s", text, body)
	return strings.TrimSpace(string(body))
}

// A model or config that a document shows is one that loads.
func TestDocumentedFilesLoad(t *testing.T) {
	for _, b := range blocks(t, "yaml") {
		file := filepath.Join(t.TempDir(), "shown.yml")
		words := []string{"check", "--model", file}
		switch b.mark {
		case "config":
			words[1] = "--config"
		case "model":
		case "rule":
			rule := "  " + strings.ReplaceAll(strings.TrimSpace(b.text), "\n", "\n  ") + "\n"
			b.text = strings.Replace(string(model.DefaultText()), "\nrules:\n", "\nrules:\n"+rule, 1)
			require.Contains(t, b.text, rule)
		default:
			t.Fatalf("%s: yaml must be marked config, model or rule", b)
		}
		require.NoError(t, os.WriteFile(file, []byte(b.text), 0o644))
		status, _, errs := runWords(t, words...)
		require.Zero(t, status, "%s: %s", b, errs)
	}
}

// A script that a document shows is true of the built-in model.
func TestDocumentedScoresAreTrue(t *testing.T) {
	for _, b := range blocks(t, "score") {
		require.Empty(t, model.RunScript(model.Default(), b.String(), []byte(b.text)))
	}
}
