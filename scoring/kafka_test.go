//go:build kafka

package scoring

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/embedded/apachekafka"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// sessionTimeout is longer than the 3 s that the cluster needs to notice a dead coordinator.
const sessionTimeout = 6 * time.Second

// newKafkaRig is the rig on a real cluster: three replicas, two of them enough, and a changelog that
// is compacted every few seconds, under the workers that restore from it.
func newKafkaRig(t *testing.T, cluster *apachekafka.Cluster) *rig {
	t.Helper()
	r := &rig{t: t, addrs: cluster.Addrs(), model: model.Default()}
	var err error
	r.client, err = kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ProducerLinger(oneBatch), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.admin = kadm.NewClient(r.client)
	var topics []kafka.Topic
	for _, topic := range schemas.Topics() {
		configs := map[string]string{}
		if topic.Compacted {
			configs = map[string]string{"cleanup.policy": "compact", "segment.ms": "3000", "min.cleanable.dirty.ratio": "0.01"}
		}
		topics = append(topics, kafka.Topic{Name: topic.Name, Partitions: schemas.DefaultPartitions, Configs: configs})
	}
	require.NoError(t, kafka.EnsureTopics(t.Context(), r.client, topics))
	return r
}

// feeder sends visits, and leads that are about to fall, until it is told to stop, and remembers what was acknowledged.
type feeder struct {
	stop    chan struct{}
	done    chan struct{}
	fallers *fallers // the feeder's, until it has ended
	mu      sync.Mutex
	acked   map[string]bool
	failed  error
}

func (r *rig) feed() *feeder {
	f := &feeder{stop: make(chan struct{}), done: make(chan struct{}), fallers: newFallers(), acked: map[string]bool{}}
	go func() {
		defer close(f.done)
		for seed := uint64(1); ; seed++ {
			// Every fourth batch was sent before, whole: the same ids, seconds later.
			for _, ev := range append(visits(seed-seed%4/3*3, 100, 30), f.fallers.due(time.Now())...) {
				f.produce(r, ev)
			}
			if err := r.client.Flush(context.Background()); err != nil { // no batch is open when the next begins
				panic(err) // only a context that ends does that
			}
			select {
			case <-f.stop:
				return
			case <-time.After(250 * time.Millisecond): // what piles up on a loaded machine while brokers are dead is read for minutes
			}
		}
	}()
	return f
}

func (f *feeder) produce(r *rig, ev *pb.Event) {
	b, err := proto.Marshal(ev)
	if err != nil {
		panic(err)
	}
	key := []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId))
	r.client.Produce(context.Background(), &kgo.Record{Topic: schemas.TopicEvents, Key: key, Value: b, Timestamp: time.UnixMilli(ev.ReceivedAt)}, func(_ *kgo.Record, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			f.failed = err
			return
		}
		f.acked[ev.EventId] = true
	})
}

// end stops the feeder; everything it sent must have been acknowledged, for it had all the time.
func (f *feeder) end(t *testing.T) {
	t.Helper()
	close(f.stop)
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NoError(t, f.failed)
}

// crew is the workers of the soak: two processes that are killed, and one in this process that is
// stopped as an operator stops one.
type crew struct {
	*rig
	protocol string
	kills    [2]func()
}

func (c *crew) hire(slot int) {
	// What came while nobody had a partition is caught up with at the end. On a busy machine a transaction takes the
	// brokers a second: of 100 records each, as a child's are, that lasts longer than all the rest.
	env := []string{childID + "=soak-" + strconv.Itoa(slot), childSession + "=" + sessionTimeout.String(), childProtocol + "=" + c.protocol, childRecords + "=2000"}
	if testing.Verbose() {
		env = append(env, childLog+"=info")
	}
	c.kills[slot] = c.child(env...)
}

// replace kills a process at a moment nobody chose, and starts its successor of the same slot.
func (c *crew) replace(slot int) {
	time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
	c.kills[slot]()
	c.hire(slot)
}

func TestExactlyOnceOnApacheKafka(t *testing.T) { exactlyOnce(t, groupClassic) }

func TestExactlyOnceInANextGenerationGroupOnApacheKafka(t *testing.T) { exactlyOnce(t, groupConsumer) }

