package ingest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/ingest/agent"
	"leadstream/ingest/protocol"
	"leadstream/ingest/session"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// FuzzPipeline takes whatever decodes through all steps: what comes out without a fault can be written, read and keyed.
func FuzzPipeline(f *testing.F) {
	for _, body := range []string{
		"[" + events(1, 2) + "]", `{"type":"page","anonymous_id":"a\u0000\ud83d","url":"http://[::1/%zz?utm_source=%ff","referrer":"//\u0000"}`,
		`{"type":"page","consent":"cookieless","url":"http://a%00.b/%ff","ip":"fe80::1%eth0"}`, `{"type":"market","group_id":"g"}`,
		`{"type":"page","user_id":"u","timestamp":1e14,"properties":{"session_campaign":"utm_source=%00&gclid=1"}}`,
	} {
		f.Add(body, "Mozilla/5.0 \xff", true)
	}
	m := newMetrics(prometheus.NewRegistry(), []Site{{Name: "demo"}})
	salts, sessions, agents := daily(), session.NewTable(), agent.NewReader()
	f.Fuzz(func(t *testing.T, body, userAgent string, trusted bool) {
		batch, err := protocol.Native(protocol.Request{Body: body, Limits: protocol.Limits{Events: 50, Bytes: 32 << 10}})
		if err != nil {
			return
		}
		facts := &facts{
			site: &site{name: "demo", history: true, guard: openGuard}, trusted: trusted, protocol: "native", receivedAt: noon, sentAt: batch.SentAt,
			ip: "::ffff:203.0.113.7", userAgent: userAgent, optedOut: !trusted, salts: salts, sessions: sessions, removed: m.remove, hide: strings.NewReplacer(), agents: agents, atlas: nowhere(), note: m.note,
		}
		m.run(facts, batch.Items)
		for i := range batch.Items {
			it := &batch.Items[i]
			if it.Fault != nil {
				require.Contains(t, refusals, it.Fault.Reason)
				_, err := proto.Marshal(deadLetter(facts, it))
				require.NoError(t, err)
				continue
			}
			canBeRead(t, it.Event)
		}
	})
}

func canBeRead(t *testing.T, e *pb.Event) {
	records, err := encode(letters{events: []*pb.Event{e}})
	require.NoError(t, err)
	again := &pb.Event{}
	require.NoError(t, proto.Unmarshal(records[0].Value, again))
	require.True(t, proto.Equal(e, again))
	require.True(t, schemas.KnownType(e.Type))
	require.True(t, utf8.Valid(records[0].Key))
	require.NotEmpty(t, e.EventId)
	require.NotEmpty(t, e.AnonymousId+e.UserId)
	require.LessOrEqual(t, e.EventTime, noon+ahead)
	require.GreaterOrEqual(t, e.EventTime, earliest)
	require.LessOrEqual(t, e.ReceivedAt, noon)
	if e.Consent == pb.Consent_CONSENT_COOKIELESS {
		require.Empty(t, e.Ip+e.SessionId)
	}
}
