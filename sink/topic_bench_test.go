package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// envInt is a size that a bench is told: EVENTS=5000000 make bench-sink.
func envInt(name string, otherwise int) int {
	if told, err := strconv.Atoi(os.Getenv(name)); err == nil && told > 0 {
		return told
	}
	return otherwise
}

// benchEvent varies as traffic does: visitors come back, pages, campaigns and agents repeat, ids do not.
func benchEvent(n int) *pb.Event {
	ev := pageView(n)
	h := uint32(n) * 2654435761
	page := h % 200
	ev.EventId = fmt.Sprintf("%08x-%08x-%08x", h, n, h^0x9e3779b9)
	ev.AnonymousId = fmt.Sprintf("%08x%08x", (h%50_000)*40503, h%50_000)
	ev.SessionId, ev.ViewId = fmt.Sprintf("%08x%04x", n/12*7919, h%50_000), fmt.Sprintf("%012x", n*31)
	ev.Path, ev.Title = fmt.Sprintf("/docs/page-%d", page), fmt.Sprintf("How to do thing %d", page)
	ev.Url = "https://example.com" + ev.Path + "?utm_source=" + []string{"mail", "ads", "social"}[h%3]
	ev.UtmCampaign, ev.Country = fmt.Sprintf("campaign-%d", h%40), []string{"DE", "US", "CN", "FR", "GB"}[h%5]
	ev.UserAgent = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 90+h%60, 90+h%60)
	ev.Ip = fmt.Sprintf("203.0.113.%d", h%256)
	ev.EventTime = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixMilli() + int64(n)*20
	ev.ReceivedAt = ev.EventTime + 80
	ev.EngagedMs, ev.ScrollPct = h%120_000, h%101
	ev.Properties = fmt.Appendf(nil, `{"plan":"%s","seats":%d,"annual":%t,"price":%d.5}`, []string{"team", "solo", "corp"}[h%3], h%40, h%2 == 0, h%90)
	return ev
}

// benchStage is a server of its own, whose processor time and folders are known, and a topic of events.
type benchStage struct {
	*rig
	own      *embedded.ClickHouse
	dir      string
	events   int
	blocks   *sealedBlocks      // the same events as bytes, ready to send
	unpacked map[string]float64 // bytes a row, by way
}

// BenchmarkTopic moves the same topic into the same table in three ways, in turn: raw blocks whose bytes were made before the clock
// starts, this sink (a process of its own, from its start to the last row), and ClickHouse's own Kafka engine with
// a materialised view. Each must leave the same rows. EVENTS sizes the topic (300,000), ROUNDS repeats the three (1).
func BenchmarkTopic(b *testing.B) {
	s := newBenchStage(b, envInt("EVENTS", 300_000))
	for range envInt("ROUNDS", 1) {
		b.Run("raw", s.each(s.raw))
		b.Run("sink", s.each(s.sink))
		b.Run("kafka-engine", s.each(s.engine))
	}
}

func newBenchStage(b *testing.B, events int) *benchStage {
	cfg := embedded.DefaultClickHouseConfig()
	cfg.Dir, cfg.Addr, cfg.HTTPAddr = b.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	own, err := embedded.StartClickHouse(b.Context(), cfg, os.Stderr)
	require.NoError(b, err)
	b.Cleanup(func() { _ = own.Stop(context.Background()) })
	store := embedded.DefaultBrokerConfig()
	store.Dir, store.Addr, store.RetentionBytes = "", "127.0.0.1:0", 16<<30
	broker, err := embedded.StartBroker(b.Context(), store)
	require.NoError(b, err)
	b.Cleanup(func() { _ = broker.Close() })
	s := &benchStage{rig: &rig{T: new(testing.T), brokers: broker.Addrs(), server: clickhouse.DefaultConfig()}, own: own, dir: cfg.Dir, events: events, unpacked: map[string]float64{}}
	s.server.Addr, s.server.Compression = own.DSN("bench"), "none"
	require.NoError(b, clickhouse.EnsureDatabase(b.Context(), s.server))
	s.conn = migrated(b, s.server)
	s.producer, err = kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(20*time.Millisecond))
	require.NoError(b, err)
	b.Cleanup(s.producer.Close)
	_, err = kadm.NewClient(s.producer).CreateTopics(b.Context(), 4, 1, nil, schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages, schemas.TopicDeadLetter, twinTopic)
	require.NoError(b, err)
	s.fill(b)
	return s
}

