package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
)

func (h *house) words(t *testing.T, words ...string) string {
	t.Helper()
	status, out, errs := runWords(t, append(words, h.flags()...)...)
	require.Zero(t, status, "%v: %s%s", words, out, errs)
	return out
}

func (h *house) letterCounts(t *testing.T, words ...string) (list []letterCount) {
	t.Helper()
	out := h.words(t, append([]string{"deadletter", "list", "--format", "json"}, words...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &list), out)
	return list
}

// TestDeadLettersAreListedShownAndPlayedAgain: on a running house, with letters of the collectors and of the workers behind them.
func TestDeadLettersAreListedShownAndPlayedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	require.Contains(t, h.words(t, "deadletter", "list"), "no dead letters")
	fat := `{"event_id":"fat","type":"page","anonymous_id":"ann","url":"https://shop.example/pricing","properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}}`
	require.Equal(t, 413, h.post(t.Context(), "/v1/events?key=demo", fat))
	require.Equal(t, 400, h.post(t.Context(), "/v1/events?key=demo", `{"type":"dance","anonymous_id":"ann"}`))
	client, err := kgo.NewClient(kgo.SeedBrokers(h.ports["kafka-listen"]))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: schemas.TopicEvents, Key: []byte("demo/x"), Value: []byte("\x1b[2Jpoison")}).FirstErr())

	var list []letterCount
	require.Eventually(t, func() bool {
		list = h.letterCounts(t)
		return len(list) == 4
	}, time.Minute, 200*time.Millisecond, "two of the collectors, one each of scoring and sink")
	at := map[string]string{}
	for _, row := range list {
		require.Equal(t, 1, row.Count)
		at[row.Stage+" "+row.Reason] = row.Example
	}
	require.Len(t, h.letterCounts(t, "--site", "demo", "--reason", "too_large"), 1)
	require.Empty(t, h.letterCounts(t, "--since", "1ns"))
	require.Contains(t, h.words(t, "deadletter", "list"), "too_large")

	shown := h.words(t, "deadletter", "show", at["ingest too_large"])
	require.Contains(t, shown, "raise ingest.max_event")
	require.Contains(t, shown, `"event_id":"fat"`)
	shown = h.words(t, "deadletter", "show", at["scoring undecodable"])
	require.Contains(t, shown, schemas.TopicEvents)
	require.NotContains(t, shown, "\x1b", "no letter speaks to the terminal")
	status, _, errs := runWords(t, append([]string{"deadletter", "show", "99:1"}, h.flags()...)...)
	require.Equal(t, 1, status)
	require.Contains(t, errs, `no dead letter stands at "99:1"`)

	// As it is, the large one fails again: the new letter stands for it, and a third try plays that one only.
	status, _, errs = runWords(t, append([]string{"deadletter", "replay"}, h.flags()...)...)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "say which")
	require.Contains(t, h.words(t, "deadletter", "replay", "--reason", "too_large", "--dry-run"), "would fail again: too_large")
	require.Len(t, h.letterCounts(t, "--reason", "too_large"), 1)
	require.Contains(t, h.words(t, "deadletter", "replay", "--reason", "too_large"), "1 failed again")
	again := h.letterCounts(t, "--reason", "too_large")
	require.Equal(t, []int{2, 1}, []int{again[0].Count, again[0].Replayed})
	raised := []string{"deadletter", "replay", "--reason", "too_large", "--set", "ingest.max_event=64KiB"}
	for range 2 { // the second time changes nothing
		out := h.words(t, raised...)
		require.Contains(t, out, "played 1 letters: 1 events")
		require.Contains(t, out, "1 were played before and failed again")
	}
	require.Eventually(t, func() bool {
		return h.query(t, "default", "SELECT count() FROM events FINAL WHERE event_id = 'fat' AND path = '/pricing'") == "1" &&
			h.query(t, "default", "SELECT uniqExact(event_id) FROM ledger WHERE event_id = 'fat' AND counted") == "1"
	}, time.Minute, 100*time.Millisecond)
	h.requireReplayOfAWorkersLetter(t, at["scoring undecodable"])
	require.Zero(t, h.stop())
}

// What a worker could not read goes back to where it came from; refused again, it is linked.
func (h *house) requireReplayOfAWorkersLetter(t *testing.T, first string) {
	t.Helper()
	require.Contains(t, h.words(t, "deadletter", "replay", "--stage", "scoring"), "1 records to where they came from")
	require.Eventually(t, func() bool {
		rows := h.letterCounts(t, "--stage", "scoring")
		return len(rows) == 1 && rows[0].Count == 2 && rows[0].Replayed == 1
	}, time.Minute, 200*time.Millisecond)
	require.Contains(t, h.words(t, "deadletter", "show", h.letterCounts(t, "--stage", "scoring")[0].Example), fmt.Sprintf("replay of   %s", first))
}
