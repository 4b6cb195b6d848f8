package sink

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

// proposedPairs are the proposals, their leads by name.
const proposedPairs = `WITH (SELECT groupArray((lead_id, user_id)) FROM (SELECT DISTINCT lead_id, argMax(user_id, revision) AS user_id FROM lead_state GROUP BY lead_id)) AS names
SELECT toString(arraySort(groupArray((reason, evidence, arraySort(arrayMap(l -> arrayFirst(n -> n.1 = l, names).2, [lead_a, lead_b])))))) FROM identity_proposals`

// Two leads with one address, one device or an alias between them are proposed, until somebody has decided; an address that
// an office shares is not.
func TestLeadsThatMayBeOnePersonAreProposed(t *testing.T) {
	r := newTables(t)
	exec := func(q string, args ...any) { require.NoError(t, r.conn.Exec(t.Context(), fmt.Sprintf(q, args...))) }
	id := func(user string) string { return schemas.NewLeadID("demo/" + user).String() }
	revision := 0
	lead := func(user, email string, more ...string) {
		columns, values := "", ""
		for i := 0; i+1 < len(more); i += 2 {
			columns, values = columns+", "+more[i], values+", "+more[i+1]
		}
		revision++
		for _, track := range []string{"main", "second"} { // and a repeated row
			for range 2 {
				exec("INSERT INTO lead_state (site, track, lead_id, revision, user_id, email, first_seen%s) VALUES ('demo', '%s', '%s', %d, '%s', '%s', '2026-05-01'%s)", columns, track, id(user), revision, user, email, values)
			}
		}
	}
	pairs := func() string { return r.value(proposedPairs) }
	require.Equal(t, "[]", pairs())
	lead("ada", "Ada@Engine.example ")
	lead("countess", "ada@engine.example")
	lead("hashed-1", "e:QmFzZTY0")
	lead("hashed-2", "e:QmFzZTY0")
	lead("hashed-3", "e:qmfzzty0")
	for i := range 6 {
		lead(fmt.Sprintf("office-%d", i), "info@big.example")
	}
	lead("no-address", "n/a")
	lead("none-either", "n/a")
	const email, hashed = "('email','ada@engine.example',['ada','countess'])", "('email','e:QmFzZTY0',['hashed-1','hashed-2'])"
	require.Equal(t, "["+email+","+hashed+"]", pairs())
	lead("bob", "")
	lead("rob", "")
	for _, user := range []string{"bob", "rob", "gone"} { // no lead of the last one
		exec("INSERT INTO identities (site, anonymous_id, user_id, event_id, at) VALUES ('demo', 'phone', '%s', 'e-%s', '2026-05-02')", user, user)
		exec("INSERT INTO identities (site, anonymous_id, user_id, event_id, at) VALUES ('demo', 'phone', '%s', 'e-%s', '2026-05-02')", user, user)
	}
	const device = "('device','phone',['bob','rob'])"
	require.Equal(t, "["+device+","+email+","+hashed+"]", pairs())
	lead("none-either", "n/a", "proposed_leads", "['"+id("no-address")+"']", "proposed_at", "['2026-05-03']")
	const alias = "('alias','',['no-address','none-either'])"
	require.Equal(t, "["+alias+","+device+","+email+","+hashed+"]", pairs())

	// Decided: joined, or denied by either.
	lead("ada", "ada@engine.example", "joined_leads", "['"+id("countess")+"']", "joined_at", "['2026-05-03']")
	require.Equal(t, "["+alias+","+device+","+hashed+"]", pairs(), "before the other row came")
	lead("countess", "", "merged_into", "'"+id("ada")+"'")
	lead("rob", "", "denied_leads", "['"+id("bob")+"']")
	lead("hashed-1", "e:QmFzZTY0", "denied_leads", "['"+id("hashed-2")+"']")
	lead("no-address", "n/a", "denied_leads", "['"+id("none-either")+"']")
	require.Equal(t, "[]", pairs())
	// What was joined stands for its lead.
	lead("eve", "")
	for _, user := range []string{"countess", "eve"} {
		exec("INSERT INTO identities (site, anonymous_id, user_id, event_id, at) VALUES ('demo', 'tablet', '%s', 't-%s', '2026-05-02')", user, user)
	}
	require.Equal(t, "[('device','tablet',['ada','eve'])]", pairs())
	lead("ada", "", "joined_leads", "['"+id("countess")+"']", "joined_at", "['2026-05-03']", "denied_leads", "['"+id("eve")+"']")
	require.Equal(t, "[]", pairs())
}
