package scoring

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// nextGen is a worker's configuration in a next-generation group.
func (r *rig) nextGen(slot int) Config {
	cfg := r.config()
	cfg.GroupProtocol, cfg.TransactionalID = groupConsumer, fmt.Sprintf("scoring-%d", slot)
	return cfg
}

// sharedOut waits until the workers have all partitions, each at least one, and none has one that
// another has, and that this stays so.
func (r *rig) sharedOut(partitions int, workers ...*running) {
	r.t.Helper()
	deadline, since := time.Now().Add(time.Minute), time.Now()
	for time.Since(since) < 400*time.Millisecond { // two heartbeats
		held, each, who := []int32{}, true, ""
		for _, w := range workers {
			nums := w.holds()
			held, each = append(held, nums...), each && len(nums) > 0
			who += fmt.Sprintf(" %s %v", w.cfg.TransactionalID, nums)
		}
		slices.Sort(held)
		if !each || len(held) != partitions || len(slices.Compact(held)) != partitions {
			since = time.Now()
		}
		require.False(r.t, since.After(deadline), "a partition has two owners, or none:%s", who)
		time.Sleep(10 * time.Millisecond)
	}
}

// TestAnIdleWorkerLetsGoOfEveryPartitionItLoses: GroupTransactSession tells of the first loss and swallows
// all others until a transaction ends, and one who is idle ends none.
func TestAnIdleWorkerLetsGoOfEveryPartitionItLoses(t *testing.T) {
	t.Parallel() // most of it is waiting
	const partitions = 12
	r := newRig(t, "", partitions)
	r.send(visits(1, 200, 40)...)
	workers := []*running{r.start(r.nextGen(0))}
	r.settled(workers[0].cfg.Group)
	for slot := 1; slot < 4; slot++ { // each takes some of everyone
		workers = append(workers, r.start(r.nextGen(slot)))
		r.sharedOut(partitions, workers...)
	}
	for len(workers) > 1 { // and gives it back
		workers[0].stop()
		workers = workers[1:]
		r.sharedOut(partitions, workers...)
	}
	r.send(visits(1, 400, 40)...)
	r.send(visits(2, 400, 40)...)
	r.settled(workers[0].cfg.Group)
	workers[0].stop()
	r.requireTruth()
}

// TestABusyWorkerLetsGoOfEveryPartitionItLoses: the loop is in the middle of a fold while the group changes
// once and again. What it folded of a partition that it lost is undone, and the second loss is heard too.
func TestABusyWorkerLetsGoOfEveryPartitionItLoses(t *testing.T) {
	t.Parallel() // most of it is waiting
	const partitions = 12
	r := newRig(t, "", partitions)
	r.send(visits(1, 300, 40)...)
	var stuck atomic.Pointer[sync.WaitGroup]
	a := r.worker(r.nextGen(0))
	a.apply = func(l *model.Lead, ev *pb.Event, src *pb.Source) model.Outcome {
		if wait := stuck.Load(); wait != nil {
			wait.Wait()
		}
		return r.model.Apply(l, ev, src)
	}
	r.runs(a)
	r.settled(a.cfg.Group)
	require.Len(t, a.holds(), partitions)

	var wait sync.WaitGroup
	wait.Add(1)
	stuck.Store(&wait)
	r.send(visits(2, 300, 40)...)
	require.Eventually(t, func() bool { return r.behind(a.cfg.Group) > 0 }, time.Minute, time.Millisecond)
	workers := []*running{a}
	for slot := 1; slot < 4; slot++ {
		workers = append(workers, r.start(r.nextGen(slot)))
		time.Sleep(700 * time.Millisecond) // several heartbeats, each of which may tell of a loss
	}
	stuck.Store(nil)
	wait.Done()
	r.sharedOut(partitions, workers...)
	r.send(visits(1, 300, 40)...)
	r.settled(a.cfg.Group)
	for _, w := range workers {
		w.stop()
	}
	r.requireTruth()
}

