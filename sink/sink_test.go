package sink

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

func TestEachTableGetsItsRow(t *testing.T) {
	r := newRig(t)
	now := time.Now().UnixMilli()
	view := pageView(1)
	view.Country, view.City, view.Network, view.NetworkOwner, view.BotKind, view.EnrichedBy = "DE", "Munich", "datacentre", "Acme Cloud", "http-library", "agent/2"
	identify := &pb.Event{EventId: "i1", Site: "demo", Type: "identify", AnonymousId: "a1", UserId: "u1", EventTime: now, ReceivedAt: now, Traits: []byte(`{"email":"ann@example.com"}`)}
	crm := &pb.Event{EventId: "c1", Site: "demo", Type: "crm", UserId: "u1", EventTime: now, ReceivedAt: now, Trusted: true,
		Properties: []byte(`{"deal_id":77,"stage":"won","amount":"1200.50","currency":"EUR","product":"team","reason":null}`)}
	market := &pb.Event{EventId: "m1", Site: "demo", Type: "market", Name: "funding", AnonymousId: "acme", GroupId: "acme", EventTime: now, ReceivedAt: now,
		Properties: []byte(`{"kind":"funding","title":"Acme raises 5M","amount":5000000}`)}
	r.put(schemas.TopicEvents, 0, view, identify, crm, market)
	r.put(schemas.TopicLeads, 1, &pb.LeadRecord{LeadId: leadID(1), Site: "demo", Track: "main", Revision: 3, Email: "ann@example.com",
		Score: 42, ScoredAt: now, Engagement: 3, Fit: "B", Grade: "B3", Stage: "interest", StageOrder: 2, ReceivedAt: now, Flags: []string{"employee"},
		Terms:  []*pb.Term{{Rule: "pricing", Group: "web", Interest: "plans", Value: 42, Anchor: now + 1e7, HalfLife: 7}},
		Groups: []*pb.GroupBound{{Name: "web", Cap: 60, Floor: 0}}, Bands: []float64{75, 50, 25}, FallsAt: now + 1000, FallsTo: "aware"})
	r.put(schemas.TopicLedger, 2, &pb.LedgerRow{LeadId: leadID(1), Site: "demo", Track: "main", EventId: view.EventId, EventType: "page", EventTime: now,
		ReceivedAt: now, Day: int32(now / 86400000), Rule: "pricing", Group: "web", Points: 21, Limit: 2, HalfLife: 7, UnitKey: 1 << 63, Units: 2,
		Counted: true, Reason: "ok", GroupCap: 60, Source: &pb.Source{Topic: schemas.TopicEvents, Partition: 0, Offset: 0}})
	r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(1), Site: "demo", Track: "main", From: "aware", To: "interest", At: now, EntryNo: 2,
		Cause: "event", Criteria: []string{"score >= 40", "viewed pricing"}, Direction: "promote"})
	run := r.start(quick())

	r.eventually("4", "SELECT count() FROM events FINAL")
	r.eventually("('Pricing','team','12','full',12,1)", `SELECT name, toString(properties.plan), toString(properties.seats), consent,
		properties.seats.:Int64, toUInt8(received_at > now() - 60) FROM events WHERE event_id = 'e000001'`)
	r.eventually("('DE','Munich','datacentre','Acme Cloud','http-library','agent/2')",
		"SELECT country, city, network, network_owner, bot_kind, enriched_by FROM events WHERE event_id = 'e000001'")
	r.eventually("('a1','u1')", "SELECT anonymous_id, user_id FROM identities FINAL")
	r.eventually("('77','won',1200.5,'EUR','team','')", "SELECT deal_id, stage, amount, currency, product, reason FROM deals FINAL")
	r.eventually("('acme','funding','Acme raises 5M',5000000)", "SELECT account, kind, title, properties.amount.:Int64 FROM market_signals FINAL")
	r.eventually("(3,42,'interest',['employee'],['pricing'],['plans'],[60],[75,50,25],1)",
		"SELECT revision, score, stage, flags, term_rule, term_interest, group_cap, bands, falls_at = toDateTime64(? / 1000, 3) FROM lead_state FINAL", now+1000)
	r.eventually("(42,'B3')", "SELECT score, grade FROM leads")
	r.eventually("(42,9223372036854775808,'ok',true,0)", "SELECT points * units, unit_key, reason, counted, source_offset FROM ledger FINAL")
	r.eventually("('interest',['score >= 40','viewed pricing'])", "SELECT to_stage, criteria FROM stage_log FINAL")

	var record string
	require.NoError(t, r.conn.QueryRow(t.Context(), "SELECT record FROM lead_state FINAL").Scan(&record))
	var lead pb.LeadRecord
	require.NoError(t, proto.Unmarshal([]byte(record), &lead))
	require.Equal(t, "aware", lead.FallsTo)
	require.NoError(t, run.Ready(t.Context()))
	require.NoError(t, run.stopped())
	require.Equal(t, 4., run.sum(t, "leadstream_sink_rows_total", "table", "events"))
	require.Equal(t, 4., run.sum(t, "leadstream_sink_freshness_seconds", "table", "events"))
	require.Zero(t, run.sum(t, "leadstream_sink_lag_records"))
}

