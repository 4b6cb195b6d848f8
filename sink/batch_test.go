package sink

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

func record(t testing.TB, topic string, part int32, offset int64, m proto.Message) *kgo.Record {
	t.Helper()
	value, err := proto.Marshal(m)
	require.NoError(t, err)
	return &kgo.Record{Topic: topic, Partition: part, Offset: offset, LeaderEpoch: 4, Value: value, Timestamp: time.UnixMilli(1)}
}

func TestOffsetsAreTheNextToRead(t *testing.T) {
	b := newBatch()
	require.True(t, b.empty())
	began := time.UnixMilli(77)
	b.add(record(t, schemas.TopicEvents, 2, 10, pageView(1)), began)
	b.add(record(t, schemas.TopicEvents, 2, 12, pageView(2)), time.UnixMilli(99)) // 11 was compacted away
	b.add(&kgo.Record{Topic: schemas.TopicLeads, Partition: 2, Offset: 5, LeaderEpoch: 4, Value: []byte{0xff}}, began)
	require.Equal(t, map[string]map[int32]kgo.EpochOffset{
		schemas.TopicEvents: {2: {Epoch: 4, Offset: 13}},
		schemas.TopicLeads:  {2: {Epoch: 4, Offset: 6}},
	}, b.offsets())
	require.Equal(t, began, b.born, "age counts from the first record")
	require.Len(t, b.refused, 1)
	require.Equal(t, reasonUndecodable, b.refused[0].why.reason)
	b.reset()
	require.True(t, b.empty())
	require.Zero(t, b.bytes+b.events.rows()+len(b.refused)+len(b.records))
}

// tokenOf is the token of the table's first block.
func (b *batch) tokenOf(name string) string { return b.token(b.table(name)) }

func TestTokenNamesTheRecordsAndTheTable(t *testing.T) {
	fill := func(order []int32, last int64) *batch {
		b := newBatch()
		for _, part := range order {
			b.add(record(t, schemas.TopicEvents, part, 1, pageView(1)), time.Time{})
		}
		b.add(record(t, schemas.TopicEvents, 1, last, pageView(2)), time.Time{})
		return b
	}
	want := fill([]int32{0, 1}, 2).tokenOf("events")
	require.Equal(t, want, fill([]int32{1, 0}, 2).tokenOf("events"), "the order of arrival is no difference")
	require.NotEqual(t, want, fill([]int32{0, 1}, 3).tokenOf("events"))
	require.NotEqual(t, want, fill([]int32{0, 1}, 2).tokenOf("deals"))
}

// The offsets of a topic made anew, or of a log that lost its end, begin again:
// ClickHouse must not take their records for those that it has.
func TestTokenTellsOtherRecordsAtTheSameOffsets(t *testing.T) {
	token := func(written int64) string {
		b := newBatch()
		rec := record(t, schemas.TopicEvents, 0, 1, pageView(1))
		rec.Timestamp = time.UnixMilli(written)
		b.add(rec, time.Time{})
		return b.tokenOf("events")
	}
	require.Equal(t, token(5), token(5))
	require.NotEqual(t, token(5), token(6))
}

func TestOnlyTheNewestRevisionOfALeadIsARow(t *testing.T) {
	lead := func(n int, track string, revision uint64) *pb.LeadRecord {
		return &pb.LeadRecord{LeadId: leadID(n), Site: "demo", Track: track, Revision: revision}
	}
	b := newBatch()
	for i, one := range []*pb.LeadRecord{lead(1, "a", 3), lead(1, "a", 5), lead(1, "a", 4), lead(1, "b", 1), lead(2, "a", 9)} {
		b.add(record(t, schemas.TopicLeads, 0, int64(i), one), time.Time{})
	}
	b.add(&kgo.Record{Topic: schemas.TopicLeads, Offset: 5, Key: []byte("gone")}, time.Time{}) // a tombstone is no row and no fault
	require.Zero(t, b.leads.rows())
	b.seal()
	b.seal()
	require.Equal(t, 3, b.leads.rows())
	require.Empty(t, b.refused)
	require.Equal(t, []uint64{5, 1, 9}, []uint64{b.states[0].Revision, b.states[1].Revision, b.states[2].Revision})
}

