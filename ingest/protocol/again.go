package protocol

import (
	"net/url"
	"path"
	"strings"
)

// Again makes a request of one event as a dead letter has it, and finds the decoder for it. The path is that of the first
// time; letters of older releases have none. What stood in the request around the event is gone: for GA4's Measurement Protocol
// that is who it was about, for gtag the number of the line, so that the id is that of a first line. ok is false for a protocol without a decoder here, such as a webhook's.
func Again(protocol, at, raw string, limits Limits) (r Request, decode Decoder, ok bool) {
	r = Request{Body: raw, Query: url.Values{}, Limits: limits}
	at, beat, found := strings.Cut(at, "?heartbeat=")
	if found {
		r.Query.Set("heartbeat", beat)
	}
	object := strings.HasPrefix(strings.TrimLeft(raw, " \t\r\n"), "{")
	switch protocol {
	case "native":
		return r, Native, true
	case "plausible":
		return r, Plausible, true
	case "umami":
		return r, Umami, true
	case "posthog", "mixpanel":
		if strings.HasPrefix(at, "/engage") {
			return r, PostHogPeople, true
		}
		return r, PostHog, true
	case "segment":
		if r.Type = segmentType(at); object && r.Type != "" {
			return r, Segment, true
		} else if object {
			r.Body = `{"batch":[` + raw + `]}`
			return r, SegmentBatch, true
		}
		return inQuery(r, SegmentPixel)
	case "snowplow":
		if strings.HasPrefix(at, "/com.snowplowanalytics.iglu/") { // its schema and its person were in the query, and are gone
			return r, SnowplowIglu, true
		}
		if object {
			r.Body = `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[` + raw + `]}`
			return r, Snowplow, true
		}
		return inQuery(r, SnowplowPixel)
	case "ga4":
		if object {
			r.Body = `{"events":[` + raw + `]}`
			return r, GA4Measurement, true
		}
		return inQuery(r, GA4)
	case "matomo":
		return inQuery(r, Matomo)
	case "pixel":
		return inQuery(r, Pixel)
	}
	return r, nil, false
}

// Address is what a dead letter keeps of where a request went: its path, and the one parameter of POSTs that gives events another
// meaning.
func Address(path string, query url.Values) string {
	if beat := query.Get("heartbeat"); beat != "" && len(beat) <= 10 && strings.Trim(beat, "0123456789") == "" {
		return path + "?heartbeat=" + beat
	}
	return path
}

// inQuery is for events that came as the query of an address.
func inQuery(r Request, decode Decoder) (Request, Decoder, bool) {
	query, err := url.ParseQuery(r.Body)
	if err != nil {
		return r, nil, false
	}
	r.Body, r.Query = "", query
	return r, decode, true
}

// segmentType is the event type that the end of an address names: /v1/page, /v1/p.
func segmentType(at string) string {
	last := path.Base(at)
	for _, kind := range SegmentTypes {
		if last == kind || last == kind[:1] {
			return kind
		}
	}
	return ""
}
