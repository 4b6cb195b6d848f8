package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/leads"
	"leadstream/leads/erase"
	"leadstream/schemas"
)

// Promise 7. One of two visitors asks to be forgotten, on both devices; the process is killed while it is at work; and
// afterwards no table, no file that is not a log, and no answer knows a word of hers, while his score is what it was.
func TestErasedIsErased(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t, "--set", "ingest.dedup.window=0s") // what stands twice is to be erased, too
	ada := erase.Person{Site: "demo", AnonymousIDs: []string{"ada-laptop-77", "ada-phone-78"}, UserIDs: []string{"ada.lovelace.1815"}, Emails: []string{"ada@engine.example"}}
	events := adaAndBob(ada)
	body := `{"events":[` + strings.Join(events, ",") + `]}`
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", body))
	lead := schemas.NewLeadID(schemas.EventKey("demo", ada.AnonymousIDs[0], "")).String()
	require.Eventually(t, func() bool { return len(h.hot(t)) >= 2 && h.rows(t, "events") == len(events) }, time.Minute, 100*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(h.hot(t)["bob-laptop-79"].Grade, "?") }, time.Minute, 100*time.Millisecond)
	bob := h.hot(t)["bob-laptop-79"]
	require.Positive(t, bob.Score)

	request := h.erase(t, lead)
	require.Equal(t, request, h.erase(t, lead), "asking again is the same request")
	h.kill()
	h.up(t, "--set", "ingest.dedup.window=0s")
	require.Eventually(t, func() bool { return h.erasure(t, request).Finished }, 2*time.Minute, 200*time.Millisecond)
	found := map[string]erase.Evidence{}
	for _, e := range h.erasure(t, request).Evidence {
		require.Zero(t, e.Remaining, e.Store)
		require.NotContains(t, e.Detail, "ada")
		found[e.Store] = e
	}
	require.GreaterOrEqual(t, found["table events"].Removed, uint64(14), "all of hers, and what stood twice")
	require.Positive(t, found["table ledger"].Removed)
	require.Positive(t, found["table lead_state"].Removed)
	require.Contains(t, found, "topic "+schemas.TopicEvents)

	ids := append([]string{"--site", "demo"}, "--email", ada.Emails[0], "--user-id", ada.UserIDs[0])
	for _, id := range ada.AnonymousIDs {
		ids = append(ids, "--anonymous-id", id)
	}
	status, out, errs := runWords(t, append(append([]string{"erasure", "check", "--tables"}, ids...), h.flags()...)...)
	require.Zero(t, status, "%s%s", out, errs)
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		require.Equal(t, "0", strings.Fields(line)[3], line)
	}
	status, out, _ = runWords(t, append(append([]string{"erasure", "check", lead}, ids...), h.flags()...)...)
	// 14, and again those that the spool handed over after the kill: none of which became a row.
	require.Regexp(t, `topic leadstream.events.v1 +\d+ +(1[4-9]|2\d) `, out, "the log keeps them until retention, and the check says so")
	require.Equal(t, 1, status, "and the spool's files do, until they are done with: %s", out)

	leadsNow := h.hot(t)
	require.NotContains(t, leadsNow, ada.AnonymousIDs[0])
	require.NotContains(t, leadsNow, ada.AnonymousIDs[1])
	require.InDelta(t, bob.Score, leadsNow["bob-laptop-79"].Score, 0.01)
	require.Equal(t, http.StatusNotFound, h.getJSON(t, "/v1/leads/"+lead, nil))

	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("ada-new", ada.AnonymousIDs[0], "/pricing", time.Now())+`]}`))
	require.Eventually(t, func() bool { return h.hot(t)[ada.AnonymousIDs[0]].Score > 0 }, time.Minute, 100*time.Millisecond, "who comes back is a new acquaintance")
	require.Less(t, h.hot(t)[ada.AnonymousIDs[0]].Score, bob.Score)
	require.Zero(t, h.stop())
}

// adaAndBob is a visit of hers on each device, with her name, and one of his.
func adaAndBob(ada erase.Person) []string {
	now := time.Now()
	var events []string
	for i, device := range ada.AnonymousIDs {
		for n := range 6 {
			events = append(events, pageEvent(fmt.Sprintf("ada-%d-%d", i, n), device, "/pricing", now))
		}
		events = append(events, fmt.Sprintf(`{"event_id":"ada-id-%d","type":"identify","anonymous_id":%q,"user_id":%q,"timestamp":%d,"traits":{"email":%q,"name":"Ada L"}}`,
			i, device, ada.UserIDs[0], now.UnixMilli(), ada.Emails[0]))
	}
	for n := range 6 {
		events = append(events, pageEvent(fmt.Sprintf("bob-%d", n), "bob-laptop-79", "/pricing", now))
	}
	return events
}

func (h *house) hot(t *testing.T) map[string]leads.Lead {
	t.Helper()
	var page struct{ Leads []leads.Lead }
	require.Equal(t, http.StatusOK, h.getJSON(t, "/v1/leads?limit=100", &page))
	list := map[string]leads.Lead{}
	for _, l := range page.Leads {
		list[l.AnonymousID] = l
	}
	return list
}

func (h *house) rows(t *testing.T, table string) (n int) {
	t.Helper()
	resp, err := http.Post(h.url("clickhouse-http-listen", "/"), "text/plain", strings.NewReader("SELECT count() FROM leadstream."+table+" FINAL"))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_, err = fmt.Sscan(string(body), &n)
	require.NoError(t, err, string(body))
	return n
}

func (h *house) erase(t *testing.T, lead string) (request string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, h.url("leads-listen", "/v1/leads/"+lead), nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer erasure
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, resp.Header.Get("Location"), answer.URL)
	return answer.RequestID
}

type erasure struct {
	RequestID string `json:"request_id"`
	URL       string
	Finished  bool
	Evidence  []erase.Evidence
}

func (h *house) erasure(t *testing.T, request string) (answer erasure) {
	t.Helper()
	h.getJSON(t, "/v1/erasures/"+request, &answer)
	return answer
}