func TestWhatCannotBeReadNeverStopsTheLine(t *testing.T) {
	r := newRig(t)
	poison := []byte("\xff\xfe not a message")
	r.putBytes(schemas.TopicEvents, 0, poison)
	r.putBytes(schemas.TopicLeads, 0, poison)
	r.putBytes(schemas.TopicLedger, 0, poison)
	r.putBytes(schemas.TopicStages, 0, poison)
	r.put(schemas.TopicEvents, 0, &pb.Event{EventId: "x", Site: "demo"})
	list := pageView(7)
	list.Properties = []byte(`[1]`)
	r.put(schemas.TopicEvents, 0, list)
	r.put(schemas.TopicLedger, 0, &pb.LedgerRow{Site: "demo", LeadId: []byte{1}})
	for i := range 20 {
		r.put(schemas.TopicEvents, 0, pageView(100+i))
		if i == 10 {
			deep := pageView(50)
			deep.Properties = nested(2000)
			r.put(schemas.TopicEvents, 0, deep)
		}
	}
	run := r.start(quick())
	r.eventually("20", "SELECT count() FROM events FINAL")

	letters := r.deadLetters(8)
	byReason := map[string]int{}
	for _, letter := range letters {
		byReason[letter.Reason]++
		require.Equal(t, "sink", letter.Stage)
		require.NotEmpty(t, letter.Detail)
		require.Equal(t, "key", string(letter.Key))
		if letter.Reason == reasonUndecodable {
			require.Equal(t, poison, letter.Payload)
			require.Zero(t, letter.Offset)
		}
	}
	require.Equal(t, map[string]int{"undecodable": 4, "incomplete": 2, "bad_json": 2}, byReason)
	require.NoError(t, run.stopped())
	require.Equal(t, 8., run.sum(t, "leadstream_sink_dead_letters_total"))
}

// nested is an object in an object in an object.
func nested(depth int) []byte {
	var b []byte
	for range depth {
		b = append(b, `{"a":`...)
	}
	b = append(b, '1')
	for range depth {
		b = append(b, '}')
	}
	return b
}

// deadLetters reads n letters.
func (r *rig) deadLetters(n int) (letters []*pb.DeadLetter) {
	r.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.ConsumeTopics(schemas.TopicDeadLetter),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	require.NoError(r, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	for len(letters) < n && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			letter := new(pb.DeadLetter)
			require.NoError(r, proto.Unmarshal(rec.Value, letter))
			letters = append(letters, letter)
		})
	}
	require.Len(r, letters, n)
	return letters
}

