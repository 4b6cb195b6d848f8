package protocol

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// outside are the golden requests whose events need what stands around them: alone they are read, but not the same.
var outside = map[string]string{
	"ga4_mp":        "the client is in the envelope",
	"segment_batch": "the batch's context is under each event's",
	"mixpanel":      "one key for the batch",
	"snowplow_iglu": "the schema and the person are in the query",
}

// TestALetterIsReadAsTheFirstTime: what a dead letter keeps of an event gives the same event again, in every protocol.
func TestALetterIsReadAsTheFirstTime(t *testing.T) {
	all := foreign
	read := 0
	for folder, decode := range all {
		name, _, _ := strings.Cut(folder, "_")
		for _, file := range goldenRequests(t, folder) {
			r := request(t, file)
			batch, err := decode(r)
			if err != nil || r.Anonymous { // letters of visitors who allow no lasting ids have no content
				continue
			}
			at := Address("/v1/"+r.Type, r.Query)
			if folder == "mixpanel_people" {
				at = "/engage/"
			}
			seen := map[string]bool{}
			for _, it := range batch.Items {
				if it.Fault != nil || seen[it.Raw] {
					continue
				}
				seen[it.Raw] = true
				again, second, ok := Again(name, at, it.Raw, r.Limits)
				require.True(t, ok, "%s: %s", file, it.Raw)
				two, err := second(again)
				if outside[folder] != "" {
					continue
				}
				require.NoError(t, err, "%s: %s", file, it.Raw)
				require.NotEmpty(t, two.Items)
				got := two.Items[0].Event
				if it.Event.Referrer == r.Referer || it.Event.Url == r.Referer { // the page that a pixel stood on
					got.Url, got.Referrer = it.Event.Url, it.Event.Referrer
				}
				if folder == "ga4" && strings.HasPrefix(got.EventId, "ga4-") {
					got.EventId = it.Event.EventId // the line is not in the letter
				}
				require.True(t, proto.Equal(it.Event, got), "%s:\n%v\n%v", filepath.Base(file), it.Event, got)
				read++
			}
		}
	}
	require.Greater(t, read, 40)
	_, _, ok := Again("meta", "/hooks/meta/acme", "{}", Limits{})
	require.False(t, ok, "a webhook's update is no delivery")
	_, _, ok = Again("matomo", "", "%zz", Limits{})
	require.False(t, ok)
}
