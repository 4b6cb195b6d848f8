package scoring

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// soakSession is the workers' session timeout: as short as a loaded machine bears.
const soakSession = 2 * time.Second

// soakFor is how long each part of TestSoak goes on: LEADSTREAM_SOAK=5m, as `make soak` has it;
// without, a few faults of each kind.
func soakFor(t *testing.T) time.Duration {
	d, err := time.ParseDuration(cmp.Or(os.Getenv("LEADSTREAM_SOAK"), "0s"))
	require.NoError(t, err, "LEADSTREAM_SOAK")
	return d
}

// soakSeed decides which faults come, on whom and when: always the same in a short run, printed in
// a long one, where LEADSTREAM_SOAK_SEED repeats it.
func soakSeed(t *testing.T) *rand.Rand {
	seed := uint64(1)
	if soakFor(t) > 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("LEADSTREAM_SOAK_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "LEADSTREAM_SOAK_SEED")
	}
	t.Logf("LEADSTREAM_SOAK_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// soak is workers that are processes, a broker that is one, and what happens to them.
type soak struct {
	*rig
	broker  *embeddedtest.BrokerProcess
	rnd     *rand.Rand
	group   string
	wires   []*wire
	workers map[int]*process // by slot, those that live
	env     []string         // of every worker
	count   map[string]int
	fallers *fallers // the feeder's, until it has ended
}

// fault is one thing that goes wrong.
type fault struct {
	name string
	do   func(*soak)
}

// workerFaults leave the broker alone: rows are written once, not one more.
var workerFaults = []fault{
	{"kill -9", (*soak).killed},
	{"asleep for longer than its session", (*soak).asleep},
	{"asleep, and replaced before it wakes", (*soak).replaced},
	{"stopped and started", (*soak).stopped},
	{"wire cut", (*soak).cutOff},
	{"wire dead for longer than a session", (*soak).parted},
	{"scaled", (*soak).scaled},
}

// machineFaults take the broker with them: its commits may be torn, rows may repeat.
var machineFaults = []fault{
	{"broker and workers killed", func(s *soak) { s.fallen(func() {}) }},
	{"broker killed", (*soak).bounced},
	{"broker and workers killed, rows without offsets", func(s *soak) { s.fallen(func() { s.tearApart(-1 - s.rnd.Int64N(200)) }) }},
	{"broker and workers killed, offsets without rows", func(s *soak) { s.fallen(func() { s.tearApart(1 + s.rnd.Int64N(200)) }) }},
}

// TestSoakOfWorkers: whatever happens to workers, what they wrote is what one fold of the topic
// writes, bit for bit and row for row, each once.
func TestSoakOfWorkers(t *testing.T) { soakOfWorkers(t, protocol()) }

// TestSoakOfWorkersInANextGenerationGroup is the same, where partitions move one by one while transactions are open.
func TestSoakOfWorkersInANextGenerationGroup(t *testing.T) { soakOfWorkers(t, groupConsumer) }

func soakOfWorkers(t *testing.T, protocol string) {
	s := newSoak(t, childProtocol+"="+protocol)
	feed := s.feedThroughFaults()
	s.scaleTo(1)
	s.progress(s.group)
	s.scaleTo(3)
	s.suffer(workerFaults)
	s.scaleTo(2)
	feed()
	s.caughtUp(s.group)
	s.awaitFalls(s.fallers)
	for len(s.workers) > 0 {
		s.retire(s.anyone())
	}
	s.requireTruth()
	s.requireFalls(s.fallers, true)
	s.report()
}

// TestSoakOfTheWholeMachine: the broker is killed with its workers, again and again, and commits are
// torn. No event is lost, no point is wrong; a row may stand twice, and nothing but twice.
func TestSoakOfTheWholeMachine(t *testing.T) {
	s := newSoak(t, childFresh+"=1")
	feed := s.feedThroughFaults()
	s.scaleTo(3)
	s.progress(s.group)
	s.suffer(machineFaults)
	feed()
	s.caughtUp(s.group)
	s.awaitFalls(s.fallers)
	for len(s.workers) > 0 {
		s.retire(s.anyone())
	}
	s.requireTruthRepeated()
	s.requireFalls(s.fallers, false)
	s.report()
}

// suffer has every fault once in an order that the seed says, then any of them until the time is up.
func (s *soak) suffer(faults []fault) {
	s.t.Helper()
	end := time.Now().Add(soakFor(s.t.(*testing.T)))
	order := s.rnd.Perm(len(faults))
	for n := 0; n < len(order) || time.Now().Before(end); n++ {
		f := faults[s.rnd.IntN(len(faults))]
		if n < len(order) {
			f = faults[order[n]]
		}
		time.Sleep(time.Duration(s.rnd.IntN(150)) * time.Millisecond) // any moment of a transaction
		began := time.Now()
		f.do(s)
		s.progress(s.group)
		s.count[f.name]++
		s.t.Logf("%d workers, %s: going on after %.1f s", len(s.workers), f.name, time.Since(began).Seconds())
	}
}

func newSoak(t *testing.T, env ...string) *soak {
	if testing.Short() {
		t.Skip("kills processes for seconds; `make test` runs it, and `make soak` for minutes")
	}
	t.Parallel() // most of it is waiting
	r, broker := newProcessRig(t)
	s := &soak{rig: r, broker: broker, rnd: soakSeed(t), group: DefaultConfig().Group, workers: map[int]*process{}, env: env, count: map[string]int{}, fallers: newFallers()}
	for range 3 {
		s.wires = append(s.wires, newWire(t, r.addrs[0]))
	}
	return s
}

func (s *soak) report() {
	s.t.Logf("%d events, %d falls: as the oracle says, after %v", len(s.read(schemas.TopicEvents)), len(s.fallers.sent), s.count)
}

// feedThroughFaults sends visits, every fourth batch a second time, and leads that are about to fall, until it is told to stop.
func (s *soak) feedThroughFaults() (stop func()) {
	told, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for seed := uint64(1); ; seed++ {
			s.sendSurely(append(visits(seed-seed%4/3*3, 50, 30), s.fallers.due(time.Now())...))
			select {
			case <-told:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(told)
		<-done
	}
}

// tearApart moves the group's offsets by some events: what is left of a commit when a broker is
// killed in the middle of it, but far more than a kill does.
func (s *soak) tearApart(by int64) {
	ctx := context.Background()
	require.Eventually(s.t, func() bool {
		committed, err := s.admin.FetchOffsets(ctx, s.group)
		if err != nil || committed.Error() != nil {
			return false
		}
		ends, err := s.admin.ListEndOffsets(ctx, schemas.TopicEvents)
		if err != nil || ends.Error() != nil {
			return false
		}
		offsets := kadm.Offsets{}
		ends.Each(func(end kadm.ListedOffset) {
			if o, ok := committed.Lookup(end.Topic, end.Partition); ok && o.At >= 0 {
				offsets.AddOffset(end.Topic, end.Partition, min(max(0, o.At+by), end.Offset), -1)
			}
		})
		resp, err := s.admin.CommitOffsets(ctx, s.group, offsets)
		return err == nil && resp.Error() == nil
	}, time.Minute, 50*time.Millisecond, "the group's offsets cannot be moved")
}
