package ingest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// foreignSite has the keys that the golden requests were written with.
func foreignSite(cfg *Config, _ *Deps) {
	cfg.Sites = append(cfg.Sites, Site{
		Name:       "acme",
		WriteKeys:  []string{"acme", "G-ACME1", "7", "8", "acme.example", "94db1cb1-74f4-4a40-ad6c-962362670409"},
		SecretKeys: []config.Secret{"acme-secret"},
	})
}

// golden reads a request of package protocol's testdata.
func golden(t *testing.T, file string) (method, target, body string, headers []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("protocol", "testdata", file+".http"))
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	method, target, _ = strings.Cut(lines[0], " ")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		headers = append(headers, name, value)
	}
	return method, target, body, headers
}

// TestEveryProtocolIsAnsweredInItsOwnWords sends golden requests through the front door: the client hears what it knows, and
// the event is in the topic under the protocol's name.
func TestEveryProtocolIsAnsweredInItsOwnWords(t *testing.T) {
	for _, c := range []struct {
		file, protocol string
		status, events int
		body           string
	}{
		{"snowplow/page-view", "snowplow", 200, 1, "ok"},
		{"snowplow/page-ping", "snowplow", 200, 5, "ok"},
		{"snowplow_pixel/page-view", "snowplow", 200, 1, string(gif)},
		{"snowplow_iglu/list", "snowplow", 200, 2, "ok"},
		{"snowplow_iglu/query", "snowplow", 200, 1, string(gif)},
		{"posthog/page-view", "posthog", 200, 1, `{"status":"Ok"}`},
		{"posthog/page-leave", "posthog", 200, 2, `{"status":"Ok"}`},
		{"posthog/node-batch", "posthog", 200, 3, `{"status":"Ok"}`},
		{"mixpanel/page-view", "mixpanel", 200, 1, `{"status":1,"error":null}`},
		{"mixpanel/identify", "mixpanel", 200, 1, "1"},
		{"mixpanel_people/set", "mixpanel", 200, 1, `{"status":1,"error":null}`},
		{"ga4/lines", "ga4", 204, 7, ""},
		{"ga4/get", "ga4", 204, 1, ""},
		{"matomo/page-view", "matomo", 204, 1, ""},
		{"matomo/page-view-get", "matomo", 200, 1, string(gif)},
		{"matomo/bulk-two-sites", "matomo", 200, 1, `{"status":"success","tracked":1,"invalid":1}`},
		{"plausible/page-view", "plausible", 202, 1, "ok"},
		{"umami/page-view", "umami", 200, 1, `{"cache":"","disabled":false}`},
		{"segment_pixel/page.rudder", "segment", 200, 1, string(gif)},
		{"segment_pixel/page.jitsu", "segment", 200, 1, string(gif)},
	} {
		t.Run(c.file, func(t *testing.T) {
			_, opts := broker(t)
			f := start(t, opts, foreignSite)
			method, target, body, headers := golden(t, c.file)
			answer, text := f.ask(t, method, target, body, append(headers, "Content-Type", "text/nonsense", "User-Agent", "Mozilla/5.0")...)
			require.Equal(t, c.status, answer.StatusCode, text)
			require.Equal(t, c.body, text)
			records := records(t, opts, schemas.TopicEvents)
			require.Len(t, records, c.events)
			events, _ := stored(t, opts)
			for _, e := range events {
				require.Equal(t, c.protocol, e.Protocol)
			}
			if method == http.MethodGet {
				answer, _ = f.ask(t, http.MethodHead, target, "")
				require.Less(t, answer.StatusCode, 300)
				events, _ := stored(t, opts)
				require.LessOrEqual(t, len(events), c.events, "a HEAD is nobody's visit")
			}
		})
	}
}

