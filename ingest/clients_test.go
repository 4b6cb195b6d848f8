//go:build clients

package ingest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

// TestRealClientsDeliverWhatTheyWereGiven drives the clients of npm, in Node, against a collector: the set of ids that they
// sent is the set in the topic, each once. `make clients` fetches them first.
func TestRealClientsDeliverWhatTheyWereGiven(t *testing.T) {
	for client, protocol := range map[string]string{
		"segment": "segment", "rudder": "segment", "jitsu": "segment", "snowplow": "snowplow", "snowplowGet": "snowplow",
		"posthog": "posthog", "mixpanel": "mixpanel", "matomo": "matomo", "umami": "umami",
	} {
		t.Run(client, func(t *testing.T) {
			_, opts := broker(t)
			f := start(t, opts, foreignSite)
			var said, complaints bytes.Buffer
			node := exec.CommandContext(t.Context(), "node", "send.mjs", client, f.url)
			node.Dir, node.Stdout, node.Stderr, node.WaitDelay = "clients", &said, &complaints, 5*time.Second
			require.NoError(t, node.Run(), "%s", &complaints)
			var sent struct{ IDs, Names []string }
			require.NoError(t, json.Unmarshal(lastLine(said.Bytes()), &sent), "%s", &said)
			require.NotEmpty(t, sent.Names)

			require.Len(t, records(t, opts, schemas.TopicEvents), len(sent.Names), "%s", &complaints)
			events, _ := stored(t, opts)
			var ids, names []string
			for id, e := range events {
				require.Equal(t, protocol, e.Protocol)
				require.Equal(t, "acme", e.Site)
				require.Equal(t, "track", e.Type)
				ids, names = append(ids, id), append(names, e.Name)
			}
			require.ElementsMatch(t, sent.Names, names)
			if sent.IDs != nil {
				require.ElementsMatch(t, sent.IDs, ids)
			}
			require.Empty(t, deadLetters(t, opts))
		})
	}
}

// lastLine is the report; some clients greet first.
func lastLine(out []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return lines[len(lines)-1]
}
