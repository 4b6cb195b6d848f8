package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A wall says what a package may not import, and why. `from` and `to` are
// import paths; a trailing /... means the package and all below it.
type wall struct {
	from, to string
	except   []string
	why      string
}

var stages = []string{"leadstream/ingest/...", "leadstream/scoring/...", "leadstream/sink/...", "leadstream/leads/..."}

func walls() []wall {
	list := []wall{
		{"leadstream/scoring/model", "leadstream/internal/...", nil, "the heart is pure: no clock, log, metric or client"},
		{"leadstream/scoring/model", "go.uber.org/zap", nil, "the heart is pure: it returns, it does not log"},
		{"leadstream/scoring/model", "context", nil, "the heart is pure: it does not wait"},
		{"leadstream/scoring/model", "net/http", nil, "the heart is pure: it does not talk"},
		{"leadstream/schemas", "leadstream/internal/...", nil, "words stand below plumbing"},
		{"leadstream/tracker", "leadstream/...", nil, "the gate is a file to serve"},
		{"leadstream/insight/...", "leadstream/leads/...", nil, "insight answers, leads asks"},
		{"leadstream/internal/...", "leadstream/schemas/...", nil, "plumbing knows no word of the trade"},
		{"leadstream/...", "leadstream/cmd/...", []string{"leadstream/cmd/..."}, "the roof is on top"},
		{"leadstream/...", "github.com/segmentio/kafka-go", []string{"leadstream/cmd/..."}, "kafka-go is the second witness: only tail and tests use it"},
		{"leadstream/...", "github.com/twmb/franz-go/pkg/kgo", []string{
			"leadstream/ingest", "leadstream/scoring", "leadstream/sink", "leadstream/leads", "leadstream/leads/erase", "leadstream/leads/owner", "leadstream/leads/notify",
			"leadstream/internal/kafka", "leadstream/internal/embedded/...", "leadstream/cmd/...",
		}, "the Kafka client is fenced"},
		{"leadstream/...", "github.com/ClickHouse/clickhouse-go/v2", []string{
			"leadstream/sink", "leadstream/insight", "leadstream/leads", "leadstream/leads/erase", "leadstream/internal/clickhouse",
			"leadstream/internal/embedded/...", "leadstream/cmd/...",
		}, "the ClickHouse client is fenced"},
		{"leadstream/...", "github.com/ClickHouse/ch-go", []string{"leadstream/sink", "leadstream/internal/clickhouse"}, "the columnar insert stands in one place"},
	}
	for _, from := range stages {
		for _, to := range stages {
			if from != to {
				list = append(list, wall{from, to, nil, "stages meet only in a topic or a table"})
			}
		}
		list = append(list, wall{from, "leadstream/tracker/...", nil, "the roof hands files to be served"})
		if from != "leadstream/leads/..." {
			list = append(list, wall{from, "leadstream/insight/...", nil, "only leads asks insight"})
		}
	}
	return list
}

func TestWalls(t *testing.T) {
	packages := listPackages(t)
	for _, w := range walls() {
		found := false
		for _, p := range packages {
			if !matches(w.from, p.ImportPath) || excepted(w, p.ImportPath) {
				continue
			}
			found = true
			for _, imported := range p.Imports {
				if matches(w.to, imported) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, w.why)
				}
			}
		}
		if !found {
			t.Errorf("wall %s -> %s guards a package that is gone: mend the list", w.from, w.to)
		}
	}
}

func TestWallsBite(t *testing.T) {
	require.True(t, matches("leadstream/ingest/...", "leadstream/ingest"))
	require.True(t, matches("leadstream/ingest/...", "leadstream/ingest/protocol"))
	require.False(t, matches("leadstream/ingest/...", "leadstream/ingestion"))
	require.True(t, matches("github.com/ClickHouse/ch-go", "github.com/ClickHouse/ch-go/proto"))
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "leadstream/...")
	out, err := cmd.Output()
	require.NoError(t, err)
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else {
			require.NoError(t, err)
		}
		list = append(list, p)
	}
}

// matches is true of the package itself and, for third parties and /..., of
// all below it.
func matches(pattern, path string) bool {
	root, deep := strings.CutSuffix(pattern, "/...")
	deep = deep || strings.Contains(root, ".")
	return path == root || deep && strings.HasPrefix(path, root+"/")
}

func excepted(w wall, path string) bool {
	for _, e := range w.except {
		if matches(e, path) {
			return true
		}
	}
	return false
}
