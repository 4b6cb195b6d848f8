package sink

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

func TestMain(m *testing.M) {
	if os.Getenv(childBrokers) != "" {
		runChild()
	}
	embeddedtest.Main(m)
}

// runChild is a sink in a process of its own, to be killed.
func runChild() {
	server := clickhouse.DefaultConfig()
	server.Addr = os.Getenv(childServer)
	cfg, opts := quick(), []kgo.Opt{kgo.SeedBrokers(strings.Split(os.Getenv(childBrokers), ",")...)}
	cfg.SessionTimeout = 2 * time.Second             // the killed one's partitions are soon free; shorter, a busy machine throws the living one out
	if group := os.Getenv(childGroup); group != "" { // for a bench: as it is shipped
		cfg = DefaultConfig()
		cfg.Group, server.Compression = group, "none"
	}
	s, err := New(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry(), ClickHouse: server, KafkaOpts: opts})
	if err == nil {
		err = s.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, "child:", err)
	os.Exit(1)
}

const testPartitions = 3

// rig is a broker with the topics, a database with the tables, and hands to
// put records into one and look into the other.
type rig struct {
	*testing.T
	brokers  []string
	server   clickhouse.Config
	conn     clickhouse.Conn
	producer *kgo.Client
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, embeddedtest.Broker(t))
}

func newRigOn(t *testing.T, brokers []string) *rig {
	t.Helper()
	r := &rig{T: t, brokers: brokers}
	r.server = clickhouse.DefaultConfig()
	r.emptyTables()
	var err error
	r.producer, err = kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	r.createTopics()
	return r
}

// emptyTables gives the rig the tables of the newest release, without rows.
func (r *rig) emptyTables() {
	r.Helper()
	r.server.Addr = tables.Database(r)
	var err error
	r.conn, err = clickhouse.Open(r.Context(), r.server)
	require.NoError(r, err)
	r.Cleanup(func() { _ = r.conn.Close() })
}

var tables = embeddedtest.Tables{Make: func(t testing.TB, dsn string) {
	server := clickhouse.DefaultConfig()
	server.Addr = dsn
	migrated(t, server)
}}

// ownTables gives the rig tables that it may change.
func (r *rig) ownTables() {
	r.Helper()
	r.server.Addr = embeddedtest.ClickHouse(r)
	r.conn = migrated(r, r.server)
}

func migrated(t testing.TB, server clickhouse.Config) clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(t.Context(), server)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = clickhouse.Migrate(t.Context(), conn, schemas.Tables(), clickhouse.MigrateOptions{})
	require.NoError(t, err)
	return conn
}

func (r *rig) createTopics() {
	r.Helper()
	admin := kadm.NewClient(r.producer)
	for _, topic := range schemas.Topics() {
		_, err := admin.CreateTopic(r.Context(), testPartitions, 1, nil, topic.Name)
		require.NoError(r, err)
	}
}

// quick is a config for tests: small batches, short pauses.
func quick() Config {
	cfg := DefaultConfig()
	cfg.Batch.Age = 20 * time.Millisecond
	cfg.RetryMax = 100 * time.Millisecond
	return cfg
}

// running is a sink at work.
type running struct {
	*Sink
	stop     context.CancelFunc
	done     chan error
	registry *prometheus.Registry
}

func (r *rig) start(cfg Config, opts ...kgo.Opt) *running {
	r.Helper()
	return r.startAgainst(cfg, r.server, opts...)
}

func (r *rig) startAgainst(cfg Config, server clickhouse.Config, opts ...kgo.Opt) *running {
	r.Helper()
	registry := prometheus.NewPedanticRegistry()
	s, err := New(cfg, Deps{
		Log:        zaptest.NewLogger(r, zaptest.Level(zap.WarnLevel)),
		Registry:   registry,
		KafkaOpts:  append([]kgo.Opt{kgo.SeedBrokers(r.brokers...)}, opts...),
		ClickHouse: server,
	})
	require.NoError(r, err)
	ctx, stop := context.WithCancel(context.Background())
	run := &running{Sink: s, stop: stop, done: make(chan error, 1), registry: registry}
	go func() { run.done <- s.Run(ctx) }()
	r.Cleanup(func() { stop(); <-run.done })
	return run
}

