package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/scoring/model"
)

var firstCell = regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]*\\|(.*)$")

// tableOf is the rows of a document's tables below a heading, by what stands in
// ticks in their first cell; the other cells follow.
func tableOf(t *testing.T, file, under string) map[string][]string {
	t.Helper()
	text := document(t, file)
	_, section, found := strings.Cut(text, "\n"+under+"\n")
	require.True(t, found, "%s has no heading %q", file, under)
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][]string{}
	for _, m := range firstCell.FindAllStringSubmatch(section, -1) {
		require.NotContains(t, rows, m[1], "%s, %s: stands there twice", file, under)
		// `\|` is a bar inside a cell.
		cells := strings.Split(strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(m[2]), "|"), `\|`, "\x00"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		rows[m[1]] = cells
	}
	require.NotEmpty(t, rows)
	return rows
}

func document(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(text)
}

func keys[V any](m map[string]V) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func (h *house) metricsPage(t *testing.T) string {
	t.Helper()
	response, err := http.Get(h.url("telemetry-listen", "/metrics"))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// noMetrics are names that look like one: two cookies of the web app.
var noMetrics = []string{"leadstream_session", "leadstream_lang"}

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (leadstream_\w+) (\w+)$`)
	metricName = regexp.MustCompile(`"(leadstream_\w+)"`)
)

// The table of metrics has what the code names, and says the type that a scrape
// shows. (The code, too, because some show only when something went wrong.)
func (h *house) metricsAreDocumented(t *testing.T) {
	table := tableOf(t, "docs/operate.md", "## Metrics")
	named := map[string]bool{}
	for _, p := range reached(t) {
		files, err := filepath.Glob(filepath.Join(root, strings.TrimPrefix(p, "leadstream/"), "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range metricName.FindAllStringSubmatch(string(text), -1) {
				if !strings.HasSuffix(file, "_test.go") && !slices.Contains(noMetrics, m[1]) {
					named[m[1]] = true
				}
			}
		}
	}
	require.Equal(t, keys(named), keys(table), "docs/operate.md must list the metrics that the code has")
	for _, m := range typeLine.FindAllStringSubmatch(h.metricsPage(t), -1) {
		require.Contains(t, keys(table), m[1])
		require.Equal(t, m[2], table[m[1]][0], m[1])
	}
	for _, m := range regexp.MustCompile(`leadstream_\w+_\w+`).FindAllString(document(t, "docs/operate.md"), -1) {
		require.Contains(t, keys(table), m, "docs/operate.md alerts on something that is not there")
	}
}

// The table of refusals has every word that the collectors know, with the status
// that they answer.
func (h *house) refusalsAreDocumented(t *testing.T) {
	table := tableOf(t, "docs/collect.md", "## The answer")
	var known []string
	for _, m := range regexp.MustCompile(`leadstream_ingest_refused_total\{reason="(\w+)"\}`).FindAllStringSubmatch(h.metricsPage(t), -1) {
		known = append(known, m[1])
	}
	require.ElementsMatch(t, known, keys(table))
	for word, send := range map[string]struct{ method, path, body string }{
		"bad_json":           {"POST", "/v1/events?key=demo", `{`},
		"bad_query":          {"GET", "/v1/pixel.gif?key=demo&x=%zz", ``},
		"no_events":          {"POST", "/v1/events?key=demo", `{"events":[]}`},
		"batch_too_large":    {"POST", "/v1/events?key=demo", "[" + strings.Repeat("1,", 2500) + "1]"},
		"not_an_object":      {"POST", "/v1/events?key=demo", `[1]`},
		"bad_properties":     {"POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"a","properties":1}]`},
		"too_deep":           {"POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"a","properties":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200) + `}]`},
		"too_large":          {"POST", "/v1/events?key=demo", `[{"type":"page","name":"` + strings.Repeat("a", 33<<10) + `"}]`},
		"no_key":             {"POST", "/v1/events", `[{"type":"page"}]`},
		"wrong_key":          {"POST", "/v1/events?key=nobody", `[]`},
		"secret_in_url":      {"POST", "/v1/events?key=demo-secret", `[]`},
		"not_found":          {"GET", "/nowhere", ``},
		"method_not_allowed": {"GET", "/v1/events", ``},
		"body_too_large":     {"POST", "/v1/events?key=demo", strings.Repeat(" ", 5<<20)},
		"bad_gzip":           {"POST", "/v1/events?key=demo", "\x1f\x8bnot gzip at all"},
		"unknown_type":       {"POST", "/v1/events?key=demo", `[{"type":"dance","anonymous_id":"a"}]`},
		"no_id":              {"POST", "/v1/events?key=demo", `[{"type":"page"}]`},
		"id_too_long":        {"POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"` + strings.Repeat("a", 257) + `"}]`},
		"secret_key_needed":  {"POST", "/v1/events?key=demo", `[{"type":"crm","anonymous_id":"a"}]`},
		"consent_denied":     {"POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"a","consent":"none"}]`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), send.method, h.url("ingest-listen", send.path), strings.NewReader(send.body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err, word)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		require.NoError(t, err, word)
		require.Contains(t, string(body), word)
		require.Equal(t, response.Status[:3], table[word][0], word)
	}
}

// The lists of tables, views and dictionaries are those of the database.
func (h *house) tablesAreDocumented(t *testing.T) {
	for heading, like := range map[string]string{"## Tables": "%Tree", "## Views": "View", "## A dictionary": "Dictionary"} {
		var documented []string
		for name := range tableOf(t, "docs/sql.md", heading) {
			name, _, _ = strings.Cut(name, "(") // a view's parameters
			documented = append(documented, name)
		}
		there := h.query(t, "default", "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '"+like+"'")
		require.ElementsMatch(t, strings.Fields(there), documented, heading)
	}
}

// The native form's list of types is the schema's; the list of words for rules is
// the model's.
func TestDocumentedWordsAreTheCodes(t *testing.T) {
	types := strings.Join(tableOf(t, "docs/collect.md", "## The native form")["type"], "")
	require.Equal(t, schemas.EventTypes, ticks(types))

	_, names, _ := strings.Cut(document(t, "docs/model.md"), "Names in `when`:")
	names, _, _ = strings.Cut(names, "(`props.")
	require.ElementsMatch(t, model.EventWords(), ticks(names))

	var asked []string
	for _, word := range keys(tableOf(t, "docs/model.md", "### What criteria may ask")) {
		word, _, _ = strings.Cut(word, "(")
		asked = append(asked, word)
	}
	require.ElementsMatch(t, model.CriterionWords(), asked)
	_, names, _ = strings.Cut(document(t, "docs/model.md"), "Names in its `when`:")
	names, _, _ = strings.Cut(names, ", as in")
	require.ElementsMatch(t, model.FitWords(), ticks(names))
}

func ticks(text string) (words []string) {
	for _, m := range ticked.FindAllString(text, -1) {
		words = append(words, strings.Trim(m, "`"))
	}
	return words
}

// DESIGN's map has a row for each package of the program, and none for one that is gone.
func TestDesignMapsEveryPackage(t *testing.T) {
	rows := keys(tableOf(t, "DESIGN.md", "## The map"))
	for _, p := range reached(t) {
		require.Contains(t, rows, strings.TrimPrefix(p, "leadstream/"))
	}
	var all []string
	for _, p := range listPackages(t) {
		all = append(all, strings.TrimPrefix(p.ImportPath, "leadstream/"))
	}
	require.Subset(t, all, rows)
}

// reached are our packages that the program is made of.
func reached(t *testing.T) []string {
	t.Helper()
	imports := map[string][]string{}
	for _, p := range listPackages(t) {
		imports[p.ImportPath] = p.Imports
	}
	list := []string{"leadstream/cmd/leadstream"}
	for i := 0; i < len(list); i++ {
		for _, p := range imports[list[i]] {
			if _, ours := imports[p]; ours && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	require.Greater(t, len(list), 10)
	return list
}

// README and CONTRIBUTING name no target that make does not have.
func TestMakeTargetsAreThere(t *testing.T) {
	makefile := document(t, "Makefile")
	for _, file := range []string{"README.md", "CONTRIBUTING.md", "DESIGN.md"} {
		for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(document(t, file), -1) {
			require.Regexp(t, `(?m)^`+m[1]+`:`, makefile, "%s names make %s", file, m[1])
		}
	}
}
