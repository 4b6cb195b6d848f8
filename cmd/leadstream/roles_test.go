package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/leads"
	"leadstream/schemas"
)

// Each role is a process of its own, against a broker and a ClickHouse that the
// config names; two score processes share the partitions.
func TestRolesRunAlone(t *testing.T) { requireRolesRunAlone(t, embeddedtest.Broker(t)) }

func requireRolesRunAlone(t *testing.T, brokers []string) {
	t.Helper()
	addrs := freeAddrs(t, 7)
	h := &house{ports: map[string]string{"ingest-listen": addrs[0], "leads-listen": addrs[1]}}
	stores := []string{
		"--set", "kafka.brokers=" + strings.Join(brokers, ","), "--set", "clickhouse.addr=" + embeddedtest.ClickHouse(t),
		"--ingest-listen", addrs[0], "--leads-listen", addrs[1],
	}
	role := func(word, telemetry string, more ...string) *process {
		return start(t, append(append([]string{word, "--telemetry-listen", telemetry}, stores...), more...)...)
	}
	for range 2 { // migrate is safe to repeat
		status, out, errs := runWords(t, append([]string{"migrate"}, stores...)...)
		require.Zero(t, status, "%s%s", out, errs)
	}
	parts := []*process{
		role("ingest", addrs[2]),
		role("score", addrs[3], "--set", "scoring.transactional_id=one", "--set", "scoring.snapshot_dir="+t.TempDir()),
		role("score", addrs[4], "--set", "scoring.transactional_id=two", "--set", "scoring.snapshot_dir="+t.TempDir()),
		role("sink", addrs[5]),
		role("leads", addrs[6]),
	}
	for _, addr := range addrs[2:] {
		requireReady(t, addr)
	}

	// Visitors enough that both workers get some.
	var events []string
	for n := range 48 {
		events = append(events, pageEvent(fmt.Sprintf("e%d", n), fmt.Sprintf("visitor-%d", n), "/pricing", time.Now()))
	}
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+strings.Join(events, ",")+`]}`))
	require.Eventually(t, func() bool {
		var page struct{ Leads []leads.Lead }
		return h.getJSON(t, "/v1/leads?limit=100&min_score=1", &page) == http.StatusOK && len(page.Leads) == 48
	}, time.Minute, 100*time.Millisecond)

	first, second := scrape(t, addrs[3], "leadstream_scoring_events_total"), scrape(t, addrs[4], "leadstream_scoring_events_total")
	require.Equal(t, 48.0, first+second)
	require.Positive(t, first, "the first worker must have partitions")
	require.Positive(t, second, "the second worker must have partitions")
	for _, p := range parts {
		require.Zero(t, p.stop(), "Ctrl-C is an orderly end:\n%s", p.out)
	}
}

func requireReady(t *testing.T, addr string) {
	t.Helper()
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond, "%s/readyz", addr)
}

// scrape sums the samples of one metric.
func scrape(t *testing.T, addr, metric string) (sum float64) {
	t.Helper()
	response, err := http.Get("http://" + addr + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(name, "{"); ok && base == metric {
			var v float64
			_, err := fmt.Sscan(value, &v)
			require.NoError(t, err)
			sum += v
		}
	}
	return sum
}

// Every topic a role needs is created by migrate with the same partition count.
func TestTopicsHaveEqualPartitions(t *testing.T) {
	broker := embeddedtest.Broker(t)[0]
	status, _, errs := runWords(t, "migrate", "--set", "kafka.brokers="+broker, "--set", "clickhouse.addr="+embeddedtest.ClickHouse(t))
	require.Zero(t, status, errs)
	for _, topic := range schemas.Topics() {
		require.Empty(t, topicRecords(t, broker, topic.Name)) // asserts the partitions too
	}
}

// Roles may be started before their stores: they wait and say for what, and
// Ctrl-C ends the waiting.
func TestRolesWaitForTheirStores(t *testing.T) {
	addrs := freeAddrs(t, 6)
	score := start(t, "score", "--telemetry-listen", addrs[0], "--set", "kafka.brokers="+addrs[1], "--data-dir", t.TempDir())
	app := start(t, "leads", "--telemetry-listen", addrs[2], "--leads-listen", addrs[3], "--set", "clickhouse.addr="+addrs[4], "--set", "kafka.brokers="+addrs[1])
	for _, p := range []*process{score, app} {
		require.Eventually(t, func() bool { return strings.Contains(p.out.String(), "waiting for the") }, time.Minute, 50*time.Millisecond, "%s", p.out)
		require.Equal(t, 1, p.stop())
		require.Contains(t, lastLine(p.out.String()), "stopped while waiting for the")
	}
}
