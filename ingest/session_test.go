package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

func TestSessions(t *testing.T) {
	b := newBench()
	visit := func(e *pb.Event) string {
		return b.run(protocol.Item{Event: e}).Event.SessionId
	}
	own := visit(&pb.Event{AnonymousId: "a"})
	require.Regexp(t, `^s:[0-9a-f]{24}$`, own)
	require.Equal(t, own, visit(&pb.Event{AnonymousId: "a", Type: "click"}))
	require.NotEqual(t, own, visit(&pb.Event{AnonymousId: "b"}))
	require.Equal(t, "theirs", visit(&pb.Event{AnonymousId: "a", SessionId: "theirs"}), "what a client says is kept")
	require.Empty(t, visit(&pb.Event{AnonymousId: "a", Type: "identify"}), "who somebody is, is none of a visit")

	dayOne := visit(&pb.Event{Consent: pb.Consent_CONSENT_COOKIELESS, SessionId: "theirs"})
	require.Regexp(t, `^s:`, dayOne, "without lasting ids the visit is of the pseudonym")
	require.Equal(t, dayOne, visit(&pb.Event{Consent: pb.Consent_CONSENT_COOKIELESS, SessionId: "another"}))

	b.facts.userAgent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	require.Empty(t, visit(&pb.Event{AnonymousId: "a"}), "robots make no visits")
	b.facts.userAgent, b.facts.trusted = chrome, true
	require.Empty(t, visit(&pb.Event{AnonymousId: "a", UserAgent: chrome}), "nor do servers")
}
