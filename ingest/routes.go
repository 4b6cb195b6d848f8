package ingest

import (
	"net/http"
	"strings"

	"leadstream/ingest/protocol"
)

// collectRoutes are the addresses that take events; a protocol is one line here and one file in package protocol.
func collectRoutes() []route {
	native := collector{name: "native", decode: protocol.Native, answer: answerJSON}
	pixel := collector{name: "pixel", decode: protocol.Pixel, answer: answerGIF}
	list := []route{
		{"POST", "/v1/events", "native", "events in leadstream's own form", native.serve},
		{"GET", "/v1/pixel.gif", "pixel", "one event in the query, answered by an image", pixel.serve},
	}
	list = append(list, segmentRoutes()...)
	list = append(list, analyticsRoutes()...)
	list = append(list, posthogRoutes()...)
	return append(list, route{"GET", "/", "index", "this page", index})
}

// segmentRoutes are Segment's addresses, and those that RudderStack and Jitsu have beside them.
func segmentRoutes() []route {
	batch := collector{name: "segment", decode: protocol.SegmentBatch, answer: answerJSON}
	jitsuBatch := collector{name: "segment", decode: protocol.SegmentBatch, answer: answerFixed(http.StatusOK, jsonType, `{"ok":true}`)}
	var list []route
	for _, kind := range protocol.SegmentTypes {
		one := collector{name: "segment", kind: kind, decode: protocol.Segment, answer: answerJSON}
		image := collector{name: "segment", kind: kind, decode: protocol.SegmentPixel, answer: answerGIF}
		jitsu := collector{name: "segment", kind: kind, decode: protocol.Segment, answer: jitsuBatch.answer}
		list = append(list,
			route{"POST", "/v1/" + kind, "segment", "Segment: " + kind, one.serve},
			route{"POST", "/v1/" + kind[:1], "segment", "the same, as analytics.js calls it", one.serve},
			route{"GET", "/pixel/v1/" + kind, "segment", "RudderStack: " + kind + " as an image", image.serve},
			route{"POST", "/api/s/" + kind, "segment", "Jitsu: " + kind, jitsu.serve},
			route{"POST", "/api/s/s2s/" + kind, "segment", "Jitsu: " + kind + " from a server", jitsu.serve},
			route{"GET", "/api/px/" + kind, "segment", "Jitsu: " + kind + " as an image", image.serve})
	}
	for _, path := range []string{"/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"} {
		list = append(list, route{"POST", path, "segment", "Segment, RudderStack: a batch", batch.serve})
	}
	for _, path := range []string{"/api/s/batch", "/api/s/s2s/batch"} {
		list = append(list, route{"POST", path, "segment", "Jitsu: a batch", jitsuBatch.serve})
	}
	return append(list,
		route{"POST", "/v1/m", "segment", "analytics.js' own metrics: taken and forgotten", forget(success)},
		route{"GET", "/v1/projects/", "settings", "KEY/settings: what the stock Segment snippet asks for", settings},
	)
}

// analyticsRoutes are Snowplow, Google Analytics 4, Matomo, Plausible and Umami.
func analyticsRoutes() []route {
	tp2 := collector{name: "snowplow", decode: protocol.Snowplow, answer: answerFixed(http.StatusOK, textType, "ok")}
	i := collector{name: "snowplow", decode: protocol.SnowplowPixel, answer: answerGIF}
	iglu := collector{name: "snowplow", decode: protocol.SnowplowIglu, answer: tp2.answer}
	igluPixel := collector{name: "snowplow", decode: protocol.SnowplowIglu, answer: answerGIF}
	gtag := collector{name: "ga4", decode: protocol.GA4, answer: answerFixed(http.StatusNoContent, nil, "")}
	measurement := collector{name: "ga4", decode: protocol.GA4Measurement, answer: gtag.answer}
	matomo := collector{name: "matomo", decode: protocol.Matomo, answer: answerMatomo}
	plausible := collector{name: "plausible", decode: protocol.Plausible, answer: answerPlausible}
	umami := collector{name: "umami", decode: protocol.Umami, answer: answerFixed(http.StatusOK, jsonType, `{"cache":"","disabled":false}`)}
	return []route{
		{"POST", snowplowEvents, "snowplow", "Snowplow: events; so is POST /VENDOR/VERSION, where VENDOR has a dot", tp2.serve},
		{"GET, POST", "/com.snowplowanalytics.iglu/v1", "snowplow", "Snowplow: webhooks", byMethod(igluPixel, iglu)},
		{"GET", "/i", "snowplow", "Snowplow: one event in the query, answered by an image", i.serve},
		{"GET", "/ice.png", "snowplow", "the same, as old trackers call it", i.serve},
		{"GET, POST", "/g/collect", "ga4", "Google Analytics 4: gtag", gtag.serve},
		{"POST", "/mp/collect", "ga4", "Google Analytics 4: Measurement Protocol", measurement.serve},
		{"POST", "/debug/mp/collect", "ga4", "the same, checked and not kept", validateGA4},
		{"GET, POST", "/matomo.php", "matomo", "Matomo: one event or a bulk", matomo.serve},
		{"GET, POST", "/piwik.php", "matomo", "the same, as old trackers call it", matomo.serve},
		{"POST", "/api/event", "plausible", "Plausible", plausible.serve},
		{"POST", "/api/send", "umami", "Umami", umami.serve},
	}
}

