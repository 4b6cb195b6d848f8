package protocol

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreignSeed gives a target the golden requests of its folders.
func foreignSeed(f *testing.F, folders ...string) {
	for _, folder := range folders {
		for _, file := range goldenRequests(f, folder) {
			r := request(f, file)
			f.Add(r.Query.Encode(), r.Body, r.Anonymous)
		}
	}
	for _, text := range corpus {
		f.Add("", text, false)
	}
	f.Add("a=%00&cid=%ff&en=x&_et=1e99&ping=1&e=pp&aid=%22", `{"data":[{"e":"pp","ds":"0x0","vp":"x"}],"n":"engagement"}`, true)
}

// fuzzForeign holds decoders to the promises, with limits that a few bytes can reach.
func fuzzForeign(f *testing.F, decoders ...Decoder) {
	f.Fuzz(func(t *testing.T, query, body string, anonymous bool) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return // refused before the decoder
		}
		for _, decode := range decoders {
			batch, err := decode(Request{Query: values, Body: body, Type: "page", Anonymous: anonymous, Limits: generous})
			if err == nil {
				require.LessOrEqual(t, batch.sent, generous.Events)
				require.LessOrEqual(t, len(batch.Items), 3*batch.sent, "a message makes three events at most")
				batch.Items = batch.Items[:min(len(batch.Items), generous.Events)]
			}
			promises(t, batch, err)
			for _, it := range batch.Items {
				if it.Fault == nil {
					require.NotEmpty(t, it.Event.Type)
					noNameTwice(t, it.Event.Properties)
				}
			}
		}
	})
}

// noNameTwice: stores refuse an object that names a member twice.
func noNameTwice(t *testing.T, object []byte) {
	if object == nil {
		return
	}
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(object, &members))
	count := 0
	c := cursor{s: string(object)}
	require.NoError(t, c.object(func(string) error { count++; return c.skip() }))
	require.Len(t, members, count)
}

func FuzzSnowplow(f *testing.F) {
	foreignSeed(f, "snowplow", "snowplow_pixel")
	fuzzForeign(f, Snowplow, SnowplowPixel, SnowplowIglu)
}

func FuzzPostHog(f *testing.F) {
	foreignSeed(f, "posthog", "mixpanel", "mixpanel_people")
	fuzzForeign(f, PostHog, PostHogPeople)
}

func FuzzGA4(f *testing.F) {
	foreignSeed(f, "ga4")
	fuzzForeign(f, GA4)
}

func FuzzGA4Measurement(f *testing.F) {
	foreignSeed(f, "ga4_mp")
	fuzzForeign(f, GA4Measurement)
}

func FuzzMatomo(f *testing.F) {
	foreignSeed(f, "matomo")
	fuzzForeign(f, Matomo)
}

func FuzzPlausible(f *testing.F) {
	foreignSeed(f, "plausible")
	fuzzForeign(f, Plausible)
}

func FuzzUmami(f *testing.F) {
	foreignSeed(f, "umami")
	fuzzForeign(f, Umami)
}

func FuzzSegmentPixel(f *testing.F) {
	foreignSeed(f, "segment_pixel")
	f.Fuzz(func(t *testing.T, query, _ string, _ bool) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		batch, err := SegmentPixel(Request{Query: values, Type: "page", Limits: generous})
		promises(t, batch, err)
	})
}