// fill produces the topic, and seals the same events in blocks as the sink would make them.
func (s *benchStage) fill(b *testing.B) {
	s.blocks = newSealedBlocks(b)
	for n := range s.events {
		ev := benchEvent(n)
		value, err := proto.Marshal(ev)
		require.NoError(b, err)
		rec := &kgo.Record{Topic: schemas.TopicEvents, Partition: int32(n % 4), Value: value, Offset: int64(n)}
		s.blocks.add(b, rec)
		s.producer.Produce(b.Context(), &kgo.Record{Topic: rec.Topic, Partition: rec.Partition, Value: value}, nil)
		s.producer.Produce(b.Context(), &kgo.Record{Topic: twinTopic, Partition: rec.Partition, Value: line(b, ev)}, nil)
	}
	s.blocks.cut(b)
	require.NoError(b, s.producer.Flush(b.Context()))
}

// each times one way from an empty table to the last row, and both processors' time.
func (s *benchStage) each(way func(*testing.B) time.Duration) func(*testing.B) {
	return func(b *testing.B) {
		require.NoError(b, s.conn.Exec(b.Context(), "TRUNCATE TABLE events"))
		server, began := processTime(b, s.own.PID()), time.Now()
		client := way(b)
		rows := float64(s.events)
		b.ReportMetric(rows/time.Since(began).Seconds(), "rows/s")
		b.ReportMetric(float64(client.Nanoseconds())/1e3/rows, "client-us/row")
		b.ReportMetric(float64((processTime(b, s.own.PID())-server).Nanoseconds())/1e3/rows, "server-us/row")
		b.ReportMetric(0, "ns/op")
		s.requireSameRows(b)
	}
}

// requireSameRows holds the three ways to the same work: every event once, and about the same bytes before they are packed (on disk they
// depend on how much is merged by now). Blocks sent again and again once merged away to a quarter, and were a peer of half the work.
func (s *benchStage) requireSameRows(b *testing.B) {
	var parts, size, unpacked float64
	var ids uint64
	require.NoError(b, s.conn.QueryRow(b.Context(), `SELECT toFloat64(count()), toFloat64(sum(bytes_on_disk)), toFloat64(sum(data_uncompressed_bytes)) FROM system.parts
		WHERE active AND database = currentDatabase() AND table = 'events'`).Scan(&parts, &size, &unpacked))
	require.NoError(b, s.conn.QueryRow(b.Context(), "SELECT uniqExact(event_id) FROM events").Scan(&ids))
	require.EqualValues(b, s.events, ids)
	b.ReportMetric(parts, "parts")
	b.ReportMetric(size/float64(s.events), "disk-B/row")
	way := b.Name()[strings.LastIndexByte(b.Name(), '/')+1:]
	s.unpacked[strings.TrimRight(way, "#0123456789")] = unpacked / float64(s.events)
	if raw, sink := s.unpacked["raw"], s.unpacked["sink"]; raw > 0 && sink > 0 {
		require.InEpsilon(b, raw, sink, 0.1, "bytes a row: the raw blocks are not the sink's rows")
	}
}

// awaitRows waits for the topic's rows; a way that brings none for two minutes has failed.
func (s *benchStage) awaitRows(b *testing.B) {
	last, since := uint64(0), time.Now()
	for n := uint64(0); n < uint64(s.events); {
		// Asking costs the server what the way under test then lacks: seldom, but near the end.
		time.Sleep(20 * time.Millisecond)
		if n < uint64(s.events)*9/10 {
			time.Sleep(400 * time.Millisecond)
		}
		require.NoError(b, s.conn.QueryRow(b.Context(), "SELECT count() FROM events").Scan(&n))
		if n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) > 2*time.Minute {
			var said string
			_ = s.conn.QueryRow(b.Context(), "SELECT toString(groupArray((num_messages_read, exceptions.text))) FROM system.kafka_consumers").Scan(&said)
			b.Fatalf("%d of %d rows; the engine says: %s", n, s.events, said)
		}
	}
}

