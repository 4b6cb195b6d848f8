package sink

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// documented is the query below a heading of docs/sql.md.
func documented(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/sql.md")
	require.NoError(t, err)
	_, below, found := strings.Cut(string(text), "\n### "+title)
	require.True(t, found, title)
	_, query, _ := strings.Cut(below, "\n```sql")
	_, query, _ = strings.Cut(query, "\n") // the fence may say "may be empty"
	query, _, _ = strings.Cut(query, "\n```")
	return query
}

// walk writes what a lead did: "milliseconds word" each, where a word is a page of the demo site, form or track.
func (r *rig) walk(lead int, bot bool, steps ...string) {
	r.Helper()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, step := range steps {
		var after int64
		var word string
		_, err := fmt.Sscan(step, &after, &word)
		require.NoError(r, err)
		kind, path, name := "page", "/demo/"+word+".html", ""
		switch word {
		case "form":
			kind, path = word, "/demo/contact.html"
		case "track":
			kind, path, name = word, "/demo/contact.html", "Demo Requested"
		}
		at := start.Add(time.Duration(after) * time.Millisecond)
		r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, name, path, bot) VALUES ('demo', ?, ?, fromUnixTimestamp64Milli(?), now64(3), ?, ?, ?, ?)",
			leadText(lead), fmt.Sprint(lead, "-", i), at.UnixMilli(), kind, name, path, bot)
	}
}

const dayMs = 86400000

func TestTheEventFunnelCountsTheDeepestStepAndAllBeforeIt(t *testing.T) {
	r := newTables(t)
	r.walk(0, false, "0 product", "10 pricing", "20 contact", "30 form", "40 track")
	r.walk(1, false, "0 product", "10 other", "20 pricing", "30 contact") // what lies between does not matter
	r.walk(2, false, "0 pricing", "10 product")                           // the other way round
	r.walk(3, false, "5 product", "5 pricing")                            // in one millisecond
	r.walk(4, false, "0 product", fmt.Sprint(30*dayMs+1, " pricing"))     // after the window
	r.walk(5, false, "0 product", fmt.Sprint(30*dayMs, " pricing"))       // on its edge
	r.walk(6, false, "0 pricing", "10 contact", "20 form")                // never began
	r.walk(7, true, "0 product", "10 pricing", "20 contact", "30 form", "40 track")
	r.walk(8, false, "0 product", "10 pricing") // as a visitor, and
	r.walk(9, false, "20 contact", "30 form")   // as a user: one lead
	r.exec("INSERT INTO lead_state (site, track, lead_id, revision, joined_leads, joined_at) VALUES ('demo', 'main', ?, 1, [?], [now64(3)])", leadText(9), leadText(8))
	r.exec("INSERT INTO events SELECT * FROM events") // everything again

	funnel := documented(t, "How far they came, by their events")
	answer := "SELECT arrayStringConcat(groupArray(concat(what, ' ', toString(leads), ' ', toString(percent), '%')), ', ') FROM (" + funnel + ")"
	require.Equal(t, "product 7 100%, pricing 5 71.4%, contact 3 42.9%, form 2 28.6%, demo requested 1 14.3%", r.value(answer))

	// The pitfalls are as the text has them.
	depths := func(mode, first string) string {
		return r.value("SELECT groupArray(depth) FROM (SELECT windowFunnel(1000"+mode+")(toUInt64(toUnixTimestamp64Milli(event_time)), "+first+", type = 'page' AND path = '/demo/pricing.html') AS depth FROM events WHERE lead_id IN (?, ?) GROUP BY lead_id ORDER BY lead_id = ?)",
			leadText(3), leadText(6), leadText(6))
	}
	const product = "type = 'page' AND path = '/demo/product.html'"
	require.Equal(t, "[2,0]", depths("", product))
	require.Equal(t, "[1,0]", depths(", 'strict_increase'", product), "one instant is one step")
	require.Equal(t, "[2,2]", depths("", "type = 'page'"), "an event that meets two steps is both: lead 6 saw no other page first")
}