func exactlyOnce(t *testing.T, protocol string) {
	cluster := embeddedtest.Kafka(t, 3)
	r := newKafkaRig(t, cluster)
	group := DefaultConfig().Group
	t.Cleanup(func() { r.autopsy(group) })
	c := &crew{rig: r, protocol: protocol}
	feeder := r.feed()

	c.hire(0)
	r.progress(group)
	c.hire(1)
	cfg := r.config()
	cfg.TransactionalID, cfg.SessionTimeout, cfg.GroupProtocol = "soak-2", sessionTimeout, protocol
	third := r.start(cfg)
	require.Eventually(t, func() bool { return third.Ready(t.Context()) == nil && len(third.holds()) > 0 }, time.Minute, 10*time.Millisecond, "the third worker has no part of the work")
	t.Log("scaled 1 -> 3")

	for broker := range cluster.Size() {
		cluster.Kill(broker)
		c.replace(broker % 2)
		time.Sleep(time.Second)
		require.NoError(t, cluster.Restart(t.Context(), broker))
		require.NoError(t, cluster.AwaitInSync(t.Context()))
		r.progress(group)
		c.replace((broker + 1) % 2)
		moved, err := cluster.MoveLeaders(t.Context())
		require.NoError(t, err)
		r.progress(group)
		t.Logf("broker %d and both processes killed and back, %d leaders moved", broker, moved)
	}

	third.stop()
	r.progress(group)
	t.Log("scaled 3 -> 2")
	i, err := cluster.Bounce(t.Context(), 100*time.Millisecond) // back before anybody noticed
	require.NoError(t, err)
	r.progress(group)
	t.Logf("broker %d killed and back at once", i)

	feeder.end(t)
	r.caughtUp(group)
	r.awaitFalls(feeder.fallers)
	for _, kill := range c.kills {
		kill()
	}
	r.requireAcknowledged(feeder)
	r.requireTruth()
	r.requireFalls(feeder.fallers, true)
	truth := r.written()
	t.Logf("%d events of %d ids, %d leads, %d ledger rows, %d stage rows, %d of them falls: as the oracle says",
		len(r.read(schemas.TopicEvents)), len(feeder.acked), len(truth.leads), len(truth.ledger), len(truth.stages), len(feeder.fallers.sent))
	t.Logf("the third worker: %v sessions begun again, %v skips by the fence", third.counter("leadstream_scoring_session_restarts_total"), third.counter("leadstream_scoring_fence_skips_total"))
}

// requireAcknowledged wants every acknowledged event in the topic.
func (r *rig) requireAcknowledged(f *feeder) {
	r.t.Helper()
	stand := map[string]bool{}
	for _, rec := range r.read(schemas.TopicEvents) {
		ev := new(pb.Event)
		require.NoError(r.t, proto.Unmarshal(rec.Value, ev))
		stand[ev.EventId] = true
	}
	require.NotEmpty(r.t, f.acked)
	for id := range f.acked {
		require.True(r.t, stand[id], "event %s was acknowledged, and is gone", id)
	}
}

// autopsy says after a failure what the cluster thinks: which partitions are behind, which
// transactions are open, and who holds the last stable offset back.
func (r *rig) autopsy(group string) {
	if !r.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, topic := range schemas.Topics() {
		ends, err := r.admin.ListEndOffsets(ctx, topic.Name)
		stable, err2 := r.admin.ListCommittedOffsets(ctx, topic.Name)
		committed, err3 := r.admin.FetchOffsets(ctx, group)
		r.t.Log(topic.Name, err, err2, err3)
		ends.Each(func(end kadm.ListedOffset) {
			lso, _ := stable.Lookup(end.Topic, end.Partition)
			at, ok := committed.Lookup(end.Topic, end.Partition)
			if lso.Offset != end.Offset || ok && at.At != end.Offset {
				r.t.Logf("  %d: end %d, stable %d, committed %d", end.Partition, end.Offset, lso.Offset, at.At)
			}
		})
	}
	open, err := r.admin.DescribeTransactions(ctx)
	r.t.Log("transactions", err)
	for _, txn := range open.Sorted() {
		r.t.Logf("  %+v", txn)
	}
}
