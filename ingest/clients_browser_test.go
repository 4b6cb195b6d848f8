//go:build clients

package ingest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/stretchr/testify/require"

	"leadstream/schemas/pb"
)

// browserClient is a client that runs in a page, and what becomes of its own words.
type browserClient struct {
	page, protocol string
	becomes        map[string]string
	more           []string // arguments of browse.mjs
}

var (
	segmentWords  = map[string]string{"page": "page", "identify": "identify", "track": "track"}
	snowplowWords = map[string]string{"pv": "page", "pp": "dwell", "se": "track"}
)

var browserClients = map[string]browserClient{
	"@segment/analytics-next":       {page: "segment", protocol: "segment", becomes: segmentWords},
	"@rudderstack/analytics-js":     {page: "rudder", protocol: "segment", becomes: segmentWords},
	"@jitsu/js":                     {page: "jitsu", protocol: "segment", becomes: segmentWords},
	"@snowplow/browser-tracker":     {page: "snowplow", protocol: "snowplow", becomes: snowplowWords, more: []string{"post"}},
	"@snowplow/browser-tracker GET": {page: "snowplow", protocol: "snowplow", becomes: snowplowWords, more: []string{"get"}},
	"@snowplow/browser-tracker own path": {page: "snowplow", protocol: "snowplow", becomes: snowplowWords,
		more: []string{"post", "/com.acme/track"}},
	"posthog-js": {page: "posthog", protocol: "posthog",
		becomes: map[string]string{"$pageview": "page", "$pageleave": "dwell", "$identify": "identify", "custom": "track"}},
	"mixpanel-browser": {page: "mixpanel", protocol: "mixpanel",
		becomes: map[string]string{"$mp_web_page_view": "page", "$identify": "identify", "people": "identify", "custom": "track"}},
	"@plausible-analytics/tracker": {page: "plausible", protocol: "plausible",
		becomes: map[string]string{"pageview": "page", "engagement": "dwell scroll", "custom": "track"}},
	"@minimal-analytics/ga4": {page: "ga4", protocol: "ga4",
		becomes: map[string]string{"page_view": "page", "user_engagement": "dwell", "custom": "track"}},
	"matomo-tracker-react-native": {page: "matomo", protocol: "matomo",
		becomes: map[string]string{"view": "page", "link": "click", "custom": "track"}},
}

// browserMessage is what a client wrote on the wire.
type browserMessage struct{ ID, Word, Name string }

// TestRealClientsInChromium drives the browser clients of npm in headless Chromium against a collector: the set of ids that left
// the browser is the set in the topic, and each message is what the table in docs/protocols.md says. Where a protocol has no
// ids, the messages are counted by type and name.
func TestRealClientsInChromium(t *testing.T) {
	for name, c := range browserClients {
		t.Run(name, func(t *testing.T) {
			_, opts := broker(t)
			f := start(t, opts, foreignSite)
			sent := browse(t, c, f.url)
			events, _ := stored(t, opts)
			require.Empty(t, deadLetters(t, opts))
			var kept []*pb.Event
			for id, e := range events {
				require.Equal(t, c.protocol, e.Protocol)
				require.Equal(t, "acme", e.Site)
				if !strings.HasSuffix(id, "/dwell") && !strings.HasSuffix(id, "/scroll") { // the second half of another
					kept = append(kept, e)
				}
			}
			var want, have []string
			seen := map[string]bool{}
			for _, m := range sent {
				require.Contains(t, c.becomes, m.Word)
				if m.ID != "" && seen[m.ID] {
					continue // sent again
				}
				seen[m.ID] = true
				for _, canonical := range strings.Fields(c.becomes[m.Word]) {
					want = append(want, told(browserMessage{m.ID, canonical, m.Name}))
				}
			}
			for _, e := range kept {
				id := e.EventId
				if !seen[id] {
					id = "" // made here
				}
				have = append(have, told(browserMessage{id, e.Type, e.Name}))
			}
			require.ElementsMatch(t, want, have)
		})
	}
}

// told is how a message is compared: custom events have names, others only a type.
func told(m browserMessage) string {
	if m.Word != "track" {
		m.Name = ""
	}
	return m.Word + " " + m.Name + " " + m.ID
}

// browse runs a page in Chromium and gives what left it.
func browse(t *testing.T, c browserClient, collector string) []browserMessage {
	t.Helper()
	script := filepath.Join(t.TempDir(), "client.js")
	built := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join("clients", "pages", c.page+".js")}, Outfile: script,
		Bundle: true, Write: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ES2022,
	})
	require.Empty(t, built.Errors)
	var said, complaints bytes.Buffer
	node := exec.CommandContext(t.Context(), "node", append([]string{"browse.mjs", c.page, collector, script}, c.more...)...)
	node.Dir, node.Stdout, node.Stderr, node.WaitDelay, node.Env = "clients", &said, &complaints, 5*time.Second, os.Environ()
	require.NoError(t, node.Run(), "%s", &complaints)
	var sent struct {
		Names    []string
		Messages []browserMessage
	}
	require.NoError(t, json.Unmarshal(lastLine(said.Bytes()), &sent), "%s", &said)
	named := map[string]bool{}
	for _, m := range sent.Messages {
		named[m.Name] = true
	}
	for _, name := range sent.Names {
		require.True(t, named[name], "%s never left the browser", name)
	}
	return sent.Messages
}
