package scoring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"
)

const testPartitions = 4

func TestMain(m *testing.M) {
	embeddedtest.MaybeBroker()
	if addr := os.Getenv(childAddr); addr != "" {
		if os.Getenv(childData) != "" {
			childAll(addr)
		}
		childMain(addr)
	}
	os.Exit(m.Run())
}

// rig is a broker with our topics, and a client for the test itself.
type rig struct {
	t      testing.TB
	broker *kfake.Cluster
	addrs  []string
	client *kgo.Client
	admin  *kadm.Client
	model  *model.Model
	// protocol is the kind of group of its workers; empty is the process's.
	protocol string
	// fallenBy is up to when the oracle lets leads fall to which nothing more happens, Unix ms.
	fallenBy int64
}

// newRig starts a broker; dir "" keeps it in memory.
func newRig(t testing.TB, dir string, partitions int32) *rig {
	t.Helper()
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("scoring-test"),
		kfake.GroupMinSessionTimeout(time.Second),
	}
	if dir != "" {
		opts = append(opts, kfake.DataDir(dir))
	}
	broker, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	r := &rig{t: t, broker: broker, addrs: broker.ListenAddrs(), model: model.Default()}
	r.client, err = kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ProducerLinger(0), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.admin = kadm.NewClient(r.client)
	for _, topic := range schemas.Topics() {
		r.createTopic(topic.Name, partitions)
	}
	r.quickGroups()
	return r
}

// childProtocol is the kind of group; with `consumer` in it, all tests of this package run on next-generation groups.
const childProtocol = "LEADSTREAM_SCORING_TEST_PROTOCOL"

func protocol() string { return cmp.Or(os.Getenv(childProtocol), groupClassic) }

// eachProtocol runs a test on both kinds of group.
func eachProtocol(t *testing.T, test func(t *testing.T, protocol string)) {
	for _, protocol := range []string{groupClassic, groupConsumer} {
		t.Run(protocol, func(t *testing.T) { test(t, protocol) })
	}
}

// quickGroups makes next-generation groups as quick as classic ones: there the broker says how long a
// session is, and how often its members report. Kafka's own 45 s and 5 s are for clusters.
func (r *rig) quickGroups() {
	r.t.Helper()
	set := func(key, value string) kadm.AlterConfig {
		return kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value}
	}
	resp, err := r.admin.AlterBrokerConfigs(context.Background(), []kadm.AlterConfig{
		set("group.consumer.session.timeout.ms", strconv.FormatInt(soakSession.Milliseconds(), 10)),
		set("group.consumer.heartbeat.interval.ms", "200"),
	})
	require.NoError(r.t, err)
	for _, answer := range resp {
		require.NoError(r.t, answer.Err)
	}
}

// close stops the broker, so that another can be started over its folder.
func (r *rig) close() {
	r.client.Close()
	r.broker.Close()
}

func (r *rig) createTopic(name string, partitions int32) {
	r.t.Helper()
	_, err := r.admin.CreateTopic(context.Background(), partitions, 1, nil, name)
	if !errors.Is(err, kerr.TopicAlreadyExists) { // a broker started again
		require.NoError(r.t, err)
	}
}

// config is quick, and keeps its snapshots to itself.
func (r *rig) config() Config {
	cfg := DefaultConfig()
	cfg.CommitInterval = 20 * time.Millisecond
	cfg.SessionTimeout = 2 * time.Second
	cfg.SnapshotDir = ""
	cfg.GroupProtocol = cmp.Or(r.protocol, protocol())
	return cfg
}

// running is a worker at work.
type running struct {
	*Worker
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
	reg    *prometheus.Registry
}

// start runs a worker until the test stops it or ends.
func (r *rig) start(cfg Config, change ...func(*Deps)) *running {
	r.t.Helper()
	w := r.worker(cfg, change...)
	r.runs(w)
	return w
}

// runs sets a worker to work.
func (r *rig) runs(w *running) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- w.Run(ctx) }()
	r.t.Cleanup(func() { w.stop() })
}

