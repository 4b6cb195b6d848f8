package protocol

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
)

// TestOnePageViewIsOneEventInEveryProtocol: the same visitor opens the same page, told by every client.
func TestOnePageViewIsOneEventInEveryProtocol(t *testing.T) {
	for file, without := range map[string]string{
		"snowplow/page-view": "", "snowplow_pixel/page-view": "", "posthog/page-view": "", "mixpanel/page-view": "", "ga4/page-view": "",
		"matomo/page-view": "", "matomo/page-view-get": "", "segment_pixel/page.rudder": "", "segment_pixel/page.jitsu": "",
		"plausible/page-view": "title visitor", "umami/page-view": "visitor",
	} {
		folder, _, _ := strings.Cut(file, "/")
		batch, err := foreign[folder](request(t, filepath.Join("testdata", file+".http")))
		require.NoError(t, err, file)
		require.Len(t, batch.Items, 1, file)
		e := batch.Items[0].Event
		require.Equal(t, "page", e.Type, file)
		require.Equal(t, "https://acme.example/pricing?utm_source=linkedin", e.Url, file)
		require.Equal(t, "https://www.linkedin.com/", e.Referrer, file)
		require.Equal(t, strings.Contains(without, "title"), e.Title == "", file)
		require.True(t, e.Title == "" || e.Title == "Pricing", file)
		require.Equal(t, strings.Contains(without, "visitor"), e.AnonymousId == "", file)
		require.Equal(t, strings.Contains(without, "visitor"), e.Consent.String() == "CONSENT_COOKIELESS", file)
	}
}

// TestARetryIsTheSameEvents: ids are the sender's or made of what was sent, and nothing else.
func TestARetryIsTheSameEvents(t *testing.T) {
	for folder, decode := range foreign {
		for _, file := range goldenRequests(t, folder) {
			one, err := decode(request(t, file))
			require.NoError(t, err)
			two, err := decode(request(t, file))
			require.NoError(t, err)
			require.Len(t, two.Items, len(one.Items))
			for i := range one.Items {
				require.True(t, proto.Equal(one.Items[i].Event, two.Items[i].Event), file)
			}
		}
	}
}

// counted is what a rule of 15 s counts of a set of dwell events: the largest value of each view, in whole units.
func counted(items []Item) (ms int64) {
	views := map[string]uint32{}
	for i, it := range items {
		if it.Event.Type != "dwell" {
			continue
		}
		key := it.Event.ViewId
		if key == "" {
			key = "alone " + string(rune(i))
		}
		views[key] = max(views[key], it.Event.EngagedMs)
	}
	for _, of := range views {
		ms += int64(of / slotMs * slotMs)
	}
	return ms
}

// TestHeartbeatsAddUpInAnyOrder: the engaged time of page pings is that of the visit, to one slot at either end, whatever
// the order they arrive in and however often.
func TestHeartbeatsAddUpInAnyOrder(t *testing.T) {
	for _, beat := range []int64{5, 10, 15} {
		for _, minutes := range []int64{1, 5, 20} {
			var pings []string
			for at := beat; at <= minutes*60; at += beat {
				pings = append(pings, `{"e":"pp","duid":"a","dtm":"`+strconv.FormatInt(1772446530123+at*1000, 10)+`","cx":"`+webPage+`"}`)
			}
			twice := append(slices.Clone(pings), pings...)
			slices.Reverse(twice)
			limits := Limits{Events: 1000, Bytes: 32 << 10}
			once, err := Snowplow(Request{Body: `{"data":[` + strings.Join(pings, ",") + `]}`, Limits: limits})
			require.NoError(t, err)
			again, err := Snowplow(Request{Body: `{"data":[` + strings.Join(twice, ",") + `]}`, Limits: limits})
			require.NoError(t, err)
			require.Equal(t, counted(once.Items), counted(again.Items))
			require.LessOrEqual(t, math.Abs(float64(counted(once.Items)-minutes*60_000)), float64(slotMs), "a beat of %d s for %d min", beat, minutes)
		}
	}
}

// webPage is the context of one view, in base64url.
const webPage = "eyJkYXRhIjpbeyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy93ZWJfcGFnZS9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJpZCI6InYxIn19XX0"

var mappingRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)/([a-z0-9_.-]+)` \\|[^|]*\\| ([a-z, ]+) \\|")

// TestTheTableOfProtocolsIsTrue runs the payloads that docs/protocols.md names, and holds what they become against its table;
// no payload stands outside of it.
func TestTheTableOfProtocolsIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/protocols.md")
	require.NoError(t, err)
	told := map[string]bool{}
	for _, row := range mappingRow.FindAllStringSubmatch(string(page), -1) {
		decode := foreign[row[1]]
		require.NotNil(t, decode, row[0])
		batch, err := decode(request(t, filepath.Join("testdata", row[1], row[2]+".http")))
		require.NoError(t, err, row[0])
		var became []string
		for _, it := range batch.Items {
			kind := it.Event.Type
			require.True(t, it.Fault != nil || schemas.KnownType(kind), "%s: %s", row[0], kind)
			if it.Fault != nil {
				kind = "refused"
			}
			became = append(became, kind)
		}
		require.Equal(t, row[3], strings.Join(became, ", "), row[1]+"/"+row[2])
		told[row[1]+"/"+row[2]] = true
	}
	for folder := range foreign {
		for _, file := range goldenRequests(t, folder) {
			name := folder + "/" + strings.TrimSuffix(filepath.Base(file), ".http")
			require.True(t, told[name], "docs/protocols.md has no row for %s", name)
		}
	}
}
