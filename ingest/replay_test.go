package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// played is what a letter becomes.
func played(t *testing.T, cfg Config, d *pb.DeadLetter, offset int64) (events []*pb.Event, again []*pb.DeadLetter) {
	t.Helper()
	r, err := NewReplayer(cfg)
	require.NoError(t, err)
	records, n, m, err := r.Replay(d, 3, offset)
	require.NoError(t, err)
	for _, record := range records {
		if record.Topic == schemas.TopicEvents {
			e := &pb.Event{}
			require.NoError(t, proto.Unmarshal(record.Value, e))
			require.Equal(t, schemas.EventKey(e.Site, e.AnonymousId, e.UserId), string(record.Key))
			events = append(events, e)
		} else {
			l := &pb.DeadLetter{}
			require.NoError(t, proto.Unmarshal(record.Value, l))
			again = append(again, l)
		}
	}
	require.Len(t, events, n)
	require.Len(t, again, m)
	return events, again
}

// TestALetterIsPlayedAgain: an event too large for the limit becomes, once the limit is raised, what it would have been; with the
// limit as it was it becomes a letter again, linked to the first.
func TestALetterIsPlayedAgain(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	send := func(path, body string, headers ...string) {
		answer, _ := f.ask(t, "POST", path, body, headers...)
		require.Equal(t, 413, answer.StatusCode)
	}
	fat := `"properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}`
	send("/v1/events?key=demo", `{"event_id":"n1","type":"page","anonymous_id":"a","url":"https://acme.example/pricing",`+fat+`}`)
	send("/v1/t?key=demo", `{"messageId":"s1","userId":"u","event":"Signed Up",`+fat+`}`)
	send("/v1/events", `{"type":"crm","anonymous_id":"a",`+fat+`}`, "Authorization", "Bearer demo-secret")
	letters := deadLetters(t, opts)
	require.Len(t, letters, 3)
	cfg := testConfig()
	raised := cfg
	raised.MaxEvent = 64 << 10
	byPath := map[string]*pb.Event{}
	for i, d := range letters {
		_, again := played(t, cfg, d, int64(i))
		require.Len(t, again, 1)
		require.Equal(t, fmt.Sprintf("3:%d", i), again[0].ReplayOf)
		require.Equal(t, d.Payload, again[0].Payload)
		require.Equal(t, []string{d.Reason, d.Path, d.Site}, []string{again[0].Reason, again[0].Path, again[0].Site})

		events, again := played(t, raised, d, int64(i))
		require.Empty(t, again)
		require.Len(t, events, 1)
		twice, _ := played(t, raised, d, int64(i))
		require.True(t, proto.Equal(events[0], twice[0]), "a replay may be repeated")
		require.Equal(t, d.At, events[0].ReceivedAt, "it counts as of when it came")
		byPath[d.Path+events[0].Type] = events[0]
	}
	require.Equal(t, "n1", byPath["/v1/eventspage"].EventId)
	require.Equal(t, "/pricing", byPath["/v1/eventspage"].Path)
	require.Equal(t, []string{"track", "Signed Up", "s1"}, []string{byPath["/v1/ttrack"].Type, byPath["/v1/ttrack"].Name, byPath["/v1/ttrack"].EventId})
	require.True(t, byPath["/v1/eventscrm"].Trusted)
	require.Regexp(t, `^dead-letter-3-\d-\d+-0$`, byPath["/v1/eventscrm"].EventId, "no id of its own: its place is one")
	require.False(t, byPath["/v1/ttrack"].Trusted)
}

// TestAReplayTrustsNobodyMore: what a page may not say, it may not say by failing first.
func TestAReplayTrustsNobodyMore(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	f.ask(t, "POST", "/v1/events?key=demo", `{"type":"crm","anonymous_id":"a","properties":{"stage":"won"}}`)
	letters := deadLetters(t, opts)
	require.Len(t, letters, 1)
	events, again := played(t, testConfig(), letters[0], 0)
	require.Empty(t, events)
	require.Equal(t, string(secretKeyNeeded), again[0].Reason)
	require.Contains(t, Mend(letters[0]), "a replay stays what it was")
}

// TestNoSecretKeyIsKeptInALetter: wherever a protocol put it, however it was written there.
func TestNoSecretKeyIsKeptInALetter(t *testing.T) {
	_, opts := broker(t)
	const secret = `s3cret/with "quotes"`
	f := start(t, opts, func(c *Config, _ *Deps) { c.Sites[0].SecretKeys[0] = secret })
	quoted := `s3cret/with \"quotes\"`
	f.ask(t, "POST", "/v1/events", `{"type":"nonsense","write_key":"`+quoted+`","anonymous_id":"a"}`)
	f.ask(t, "POST", "/v1/track", `{"writeKey":"`+quoted+`","event":"nobody"}`)
	f.ask(t, "POST", "/capture/", `{"api_key":"`+quoted+`","event":"x"}`)
	f.ask(t, "POST", "/v1/events?key=demo", `{"type":"nonsense","anonymous_id":"a","properties":{"left here":"`+quoted+`"}}`)
	f.ask(t, "GET", `/matomo.php?idsite=demo&rec=1&token_auth=s3cret%2Fwith+%22quotes%22`, "")
	letters := deadLetters(t, opts)
	require.GreaterOrEqual(t, len(letters), 3)
	hidden := 0
	for _, d := range letters {
		require.NotContains(t, string(d.Payload), "s3cret", d.Path)
		hidden += strings.Count(string(d.Payload), hiddenKey)
	}
	require.GreaterOrEqual(t, hidden, 3)
}

func TestWhatCannotBePlayedIsSaid(t *testing.T) {
	r, err := NewReplayer(testConfig())
	require.NoError(t, err)
	for want, d := range map[string]*pb.DeadLetter{
		"content was not kept": {Site: "demo", Protocol: "native", Detail: "x (" + contentGone + ": the visitor allows no lasting ids)"},
		"only the first 2":     {Site: "demo", Protocol: "native", Payload: []byte("{}"), Detail: "x (" + contentCut + ")"},
		`the site "gone"`:      {Site: "gone", Protocol: "native", Payload: []byte("{}")},
		"ask the provider":     {Site: "demo", Protocol: "meta", Payload: []byte("{}")},
	} {
		_, _, _, err := r.Replay(d, 0, 0)
		require.ErrorIs(t, err, ErrNotReplayable)
		require.ErrorContains(t, err, want)
	}
	_, again := played(t, testConfig(), &pb.DeadLetter{Site: "demo", Protocol: "native", Payload: []byte(`"what"`), At: 1}, 0)
	require.Len(t, again, 1, "it was no object, and still is none")
}