func TestEveryColumnHasOneValueARow(t *testing.T) {
	b := newBatch()
	id := leadID(1)
	b.add(record(t, schemas.TopicEvents, 0, 0, &pb.Event{EventId: "c", Site: "s", Type: "crm", UserId: "u"}), time.Time{})
	b.add(record(t, schemas.TopicEvents, 0, 1, &pb.Event{EventId: "m", Site: "s", Type: "market", UserId: "u"}), time.Time{})
	b.add(record(t, schemas.TopicEvents, 0, 2, &pb.Event{EventId: "i", Site: "s", Type: "identify", UserId: "u", AnonymousId: "a"}), time.Time{})
	b.add(record(t, schemas.TopicLedger, 0, 0, &pb.LedgerRow{LeadId: id, Site: "s"}), time.Time{})
	b.add(record(t, schemas.TopicStages, 0, 0, &pb.StageRow{LeadId: id, Site: "s", Criteria: []string{"a", "b"}}), time.Time{})
	b.add(record(t, schemas.TopicLeads, 0, 0, &pb.LeadRecord{LeadId: id, Site: "s", Terms: []*pb.Term{{}, {}}}), time.Time{})
	b.seal()
	for _, table := range b.tables() {
		if any(table) == any(b.later) { // its columns are those of events
			continue
		}
		want := 1
		if table.tableName() == "events" {
			want = 3
		}
		require.Equal(t, want, table.rows(), table.tableName())
		require.Len(t, table.receivedAt(), want)
		for _, column := range table.input() {
			require.Equal(t, want, column.Data.Rows(), "%s.%s", table.tableName(), column.Name)
		}
	}
}

func TestValuesOutOfRangeAreClampedAndCounted(t *testing.T) {
	var c clamps
	require.Equal(t, int64(0), c.millis(-1))
	require.Equal(t, maxMillis, c.millis(math.MaxInt64))
	require.Equal(t, int64(5), c.millis(5))
	require.Equal(t, int64(255), c.number(1000, 255))
	require.Equal(t, int64(0), c.number(-7, 255))
	require.Zero(t, c.float(math.NaN()))
	require.Equal(t, math.MaxFloat64, c.float(math.Inf(1)))
	require.Equal(t, -math.MaxFloat64, c.float(math.Inf(-1)))
	require.Equal(t, 1.5, c.float(1.5))
	require.Equal(t, "ab", c.cut("ab", 2))
	require.Equal(t, "a", c.cut("a价", 3), "a character is not cut in half")
	require.Equal(t, "", c.cut("价", 2))
	require.Equal(t, clamps{times: 2, numbers: 2, floats: 3, texts: 2}, c)
}

func TestJSONObject(t *testing.T) {
	for in, want := range map[string]string{"": "{}", "  ": "{}", `{"a":1}`: `{"a":1}`, " {} ": "{}", "{\"a\":\"\xff\"}": "{\"a\":\"\uFFFD\"}"} {
		got, err := jsonObject([]byte(in))
		require.NoError(t, err, in)
		require.Equal(t, want, string(got))
	}
	for in, want := range map[string]string{
		`{"n":1e999}`:                            `{"n":"1e999"}`,
		`{"n":[-99999999999999999999]}`:          `{"n":["-99999999999999999999"]}`,
		`{"n":18446744073709551615}`:             `{"n":18446744073709551615}`,
		`{"n":-9223372036854775808}`:             `{"n":-9223372036854775808}`,
		`{"n":18446744073709551616 }`:            `{"n":"18446744073709551616" }`,
		`{"n":1.5e3,"m":12345678901234567890.5}`: `{"n":1.5e3,"m":12345678901234567890.5}`,
		`{"s":"\ud83d\ude00 \ud83d"}`:            `{"s":"\ud83d\ude00 \ufffd"}`,
		`{"s":"\ude00\ud83d\n\\ud83d"}`:          `{"s":"\ufffd\ufffd\n\\ud83d"}`,
		`{"\ud800":"1e999"}`:                     `{"\ufffd":"1e999"}`,
	} {
		got, err := jsonObject([]byte(in))
		require.NoError(t, err, in)
		require.Equal(t, want, string(got))
	}
	_, err := jsonObject(nested(maxDepth + 1))
	require.ErrorContains(t, err, "nested deeper")
	got, err := jsonObject(nested(maxDepth))
	require.NoError(t, err)
	require.Equal(t, nested(maxDepth), got)
	for _, in := range []string{"[]", "1", `"{}"`, "{", `{"a":}`, "{} {}", "null"} {
		_, err := jsonObject([]byte(in))
		require.Error(t, err, in)
	}
}