// worker makes one that does not run yet.
func (r *rig) worker(cfg Config, change ...func(*Deps)) *running {
	r.t.Helper()
	reg := prometheus.NewRegistry()
	deps := Deps{Log: testLog(r.t), Registry: reg, KafkaOpts: []kgo.Opt{kgo.SeedBrokers(r.addrs...), kgo.MetadataMinAge(100 * time.Millisecond)}, Model: r.model}
	for _, c := range change {
		c(&deps)
	}
	w, err := New(cfg, deps)
	require.NoError(r.t, err)
	return &running{Worker: w, t: r.t, done: make(chan error, 1), reg: reg}
}

func testLog(t testing.TB) *zap.Logger {
	if !testing.Verbose() {
		return zap.NewNop()
	}
	return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
}

// stop ends the worker gracefully.
func (w *running) stop() {
	w.t.Helper()
	w.once.Do(func() {
		w.cancel()
		select {
		case err := <-w.done:
			if err != nil {
				w.t.Errorf("worker ended with: %v", err)
			}
		case <-time.After(time.Minute):
			w.t.Error("worker did not stop within a minute")
		}
	})
}

// holds are the partitions that a worker's loop takes for its own.
func (w *running) holds() (nums []int32) {
	s := w.live.Load()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.parts))
}

// counter reads one instrument: the sum over its labels.
func (w *running) counter(name string) float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	require.NoError(w.t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

// send writes events in order and waits until they stand.
func (r *rig) send(events ...*pb.Event) {
	r.t.Helper()
	records := make([]*kgo.Record, len(events))
	for i, ev := range events {
		b, err := proto.Marshal(ev)
		require.NoError(r.t, err)
		records[i] = &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: b}
	}
	require.NoError(r.t, r.client.ProduceSync(context.Background(), records...).FirstErr())
}

// sendRaw writes one record as it is.
func (r *rig) sendRaw(topic, key string, value []byte) {
	r.t.Helper()
	require.NoError(r.t, r.client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Key: []byte(key), Value: value}).FirstErr())
}

// settled waits until the group has committed everything there is.
func (r *rig) settled(group string) {
	r.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		behind := r.behind(group)
		if behind == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the worker is still %d events behind", behind)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *rig) behind(group string) (n int64) {
	ctx := context.Background()
	ends, err := r.admin.ListEndOffsets(ctx, schemas.TopicEvents)
	require.NoError(r.t, err)
	committed, err := r.admin.FetchOffsets(ctx, group)
	if err != nil {
		return 1 << 30 // the group does not exist yet
	}
	ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if o, ok := committed.Lookup(end.Topic, end.Partition); ok {
			at = max(o.At, 0)
		}
		n += end.Offset - at
	})
	return n
}

// visits makes a seeded stream of n events of some visitors, with repeats and bots.
func visits(seed uint64, n, visitors int) []*pb.Event {
	rnd := rand.New(rand.NewPCG(seed, seed))
	paths := []string{"/", "/pricing", "/docs", "/blog/long", "/demo", "/product"}
	types := []string{"page", "page", "page", "click", "dwell", "form", "scroll", "identify", "track"}
	now := time.Now().UnixMilli()
	out := make([]*pb.Event, 0, n)
	for i := range n {
		if i > 10 && rnd.IntN(10) == 0 {
			out = append(out, proto.CloneOf(out[rnd.IntN(i)])) // a repeat
			continue
		}
		v := rnd.IntN(visitors)
		ev := &pb.Event{
			EventId: fmt.Sprintf("%d-%d", seed, i), Site: "demo", Type: types[rnd.IntN(len(types))],
			AnonymousId: fmt.Sprintf("visitor-%d-%d", seed, v), ReceivedAt: now + int64(i)/10, EventTime: now + int64(i)/10 - int64(rnd.IntN(100_000)),
			SessionId: fmt.Sprintf("s%d-%d", v, rnd.IntN(4)), ViewId: fmt.Sprintf("v%d-%d", v, rnd.IntN(20)),
			Path: paths[rnd.IntN(len(paths))], Host: "example.test", EngagedMs: uint32(rnd.IntN(120_000)), ScrollPct: uint32(rnd.IntN(100)),
			Name: "Demo Requested", Bot: rnd.IntN(30) == 0, Protocol: "native",
		}
		if ev.Type == "identify" {
			ev.Traits = []byte(fmt.Sprintf(`{"email":"u%d@example.test","title":"CTO"}`, v))
		}
		out = append(out, ev)
	}
	return out
}