// stopped stops the sink and gives Run's answer.
func (run *running) stopped() error {
	run.stop()
	err := <-run.done
	run.done <- err // for the cleanup
	return err
}

// put produces messages to one partition of a topic, in order.
func (r *rig) put(topic string, part int32, messages ...proto.Message) {
	r.Helper()
	for _, m := range messages {
		value, err := proto.Marshal(m)
		require.NoError(r, err)
		r.putBytes(topic, part, value)
	}
	require.NoError(r, r.producer.Flush(r.Context()))
}

func (r *rig) putBytes(topic string, part int32, value []byte) {
	r.producer.Produce(r.Context(), &kgo.Record{Topic: topic, Partition: part, Key: []byte("key"), Value: value},
		func(_ *kgo.Record, err error) {
			if err != nil {
				r.Error(err)
			}
		})
}

// value asks ClickHouse for one value, as text; a row that is not there yet is NULL.
func (r *rig) value(query string, args ...any) string {
	r.Helper()
	var v string
	require.NoError(r, r.conn.QueryRow(r.Context(), "SELECT ifNull(toString(("+query+")), 'NULL')", args...).Scan(&v), query)
	return v
}

// eventually waits until a query has the answer.
func (r *rig) eventually(want, query string, args ...any) {
	r.Helper()
	var got string
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if got = r.value(query, args...); got == want {
			return
		}
	}
	require.Equal(r, want, got, query)
}

// sum adds up the samples of one metric; labels are name, value pairs.
func (run *running) sum(t testing.TB, name string, labels ...string) (total float64) {
	t.Helper()
	families, err := run.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, pair := range m.GetLabel() {
				has[pair.GetName()] = pair.GetValue()
			}
			match := true
			for i := 0; i < len(labels); i += 2 {
				match = match && has[labels[i]] == labels[i+1]
			}
			if match {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return total
}

// pageView is an event as the pipeline would make it.
func pageView(n int) *pb.Event {
	now := time.Now().UnixMilli()
	return &pb.Event{
		EventId: fmt.Sprintf("e%06d", n), Site: "demo", Type: "page", Name: "Pricing",
		AnonymousId: fmt.Sprintf("a%04d", n%500), EventTime: now - int64(n%1000), ReceivedAt: now,
		SessionId: fmt.Sprintf("s%05d", n/10), ViewId: fmt.Sprintf("v%06d", n),
		Url: "https://example.com/pricing?utm_source=mail", Host: "example.com", Path: "/pricing", Title: "Pricing",
		Referrer: "https://news.example.org/a", ReferrerHost: "news.example.org", Channel: "mail", UtmSource: "mail",
		Properties: []byte(`{"plan":"team","seats":12,"annual":true}`),
		Ip:         "203.0.113.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", Locale: "en-GB", Country: "GB", Device: "desktop",
		Browser: "Firefox", Os: "Linux", Protocol: "native", Library: "tracker.js/1", Consent: pb.Consent_CONSENT_FULL,
	}
}

// leadID is a lead's id in bytes.
func leadID(n int) []byte {
	id := schemas.NewLeadID(schemas.EventKey("demo", fmt.Sprintf("a%04d", n), ""))
	return id[:]
}

// committedAll tells whether the group has committed every offset of every topic.
func (r *rig) committedAll() bool {
	r.Helper()
	admin := kadm.NewClient(r.producer)
	topics := []string{schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages}
	ends, err := admin.ListEndOffsets(r.Context(), topics...)
	require.NoError(r, err)
	committed, err := admin.FetchOffsets(r.Context(), DefaultConfig().Group)
	require.NoError(r, err)
	all := true
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		all = all && (end.Offset == 0 || ok && at.At == end.Offset)
	})
	return all
}

// produceView puts an event without waiting for it.
func (r *rig) produceView(ev *pb.Event, part int32) {
	r.Helper()
	value, err := proto.Marshal(ev)
	require.NoError(r, err)
	r.putBytes(schemas.TopicEvents, part, value)
}
