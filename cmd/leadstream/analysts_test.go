package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
)

// An agency of one site asks every table and every view of a running house, and finds its own site in them and no other.
func TestAnAgencySeesOneSiteInEveryTableAndView(t *testing.T) {
	h := newHouse(t)
	config := filepath.Join(t.TempDir(), "leadstream.yml")
	require.NoError(t, os.WriteFile(config, []byte(`
clickhouse:
  analysts:
    - {name: north, password: "north-password-1", sites: [north]}
    - {name: everybody}
ingest:
  sites:
    - {name: north, write_keys: [north]}
    - {name: south, write_keys: [south]}
`), 0o600))
	h.up(t, "--config", config)
	for _, site := range []string{"north", "south"} {
		for _, visitor := range []string{"v1", "v2"} {
			body := `{"events":[` + pageEvent("p-"+visitor, visitor, "/pricing", time.Now()) + `,{"event_id":"i-` + visitor + `","type":"identify","anonymous_id":"` + visitor + `","user_id":"u-` + visitor + `"}]}`
			require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key="+site, body))
		}
	}
	require.Eventually(t, func() bool { return h.rows(t, "lead_state") >= 4 && h.rows(t, "identities") == 4 }, time.Minute, 100*time.Millisecond)
	tables, views, common := schemas.Relations()
	require.Contains(t, common, "models")
	seen := 0
	for _, name := range slices.Concat(tables, views) {
		query := "SELECT arraySort(groupUniqArray(site)) FROM leadstream." + name
		switch name {
		case "leads_at", "lead_score_at", "accounts_at":
			query += "(at = now64(3))"
		case "funnel":
			continue // has parameters for one site; below
		}
		for user, want := range map[string][]string{"north": {"['north']", "[]"}, "everybody": {"['north','south']", "[]"}} {
			status, out := h.sql(t, user, query)
			require.Equal(t, http.StatusOK, status, "%s as %s: %s", name, user, out)
			require.Contains(t, want, out, "%s as %s", name, user)
			if out == want[0] {
				seen++
			}
		}
	}
	require.Greater(t, seen, 10, "empty tables prove nothing")
	const old = "dictGetOrDefault('leadstream.identity', 'counts_for', (site, lead_id), lead_id)"
	h.dictionaryIsForAllSites(t, old)
	_, out := h.sql(t, "north", "SELECT sum(reached) FROM leadstream.funnel(site = 'south', track = 'main', from = '2020-01-01', to = '2040-01-01')")
	require.Contains(t, []string{"0", "\\N"}, out)
	for _, forbidden := range []string{"SELECT * FROM leadstream.schema_migrations", "SELECT * FROM leadstream.models", "INSERT INTO leadstream.events (site) VALUES ('north')", "SELECT * FROM system.users",
		"SELECT * FROM leadstream.identity", "SELECT * FROM dictionary('leadstream.identity')", "SELECT " + old + " FROM leadstream.events", "SELECT dictHas('leadstream.identity', ('south', generateUUIDv4()))", "SYSTEM RELOAD DICTIONARY leadstream.identity"} {
		status, out := h.sql(t, "north", forbidden)
		require.NotEqual(t, http.StatusOK, status, out)
	}
	require.Zero(t, h.stop())
}

// Who may see all sites finds each visitor's old events under its user; the server fills the dictionary when it is asked.
func (h *house) dictionaryIsForAllSites(t *testing.T, old string) {
	t.Helper()
	for _, user := range []string{"everybody", "analyst"} {
		require.Eventually(t, func() bool { // at most 20 s old
			status, out := h.sql(t, user, "SELECT countIf(lead_id != "+old+"), countIf(resolved_lead_id = "+old+") = count() FROM leadstream.events_resolved")
			require.Equal(t, http.StatusOK, status, out)
			return out == "4\t1"
		}, 2*time.Minute, 500*time.Millisecond, user)
	}
}

// sql asks as a user; user north has a password.
func (h *house) sql(t *testing.T, user, query string) (status int, answer string) {
	t.Helper()
	at := h.url("clickhouse-http-listen", "/?"+url.Values{"user": {user}, "password": {map[string]string{"north": "north-password-1"}[user]}}.Encode())
	response, err := http.Post(at, "text/plain", strings.NewReader(query))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, strings.TrimSpace(string(body))
}

// What the roof believes of the tables is what the migrations make.
func TestRelationsAreWhatMigrationsMake(t *testing.T) {
	s := newShop(t)
	var made, sites []string
	require.NoError(t, s.QueryRow(t.Context(), "SELECT arraySort(groupArray(name)) FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(name, 'schema_') AND engine != 'Dictionary'").Scan(&made))
	tables, views, common := schemas.Relations()
	both := slices.Concat(tables, views, common)
	slices.Sort(both)
	require.Equal(t, made, both)
	require.NoError(t, s.QueryRow(t.Context(), "SELECT arraySort(groupArray(table)) FROM system.columns WHERE database = currentDatabase() AND name = 'site' AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')").Scan(&sites))
	require.Equal(t, tables, sites, "a table whose rows do not say whose they are cannot be shown to an agency")
}

func TestAnalystsOfTheEmbeddedServer(t *testing.T) {
	list := embeddedAnalysts([]clickhouse.Analyst{{Name: "all"}, {Name: "one", Sites: []string{"a", "b"}, Password: "x"}})
	require.Equal(t, []string{"*"}, list[0].Readable)
	require.Empty(t, list[0].Filter)
	require.Equal(t, "site IN ('a', 'b')", list[1].Filter)
	require.Len(t, list[1].PasswordSHA256, 64)
	require.NotContains(t, strings.Join(list[1].Readable, " "), "schema_migrations")
}