// TestARestoreGoesOnWhileTheGroupChanges: the client ends its own wait for a restore with every change of
// the assignment. The restore begins only once.
func TestARestoreGoesOnWhileTheGroupChanges(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, "", testPartitions)
	r.send(visits(1, 200, 10)...)
	ctx := context.Background()
	open, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.TransactionalID("slow"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(open.Close)
	require.NoError(t, open.BeginTransaction())
	for num := range int32(testPartitions) { // every restore has to wait for the end of this
		require.NoError(t, open.ProduceSync(ctx, &kgo.Record{Topic: schemas.TopicLeads, Partition: num, Key: []byte("x")}).FirstErr())
	}
	a := r.start(r.nextGen(0))
	restores := func() int {
		s := a.live.Load()
		if s == nil {
			return 0
		}
		s.moves.mu.Lock()
		defer s.moves.mu.Unlock()
		different := map[*bringing]bool{}
		for _, b := range s.moves.brought {
			different[b] = true
		}
		return len(different)
	}
	require.Eventually(t, func() bool { return restores() == 1 }, time.Minute, 5*time.Millisecond)
	b := r.start(r.nextGen(1))
	time.Sleep(time.Second)
	require.Equal(t, 1, restores())
	require.Error(t, a.Ready(ctx))
	require.NoError(t, open.EndTransaction(ctx, kgo.TryAbort))
	r.sharedOut(testPartitions, a, b)
	r.settled(a.cfg.Group)
	a.stop()
	b.stop()
	r.requireTruth()
}

// TestAnotherAssignorIsRefused: partition p of events and of routed would land on different workers.
func TestAnotherAssignorIsRefused(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.worker(r.nextGen(0))
	w.pause = 10 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- w.Run(t.Context()) }()
	require.Eventually(t, func() bool { return len(w.holds()) == testPartitions }, time.Minute, 5*time.Millisecond)
	other, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumerGroup(w.cfg.Group), kgo.ConsumeTopics(schemas.TopicEvents, schemas.TopicRouted),
		kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()), kgo.DisableAutoCommit())
	require.NoError(t, err)
	t.Cleanup(other.Close)
	require.Eventually(t, func() bool { return w.counter("leadstream_scoring_session_restarts_total") > 0 }, time.Minute, 5*time.Millisecond)
}

func TestABrokerWithoutNextGenerationGroupsIsRefused(t *testing.T) {
	old := kversion.V4_0_0()
	old.SetMaxKeyVersion(68, -1)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(old), kfake.SeedTopics(testPartitions, schemas.TopicEvents))
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	r := &rig{t: t, addrs: broker.ListenAddrs(), model: model.Default()}
	err = r.worker(r.nextGen(0)).Run(t.Context())
	require.ErrorContains(t, err, "scoring: group_protocol is consumer, but broker 0 serves no such groups: that takes Kafka 4.0; set scoring.group_protocol: classic")
}

// TestAFallbackIsRefused: a broker may know next-generation groups and have them switched off. Then the client
// would join a classic one, whose rebalances nothing blocks here.
func TestAFallbackIsRefused(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.broker.ControlKey(kmsg.ConsumerGroupHeartbeat.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.broker.KeepControl()
		resp := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
		resp.ErrorCode = kerr.UnsupportedVersion.Code
		return resp, nil, true
	})
	r.send(visits(1, 200, 40)...)
	require.ErrorContains(t, r.worker(r.nextGen(0)).Run(t.Context()), "has such groups switched off")
	require.Empty(t, r.read(schemas.TopicLeads))
}

// TestACommitDoesNotWaitForAMemberThatIsGone: the assignment changes in the middle of a commit, and then the broker
// forgets the member. The commit waits for a heartbeat, no heartbeat comes before the callbacks have returned, and
// so no callback may wait for the commit.
func TestACommitDoesNotWaitForAMemberThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", testPartitions)
	var hold, forget atomic.Bool
	var beats atomic.Int32
	release := make(chan struct{})
	r.broker.ControlKey(kmsg.Produce.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.broker.KeepControl()
		if id := req.(*kmsg.ProduceRequest).TransactionID; id != nil && *id == "scoring-0" && hold.Load() {
			r.broker.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	r.broker.ControlKey(kmsg.ConsumerGroupHeartbeat.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.broker.KeepControl()
		if !forget.Load() || beats.Add(1) != 4 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	a, b := r.start(r.nextGen(0)), r.start(r.nextGen(1))
	r.sharedOut(testPartitions, a, b)
	hold.Store(true)
	r.send(visits(1, 200, 40)...)
	time.Sleep(300 * time.Millisecond) // a's commit waits for what it wrote
	b.stop()
	forget.Store(true) // a gets b's partitions with the next heartbeat, and is forgotten soon after
	require.Eventually(t, func() bool { return beats.Load() >= 4 }, time.Minute, time.Millisecond)
	hold.Store(false)
	close(release)
	began := time.Now()
	r.settled(a.cfg.Group)
	require.Less(t, time.Since(began), endTimeout/2)
	require.Zero(t, a.counter("leadstream_scoring_session_restarts_total"))
	a.stop()
	r.requireTruth()
}