// TestForeignClientsAreRefusedAsEverybody: a wrong key, a broken body, a wrong method, in ours, with the status that they see.
func TestForeignClientsAreRefusedAsEverybody(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, foreignSite)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","aid":"nobody","duid":"a"}]}`, 401},
		{"POST", "/com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","duid":"a"}]}`, 401},
		{"POST", "/com.snowplowanalytics.snowplow/tp2", `{"data":`, 400},
		{"GET", "/com.snowplowanalytics.snowplow/tp2", "", 405},
		{"POST", "/com.acme/track", `{"data":`, 400},
		{"GET", "/com.acme/track", "", 405},
		{"POST", "/com.acme/track/more", `{}`, 404},
		{"POST", "/acme/track", `{}`, 404},
		{"POST", "/.well-known/track", `{}`, 404},
		{"GET", "/com.snowplowanalytics.iglu/v1?aid=acme", "", 400},
		{"POST", "/com.snowplowanalytics.iglu/v1?aid=nobody", `{"schema":"iglu:a/b/jsonschema/1-0-0","data":{}}`, 401},
		{"POST", "/e/", "hello", 400},
		{"POST", "/e/", `{"token":"nobody","event":"x","distinct_id":"a"}`, 401},
		{"POST", "/g/collect?tid=G-NOBODY&en=x&cid=1", "", 401},
		{"POST", "/mp/collect?measurement_id=G-ACME1&api_secret=wrong", `{"client_id":"1","events":[{"name":"x"}]}`, 401},
		{"POST", "/matomo.php?idsite=9&rec=1&_id=1", "", 401},
		{"POST", "/matomo.php", `{"requests":["?idsite=9&rec=1&_id=1"]}`, 401},
		{"POST", "/matomo.php?send_image=0&idsite=9&rec=1&_id=1", "", 401},
		{"POST", "/api/event", `{"n":"pageview","d":"nobody.example"}`, 401},
		{"POST", "/api/send", `{"type":`, 400},
	} {
		answer, text := f.ask(t, c.method, c.path, c.body)
		require.Equal(t, c.status, answer.StatusCode, "%s %s: %s", c.path, c.body, text)
	}
	answer, _ := f.ask(t, "POST", "/api/event", `{"n":"pageview","d":"acme.example","p":[1],"u":"x"}`)
	require.Equal(t, 202, answer.StatusCode)
	require.Empty(t, answer.Header.Get("X-Plausible-Dropped"))
}

// TestMeasurementProtocolTrustsItsSecretOnly: api_secret opens what a secret key opens, and the debug address keeps nothing.
func TestMeasurementProtocolTrustsItsSecretOnly(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, foreignSite)
	hit := `{"client_id":"1.2","timestamp_micros":1772446530000000,"ip_override":"203.0.113.9","events":[{"name":"purchase"}]}`
	_, text := f.ask(t, "POST", "/debug/mp/collect?measurement_id=G-ACME1&api_secret=acme-secret", hit)
	require.JSONEq(t, `{"validationMessages":[]}`, text)
	_, text = f.ask(t, "POST", "/debug/mp/collect?measurement_id=G-NOBODY", `{"client_id":"1.2","events":[1]}`)
	require.Contains(t, text, `"validationCode":"wrong_key"`)
	require.Contains(t, text, `"validationCode":"not_an_object"`)
	_, text = f.ask(t, "POST", "/debug/mp/collect", `{`)
	require.Contains(t, text, `"validationCode":"bad_json"`)
	require.Empty(t, records(t, opts, schemas.TopicEvents))

	answer, text := f.ask(t, "POST", "/mp/collect?measurement_id=G-ACME1&api_secret=acme-secret", hit)
	require.Equal(t, 204, answer.StatusCode, text)
	events, _ := stored(t, opts)
	require.Len(t, events, 1)
	for _, e := range events {
		require.True(t, e.Trusted)
		require.Equal(t, "acme", e.Site)
		require.Equal(t, "203.0.113.9", e.Ip)
	}
}

// TestAnonymousClientsGetThePseudonymOfTheDay: Snowplow's header, GA4's denied storage, and protocols without ids.
func TestAnonymousClientsGetThePseudonymOfTheDay(t *testing.T) {
	for _, file := range []string{"snowplow/anonymous", "snowplow_pixel/mail-opened", "ga4/consent-denied", "posthog/cookieless", "plausible/page-view", "umami/page-view"} {
		_, opts := broker(t)
		f := start(t, opts, foreignSite)
		method, target, body, headers := golden(t, file)
		answer, text := f.ask(t, method, target, body, append(headers, "User-Agent", "Mozilla/5.0")...)
		require.Less(t, answer.StatusCode, 300, text)
		events, _ := stored(t, opts)
		require.Len(t, events, 1, file)
		for _, e := range events {
			require.Equal(t, pb.Consent_CONSENT_COOKIELESS, e.Consent, file)
			require.True(t, strings.HasPrefix(e.AnonymousId, "c:"), "%s: %q", file, e.AnonymousId)
			require.Empty(t, e.Ip)
			if e.SessionId != "" { // of the pseudonym, not of the browser
				require.True(t, strings.HasPrefix(e.SessionId, "s:"), e.SessionId)
			}
		}
	}
}

// TestServersThatSpeakForOthersLendThemNoAddress: a server's own address and agent are nobody's; a browser's are its own.
func TestServersThatSpeakForOthersLendThemNoAddress(t *testing.T) {
	for agent, want := range map[string]string{"node": "", "Mozilla/5.0": "127.0.0.1"} {
		_, opts := broker(t)
		f := start(t, opts, foreignSite)
		method, target, body, _ := golden(t, "snowplow/page-view")
		answer, text := f.ask(t, method, target, body, "User-Agent", agent)
		require.Equal(t, 200, answer.StatusCode, text)
		events, _ := stored(t, opts)
		for _, e := range events {
			require.Equal(t, want, e.Ip)
		}
	}
}

// TestWhatClientsAskBesideTheirEvents is answered, so that they start, and kept nowhere.
func TestWhatClientsAskBesideTheirEvents(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, foreignSite)
	for target, method := range map[string]string{
		"/flags/?v=2": "POST", "/flags": "POST", "/decide/?v=3": "POST", "/array/acme/config.js": "GET", "/array/acme/config": "GET", "/s/?ver=1": "POST",
	} {
		answer, text := f.ask(t, method, target, `{"token":"acme"}`)
		require.Equal(t, 200, answer.StatusCode, target)
		require.True(t, strings.HasPrefix(text, "{"), target)
	}
	require.Empty(t, records(t, opts, schemas.TopicEvents))
}

// TestPostHogsBytesSayGzip: posthog-js packs and says text/plain.
func TestPostHogsBytesSayGzip(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, foreignSite)
	_, target, body, _ := golden(t, "posthog/page-view")
	answer, text := f.ask(t, "POST", target, packed(t, body), "Content-Type", "text/plain")
	require.Equal(t, 200, answer.StatusCode, text)
	require.Len(t, records(t, opts, schemas.TopicEvents), 1)
}

// TestSnowplowsPathIsTheSitesToChoose: trackers are told another postPath where a blocker knows the usual one.
func TestSnowplowsPathIsTheSitesToChoose(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, foreignSite)
	_, _, body, _ := golden(t, "snowplow/page-ping-heartbeat")
	answer, text := f.ask(t, "POST", "/com.acme/track?heartbeat=30", body)
	require.Equal(t, 200, answer.StatusCode, text)
	events, _ := stored(t, opts)
	require.NotEmpty(t, events)
	for _, e := range events {
		require.Equal(t, "snowplow", e.Protocol)
	}
}
