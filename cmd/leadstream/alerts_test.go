package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

const alertsFile = "deploy/prometheus/alerts.yml"

type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// alertRules reads the file as strictly as Prometheus does: it refuses a key that it does not know.
func alertRules(t *testing.T) (list []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string      `yaml:"name"`
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.UnmarshalWithOptions([]byte(document(t, alertsFile)), &file, yaml.Strict()))
	for _, g := range file.Groups {
		require.NotEmpty(t, g.Name)
		list = append(list, g.Rules...)
	}
	require.NotEmpty(t, list)
	return list
}

var (
	ourMetric  = regexp.MustCompile(`leadstream_\w+`)
	promLength = regexp.MustCompile(`^(\d+)d$`) // what Go's time.ParseDuration does not know
)

// The rules are the table of docs/operate.md, in its order: name, expression and patience; each is a whole rule.
func TestAlertsAreTheDocumentedOnes(t *testing.T) {
	table, metrics := tableOf(t, "docs/operate.md", "## What to alert on"), tableOf(t, "docs/operate.md", "## Metrics")
	var names []string
	for _, r := range alertRules(t) {
		names = append(names, r.Alert)
		row := table[r.Alert]
		require.NotNil(t, row, "%s is not in the table", r.Alert)
		require.Equal(t, "`"+r.Expr+"`", row[0], r.Alert)
		require.Equal(t, r.For, row[1], r.Alert)
		if !promLength.MatchString(r.For) {
			_, err := time.ParseDuration(r.For)
			require.NoError(t, err, r.Alert)
		}
		require.Contains(t, []string{"critical", "warning"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		for _, m := range ourMetric.FindAllString(r.Expr, -1) {
			require.Contains(t, metrics, m, r.Alert)
			if strings.HasSuffix(m, "_total") {
				require.Regexp(t, `(rate|increase)\(`+m+`(\{[^}]*\})?\[\d+[mh]\]\)`, r.Expr, "%s: a counter only says something as it grows", r.Alert)
			}
		}
		requireBalanced(t, r.Expr)
		requireHeading(t, r.Annotations["runbook"])
	}
	require.ElementsMatch(t, keys(table), names, "every row has a rule, once")
	require.Contains(t, names, "LeadstreamModelRefused")
}

// requireBalanced is what can be said of an expression without PromQL's grammar, whose module would bring two hundred others.
func requireBalanced(t *testing.T, expr string) {
	t.Helper()
	open := ""
	inText := false
	for _, c := range expr {
		switch {
		case c == '"':
			inText = !inText
		case inText:
		case strings.ContainsRune("([{", c):
			open += string(c)
		case strings.ContainsRune(")]}", c):
			require.NotEmpty(t, open, expr)
			require.Contains(t, []string{"()", "[]", "{}"}, open[len(open)-1:]+string(c), expr)
			open = open[:len(open)-1]
		}
	}
	require.Empty(t, open, expr)
	require.False(t, inText, expr)
	require.Regexp(t, ` (==|>|<) [\w.* ]+$`, expr, "without a comparison it fires always")
}

// requireHeading wants FILE#HEADING of a document that is there.
func requireHeading(t *testing.T, runbook string) {
	t.Helper()
	file, anchor, found := strings.Cut(runbook, "#")
	require.True(t, found, runbook)
	_, err := os.Stat(filepath.Join(root, file))
	require.NoError(t, err)
	require.Contains(t, anchors(t, filepath.Join(root, file)), anchor, runbook)
}

// alertsHaveTheirMetrics: what an alert asks for is there from the first scrape, with the reasons that it picks. A counter that appears only
// with its first fault never grows in Prometheus' eyes, and the first fault is not told.
func (h *house) alertsHaveTheirMetrics(t *testing.T) {
	page := h.metricsPage(t)
	for _, r := range alertRules(t) {
		for _, m := range ourMetric.FindAllString(r.Expr, -1) {
			require.Regexp(t, `(?m)^`+m+`[ {]`, page, r.Alert)
		}
	}
	told := regexp.MustCompile(`reason=~?"([^"]*)"`)
	for _, r := range alertRules(t) {
		for _, m := range told.FindAllStringSubmatch(r.Expr, -1) {
			for reason := range slices.Values(strings.Split(m[1], "|")) {
				require.Contains(t, page, `leadstream_ingest_refused_total{reason="`+reason+`"}`, r.Alert)
			}
		}
	}
}
