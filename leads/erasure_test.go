package leads

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/internal/kafka"
	"leadstream/leads/erase"
	"leadstream/leads/owner"
	"leadstream/schemas"
)

// eraser is a real one whose broker is away: requests are accepted, and wait.
func (w *world) eraser(dir string) *erase.Eraser {
	w.t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Brokers = []string{"127.0.0.1:1"}
	client, err := kafka.NewClient(cfg, zap.NewNop(), owner.KafkaOpts()...)
	require.NoError(w.t, err)
	w.t.Cleanup(client.Close)
	return erase.New(erase.Config{Dir: dir}, w.db, client, zap.NewNop(), prometheus.NewRegistry())
}

func (w *world) delete(path string, status int) refusal {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodDelete, w.web.URL+path, nil)
	require.NoError(w.t, err)
	resp, err := w.client.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	require.Equal(w.t, status, resp.StatusCode)
	var no refusal
	if status >= 300 {
		require.NoError(w.t, decodeJSON(resp.Body, &no))
	}
	return no
}

func TestAnErasureIsAcceptedOnlyForSomebody(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "unavailable", w.delete("/v1/leads/"+w.id("ada"), http.StatusServiceUnavailable).Word, "without a broker the scorer would not hear of it")

	dir := t.TempDir()
	w.service.deps.Eraser = w.eraser(dir)
	require.Equal(t, "unknown_lead", w.delete("/v1/leads/"+w.id("ada"), http.StatusNotFound).Word)
	require.Equal(t, "unknown_lead", w.delete("/v1/leads/nonsense", http.StatusNotFound).Word)
	require.Equal(t, "bad_parameters", w.delete("/v1/leads/"+w.id("ada")+"?site=demo", http.StatusBadRequest).Word)
	w.store(w.lead("ada", 50))
	w.delete("/v1/leads/"+w.id("ada"), http.StatusAccepted)
	require.Equal(t, "unknown_request", w.refused("/v1/erasures/0123", http.StatusNotFound).Word)
}

// One id leads to all ids of a person, and to nobody else's.
func TestAPersonIsFoundByAnyDevice(t *testing.T) {
	w := newWorld(t)
	for _, row := range [][2]string{{"laptop", "ada"}, {"phone", "ada"}, {"desk", "bob"}} {
		w.exec("INSERT INTO identities (site, anonymous_id, user_id, lead_id, event_id) VALUES ('demo', $1, $2, toUUID($3), $1)", row[0], row[1], schemas.NewLeadID("demo/"+row[0]).String())
		w.exec("INSERT INTO events (site, lead_id, event_id, anonymous_id, user_id, received_at) VALUES ('demo', toUUID($3), $1, $1, $2, now64(3))", row[0], row[1], schemas.NewLeadID("demo/"+row[0]).String())
		w.exec("INSERT INTO ledger (site, lead_id, event_id, received_at) VALUES ('demo', toUUID($2), $1, now64(3))", row[0], schemas.NewLeadID("demo/"+row[0]).String())
	}
	p, err := erase.Find(t.Context(), w.db, schemas.NewLeadID("demo/phone").String())
	require.NoError(t, err)
	require.Equal(t, []string{"laptop", "phone"}, p.AnonymousIDs)
	require.Equal(t, []string{"ada"}, p.UserIDs)
	require.Len(t, p.LeadIDs, 3)
	// By a person's word two user ids are one: no event names both, the leads' records do.
	w.exec("INSERT INTO lead_state (site, track, lead_id, revision, user_id, joined_leads, joined_at) VALUES ('demo', 'main', toUUID($1), 1, 'ada', [toUUID($2)], [now64(3)])", schemas.NewLeadID("demo/ada").String(), schemas.NewLeadID("demo/countess").String())
	w.exec("INSERT INTO lead_state (site, track, lead_id, revision, user_id, merged_into) VALUES ('demo', 'main', toUUID($2), 1, 'countess', toUUID($1))", schemas.NewLeadID("demo/ada").String(), schemas.NewLeadID("demo/countess").String())
	w.exec("INSERT INTO events (site, lead_id, event_id, anonymous_id, user_id, received_at) VALUES ('demo', toUUID($1), 'c', 'tablet', 'countess', now64(3))", schemas.NewLeadID("demo/countess").String())
	for _, from := range []string{"phone", "countess", "tablet"} {
		q, err := erase.Find(t.Context(), w.db, schemas.NewLeadID("demo/"+from).String())
		if from == "tablet" { // no row has this lead: all it did counts for the user that its event names
			require.ErrorIs(t, err, erase.ErrUnknown)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, []string{"laptop", "phone", "tablet"}, q.AnonymousIDs, from)
		require.Equal(t, []string{"ada", "countess"}, q.UserIDs, from)
		require.Len(t, q.LeadIDs, 5, from)
	}
	w.exec("TRUNCATE TABLE lead_state")
	w.exec("DELETE FROM events WHERE event_id = 'c'")
	_, err = erase.Find(t.Context(), w.db, schemas.NewLeadID("demo/nobody").String())
	require.ErrorIs(t, err, erase.ErrUnknown)

	found := map[string]uint64{}
	require.NoError(t, erase.SearchTables(t.Context(), w.db, p, time.Time{}, func(f erase.Found) { found[f.Store] = f.Found }))
	require.EqualValues(t, 2, found["table events"])
	require.EqualValues(t, 2, found["table ledger"])
	require.EqualValues(t, 2, found["table identities"])
	require.Zero(t, found["table lead_state"])
	// An address in a property of somebody else's event is found, too.
	w.exec(`INSERT INTO events (site, lead_id, event_id, anonymous_id, properties, received_at) VALUES ('demo', generateUUIDv4(), 'x', 'carol', '{"invited":"ada@engine.example"}', now64(3))`)
	p.Emails = []string{"ada@engine.example"}
	require.NoError(t, erase.SearchTables(t.Context(), w.db, p, time.Time{}, func(f erase.Found) { found[f.Store] = f.Found }))
	require.EqualValues(t, 3, found["table events"])
}

func decodeJSON(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }
