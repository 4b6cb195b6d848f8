package scoring

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestTheDefaultConfigIsValid(t *testing.T) {
	cfg := DefaultConfig()
	require.NoError(t, cfg.Validate())
}

func TestEveryFaultOfAConfigIsNamedAtOnce(t *testing.T) {
	err := (&Config{CommitInterval: time.Minute, MaxRecords: -1}).Validate()
	for _, want := range []string{
		"group: must not be empty",
		`group_protocol: must be classic or consumer (got "")`,
		"transactional_id: must not be empty",
		"commit_interval: must be 1ms..5s",
		"(got 1m0s)",
		"max_records: must be 1..100000 (got -1)",
		"snapshot_interval: must be at least 1s (got 0s)",
		"snapshot_bytes: must be at least 64KiB (got 0B)",
		"session_timeout: must be 1s..5m (got 0s)",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(Config{}, Deps{Model: testModel})
	require.ErrorContains(t, err, "scoring: group")
	_, err = New(DefaultConfig(), Deps{})
	require.ErrorContains(t, err, "no model")
}

func TestMetricsAreNamedAndKnownFromTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	_, err := New(DefaultConfig(), Deps{Registry: reg, Model: testModel})
	require.NoError(t, err)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := reg.Gather()
	require.NoError(t, err)
	names := map[string]int{}
	for _, f := range families {
		require.True(t, strings.HasPrefix(f.GetName(), "leadstream_scoring_"), f.GetName())
		names[f.GetName()] = len(f.GetMetric())
	}
	require.Equal(t, len(reasons), names["leadstream_scoring_dead_letters_total"])
	require.Equal(t, 3*len(testModel.Stages()), names["leadstream_scoring_transitions_total"])
	require.Equal(t, 3, names["leadstream_scoring_commits_total"])
	require.Contains(t, names, "leadstream_scoring_commit_seconds")
	require.Contains(t, names, "leadstream_scoring_fence_skips_total")
}