func TestFactsReadNumbersAsTextAndTextAsNumbers(t *testing.T) {
	f := readFacts([]byte(`{"id":77,"name":"x","amount":" 12.5 ","count":3,"none":null,"flag":true,"bad":"a lot"}`))
	require.Equal(t, []string{"77", "x", "", "", "true"}, []string{f.text("id"), f.text("name"), f.text("none"), f.text("missing"), f.text("flag")})
	require.Equal(t, []float64{12.5, 3, 0, 0, 0}, []float64{f.number("amount"), f.number("count"), f.number("none"), f.number("bad"), f.number("missing")})
}

func TestALetterTellsWhereTheRecordStood(t *testing.T) {
	rec := &kgo.Record{Topic: "x", Partition: 3, Offset: 9, Key: []byte("k"), Value: []byte("whole")}
	letter := refusedRecord{rec, refuse(reasonRejected, "bad \xff byte, %s", strings.Repeat("long ", 1000))}
	out, err := deadLetter(letter, rec.Value, "note; ", time.UnixMilli(42))
	require.NoError(t, err)
	require.Equal(t, schemas.TopicDeadLetter, out.Topic)
	require.Equal(t, "k", string(out.Key))
	var got pb.DeadLetter
	require.NoError(t, proto.Unmarshal(out.Value, &got))
	require.True(t, strings.HasPrefix(got.Detail, "note; bad \uFFFD byte, long"))
	require.LessOrEqual(t, len(got.Detail), detailBytes+len("note; "))
	got.Detail = ""
	require.True(t, proto.Equal(&pb.DeadLetter{Stage: "sink", Reason: "rejected", Topic: "x", Partition: 3, Offset: 9,
		Key: []byte("k"), Payload: []byte("whole"), At: 42}, &got))
}

// Any bytes in any topic are a row, a refusal or nothing; never a panic, and always an offset to commit.
func FuzzAnyBytes(f *testing.F) {
	for _, m := range []proto.Message{pageView(1), &pb.LedgerRow{LeadId: leadID(1), Site: "s"}, &pb.StageRow{LeadId: leadID(1), Site: "s"},
		&pb.LeadRecord{LeadId: leadID(1), Site: "s", Score: math.NaN(), FallsAt: math.MinInt64, Terms: []*pb.Term{{Anchor: -1}}}} {
		value, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, topic := range []string{schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages, "other"} {
			b := newBatch()
			b.add(&kgo.Record{Topic: topic, Offset: 8, Value: value}, time.Time{})
			b.seal()
			require.Equal(t, int64(9), b.offsets()[topic][0].Offset)
			rows := 0
			for _, table := range b.tables() {
				rows += table.rows()
				for _, column := range table.input() {
					require.Equal(t, table.rows(), column.Data.Rows())
				}
			}
			require.True(t, rows > 0 || len(b.refused) == 1 || value == nil)
		}
	})
}

func TestAnAmountIsANumberOrNothing(t *testing.T) {
	for said, want := range map[string]float64{
		`12.5`: 12.5, `" 7 "`: 7, `"-3"`: -3, `null`: 0, `"many"`: 0, `{}`: 0,
		`"Infinity"`: 0, `"-inf"`: 0, `"NaN"`: 0, `"1e999"`: 0,
	} {
		require.Equal(t, want, readFacts([]byte(`{"amount":`+said+`}`)).number("amount"), said)
	}
	require.Zero(t, readFacts([]byte(`{}`)).number("amount"))
}