func TestAQuietRowIsVisibleWithinASecond(t *testing.T) {
	r := newRig(t)
	run := r.start(DefaultConfig())
	require.Eventually(t, func() bool { return run.Ready(t.Context()) == nil }, time.Minute, 10*time.Millisecond)
	// The first row pays for the connection; the promise is about the others.
	r.put(schemas.TopicEvents, 0, pageView(0))
	r.eventually("1", "SELECT count() FROM events")
	began := time.Now()
	r.put(schemas.TopicEvents, 0, pageView(1))
	r.eventually("2", "SELECT count() FROM events")
	t.Logf("visible after %s", time.Since(began))
	require.Less(t, DefaultConfig().Batch.Age, time.Second) // what the promise rests on; a loaded machine's time proves nothing
	require.NoError(t, run.stopped())
}

func TestAStopWritesWhatIsHeld(t *testing.T) {
	r := newRig(t)
	cfg := quick()
	cfg.Batch.Age = time.Minute // only the stop can flush
	run := r.start(cfg)
	for i := range 100 {
		r.put(schemas.TopicEvents, int32(i%testPartitions), pageView(i))
	}
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_pending_records") == 100 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, "0", r.value("SELECT count() FROM events"))
	require.NoError(t, run.stopped())
	require.Equal(t, "100", r.value("SELECT count() FROM events"))
	require.True(t, r.committedAll())
}

// What browsers send and ClickHouse's JSON does not take is mended, not lost.
func TestOddPropertiesAreRows(t *testing.T) {
	r := newRig(t)
	odd := []string{`{"a":1,"a":2}`, `{"a.b":1,"a":{"b":2}}`, `{"":1}`, `{"n":1e999}`, `{"n":-99999999999999999999999}`, `{"s":"\ud800"}`, `{"s":"\u0000"}`,
		`{"mixed":[1,"two",{"three":3},null,[4]]}`, `{"x":null}`, "{\"bad\":\"\xff\xfe\"}", `{"价格":"八"}`, string(manyPaths(3000)), `{"deep":` + string(nested(250)) + `}`}
	for i, properties := range odd {
		ev := pageView(i)
		ev.EventId, ev.Properties = "odd", []byte(properties)
		ev.AnonymousId = ev.ViewId
		r.put(schemas.TopicEvents, 0, ev, pageView(i))
	}
	run := r.start(quick())
	r.eventually(fmt.Sprint(len(odd)), "SELECT uniqExact(event_id) FROM events WHERE event_id != 'odd'")
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
	require.Equal(t, fmt.Sprint(len(odd)), r.value("SELECT count() FROM events FINAL WHERE event_id = 'odd'"))
	require.Zero(t, run.sum(t, "leadstream_sink_dead_letters_total"))
	require.Equal(t, "('-99999999999999999999999','1e999')", r.value("SELECT (min(s), max(s)) FROM (SELECT toString(properties.n) AS s FROM events WHERE s != '')"))
}

func manyPaths(n int) []byte {
	b := []byte("{")
	for i := range n {
		b = fmt.Appendf(b, `"path%d":%d,`, i, i)
	}
	b[len(b)-1] = '}'
	return b
}

// A letter that is larger than the broker takes must not stop the line either.
func TestALetterThatIsTooLargeIsSentInPart(t *testing.T) {
	r := newRig(t)
	big := append([]byte("\xff"), make([]byte, 999_899)...)
	r.putBytes(schemas.TopicEvents, 0, big)
	r.put(schemas.TopicEvents, 0, pageView(1))
	run := r.start(quick())
	r.eventually("1", "SELECT count() FROM events FINAL")
	letter := r.deadLetters(1)[0]
	require.NoError(t, run.stopped())
	require.Equal(t, big[:len(letter.Payload)], letter.Payload)
	if len(letter.Payload) < len(big) {
		require.Contains(t, letter.Detail, "the first 65536 of 999900 bytes")
	}
	t.Logf("%d of %d bytes", len(letter.Payload), len(big))
}