// sink runs the stage as it is shipped, with a group that has committed nothing.
func (s *benchStage) sink(b *testing.B) time.Duration {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childBrokers+"="+strings.Join(s.brokers, ","), childServer+"="+s.server.Addr, childGroup+"="+fmt.Sprint("bench-", time.Now().UnixNano()))
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	s.awaitRows(b)
	used := processTime(b, cmd.Process.Pid)
	require.NoError(b, cmd.Process.Kill())
	_ = cmd.Wait()
	return used
}

// engine lets the server read a twin of the topic itself: the same events as lines of JSON, because the embedded library finds
// no schema file for Protobuf. JSON is more bytes, and text to read; its lead id is a hash cheaper than the product's.
func (s *benchStage) engine(b *testing.B) time.Duration {
	var columns, names string
	require.NoError(b, s.conn.QueryRow(b.Context(), `SELECT arrayStringConcat(groupArray(concat(name, ' ', multiIf(name IN ('properties', 'consent'), 'String', name IN ('event_time', 'received_at'), 'Int64', name = 'scroll_pct', 'UInt32', type))), ', '),
			arrayStringConcat(groupArray(name), ', ')
		FROM system.columns WHERE database = currentDatabase() AND table = 'events' AND name IN (`+engineColumns+`)`).Scan(&columns, &names))
	for _, statement := range []string{
		"DROP TABLE IF EXISTS topic_view", "DROP TABLE IF EXISTS topic SYNC",
		fmt.Sprintf(`CREATE TABLE topic (%s) ENGINE = Kafka SETTINGS kafka_broker_list = '%s', kafka_topic_list = '%s', kafka_group_name = 'engine-%d', kafka_format = 'JSONEachRow',
			kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_max_block_size = 65536, kafka_flush_interval_ms = 1000`,
			columns, strings.Join(s.brokers, ","), twinTopic, time.Now().UnixNano()),
		`CREATE MATERIALIZED VIEW topic_view TO events AS SELECT * REPLACE (fromUnixTimestamp64Milli(event_time) AS event_time, fromUnixTimestamp64Milli(received_at) AS received_at,
			CAST(if(properties = '', '{}', properties) AS JSON(max_dynamic_paths = 64)) AS properties),
			reinterpretAsUUID(sipHash128(site, anonymous_id)) AS lead_id, _partition AS kafka_partition, _offset AS kafka_offset FROM topic`,
	} {
		require.NoError(b, s.conn.Exec(b.Context(), statement))
	}
	s.awaitRows(b)
	require.NoError(b, s.conn.Exec(b.Context(), "DROP TABLE topic_view"))
	require.NoError(b, s.conn.Exec(b.Context(), "DROP TABLE topic SYNC"))
	return 0 // all of it is the server's
}

const twinTopic = "bench.events.json"

// line is an event as a line of JSON, its properties as text.
func line(b *testing.B, ev *pb.Event) []byte {
	properties := ev.Properties
	ev.Properties = nil
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(ev)
	require.NoError(b, err)
	quoted, err := json.Marshal(string(properties))
	require.NoError(b, err)
	return append(append(append(text[:len(text)-1], `,"properties":`...), quoted...), '}')
}

// engineColumns are the columns of events that a record carries by the same name.
const engineColumns = `'site','event_id','event_time','received_at','type','name','anonymous_id','user_id','session_id','view_id','url','host','path','title','referrer','referrer_host',
	'channel','utm_source','utm_medium','utm_campaign','utm_term','utm_content','engaged_ms','scroll_pct','properties','traits','group_id','ip','user_agent','locale','country','region','city',
	'device','browser','os','protocol','library','bot','consent','trusted'`

// processTime is a process's processor time, out of Linux' /proc, where a tick is 10 ms.
func processTime(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