// byMethod answers a GET as an image is answered, a POST as a sender that reads.
func byMethod(get, post collector) func(*Service, http.ResponseWriter, *http.Request) int {
	return func(s *Service, w http.ResponseWriter, r *http.Request) int {
		if r.Method == http.MethodPost {
			return post.serve(s, w, r)
		}
		return get.serve(s, w, r)
	}
}

// posthogFlags answers PostHog's questions about features: there are none, and nothing else is to be loaded.
var posthogFlags = []byte(`{"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,"sessionRecording":false,"supportedCompression":["gzip","gzip-js"]}`)

// posthogRoutes are PostHog's addresses and Mixpanel's, with and without the slash that their clients differ in.
func posthogRoutes() []route {
	posthog := collector{name: "posthog", decode: protocol.PostHog, answer: answerFixed(http.StatusOK, jsonType, `{"status":"Ok"}`), unpacks: true}
	mixpanel := collector{name: "mixpanel", decode: protocol.PostHog, answer: answerMixpanel, unpacks: true}
	people := collector{name: "mixpanel", decode: protocol.PostHogPeople, answer: mixpanel.answer, unpacks: true}
	var list []route
	both := func(method, path, protocol, about string, serve func(*Service, http.ResponseWriter, *http.Request) int) {
		list = append(list, route{method, path, protocol, about, serve}, route{method, path + "/", protocol, about, serve})
	}
	for _, path := range []string{"/e", "/i/v0/e", "/batch", "/capture"} {
		both("GET, POST", path, "posthog", "PostHog: events", posthog.serve)
	}
	both("GET, POST", "/track", "mixpanel", "Mixpanel, and old PostHog: events", mixpanel.serve)
	both("GET, POST", "/engage", "mixpanel", "Mixpanel, and old PostHog: what is known of a person", people.serve)
	both("POST", "/flags", "posthog", "PostHog: there are no flags", forget(posthogFlags))
	both("POST", "/decide", "posthog", "PostHog: there are no flags", forget(posthogFlags))
	return append(list,
		route{"GET", "/array/", "posthog", "PostHog: KEY/config.js, empty", forget([]byte("{}"))},
		route{"POST", "/s/", "posthog", "PostHog: recordings, taken and forgotten", forget([]byte(`{"status":"Ok"}`))})
}

// forget answers what a client asks beside its events.
func forget(answer []byte) func(*Service, http.ResponseWriter, *http.Request) int {
	return func(_ *Service, w http.ResponseWriter, _ *http.Request) int {
		return writeJSON(w, http.StatusOK, answer)
	}
}

const snowplowEvents = "/com.snowplowanalytics.snowplow/tp2"

// snowplowPath tells a postPath that a site has chosen for itself, /com.acme/track: Snowplow's form is /VENDOR/VERSION, and a
// vendor is a domain backwards. No other address of ours has a dot in the first of two places.
func snowplowPath(path string) bool {
	vendor, version, two := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return two && strings.Contains(strings.Trim(vendor, "."), ".") && version != "" && !strings.ContainsAny(version, "/.")
}
