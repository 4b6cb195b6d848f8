package scoring

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// childAddr makes the test binary a worker against the named brokers.
const (
	childAddr    = "LEADSTREAM_SCORING_TEST_BROKERS"
	childFresh   = "LEADSTREAM_SCORING_TEST_FRESH"
	childSnap    = "LEADSTREAM_SCORING_TEST_SNAPSHOTS"
	childID      = "LEADSTREAM_SCORING_TEST_ID"      // transactional
	childSession = "LEADSTREAM_SCORING_TEST_SESSION" // timeout
	childRecords = "LEADSTREAM_SCORING_TEST_RECORDS" // a transaction
	childLog     = "LEADSTREAM_SCORING_TEST_LOG"     // level, to stderr
	// childPublished is when publication 3 of cheaper prices was made, Unix ms: the worker runs that.
	childPublished = "LEADSTREAM_SCORING_TEST_PUBLISHED"
	childVia       = "LEADSTREAM_SCORING_TEST_VIA" // a wire to reach the brokers by
)

// childMain is the process that gets killed.
func childMain(addr string) {
	cfg := DefaultConfig()
	cfg.CommitInterval = 15 * time.Millisecond
	cfg.MaxRecords = 100
	if most, err := strconv.Atoi(os.Getenv(childRecords)); err == nil {
		cfg.MaxRecords = most
	}
	cfg.SessionTimeout = time.Second
	cfg.GroupProtocol = protocol()
	cfg.FreshTransactionalID = os.Getenv(childFresh) != ""
	cfg.SnapshotDir = os.Getenv(childSnap)
	cfg.SnapshotBytes = 1 << 16
	cfg.TransactionalID = cmp.Or(os.Getenv(childID), cfg.TransactionalID)
	deps := Deps{KafkaOpts: []kgo.Opt{kgo.SeedBrokers(strings.Split(addr, ",")...)}, Model: model.Default()}
	if at, err := strconv.ParseInt(os.Getenv(childPublished), 10, 64); err == nil {
		deps.Model, deps.History = publishedAs(3, at), (&rig{addrs: strings.Split(addr, ",")}).history
	}
	if timeout, err := time.ParseDuration(os.Getenv(childSession)); err == nil {
		cfg.SessionTimeout = timeout
	} else {
		deps.KafkaOpts = append(deps.KafkaOpts, patientWithKfake()...)
	}
	if via := os.Getenv(childVia); via != "" {
		deps.KafkaOpts = append(deps.KafkaOpts, dialVia(via))
	}
	if level, err := zap.ParseAtomicLevel(cmp.Or(os.Getenv(childLog), "none")); err == nil {
		logging := zap.NewDevelopmentConfig()
		logging.Level, logging.DisableCaller, logging.DisableStacktrace = level, true, true
		deps.Log = zap.Must(logging.Build()).Named(cfg.TransactionalID)
	}
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := runTracks(told, cfg, deps)
	if err == nil {
		os.Exit(0) // as an operator stops one
	}
	println("child ended:", err.Error())
	os.Exit(3)
}

// patientWithKfake bounds how long a worker waits for an answer that kfake never gives. Unlike
// Kafka, it counts the session timeout of a member on while the member waits in JoinGroup or
// SyncGroup, for one that was killed. When it is over, the member is dropped without a reply: its
// client waits for 60 to 70 s before it joins again. Here, for 2 to 5 s.
func patientWithKfake() []kgo.Opt {
	return []kgo.Opt{kgo.RebalanceTimeout(2 * time.Second), kgo.RequestTimeoutOverhead(3 * time.Second)}
}

// child starts a worker process; kill ends it with SIGKILL.
func (r *rig) child(env ...string) (kill func()) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childAddr+"="+strings.Join(r.addrs, ",")), env...)
	cmd.Stderr = os.Stderr
	require.NoError(r.t, cmd.Start())
	r.t.Cleanup(func() { _ = cmd.Process.Kill() }) // also when the test fails before
	return func() {
		require.NoError(r.t, cmd.Process.Kill())
		err := cmd.Wait()
		require.ErrorContains(r.t, err, "signal: killed", "the worker ended by itself")
	}
}

func TestKill9AtAnyMomentLosesAndRepeatsNothing(t *testing.T) {
	cases := map[string]struct {
		kills int
		env   []string
	}{
		"stable transactional id": {6, nil},
		// Nobody ends the dead one's transaction but the broker, after its 10 s.
		"fresh transactional id and snapshots": {3, []string{childFresh + "=1", childSnap + "=" + t.TempDir()}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			if testing.Short() {
				c.kills = 1
			}
			r := newRig(t, t.TempDir(), testPartitions)
			stop, fed := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(fed)
				for seed := uint64(1); ; seed++ {
					select {
					case <-stop:
						return
					default:
						r.send(visits(seed%5, 100, 30)...)
						time.Sleep(10 * time.Millisecond)
					}
				}
			}()
			for i := range c.kills {
				kill := r.child(c.env...)
				r.progress(DefaultConfig().Group)
				time.Sleep(time.Duration(7*i+3) * 10 * time.Millisecond)
				kill()
			}
			close(stop)
			<-fed
			kill := r.child(c.env...)
			r.settled(DefaultConfig().Group)
			kill()
			r.requireTruth()
		})
	}
}

// progress waits until a worker has committed something new.
func (r *rig) progress(group string) {
	r.t.Helper()
	before := r.done(group)
	require.Eventually(r.t, func() bool { return r.done(group) > before }, 3*time.Minute, 5*time.Millisecond, "no worker makes progress")
}

func (r *rig) done(group string) (n int64) {
	committed, err := r.admin.FetchOffsets(context.Background(), group)
	if err != nil {
		return 0
	}
	for _, o := range committed.Offsets().Sorted() {
		n += max(o.At, 0)
	}
	return n
}

// caughtUp waits until nothing is left to read, for as long as the workers go on.
func (r *rig) caughtUp(group string) {
	r.t.Helper()
	last, at := r.done(group), time.Now()
	for r.behind(group) > 0 {
		if now := r.done(group); now != last {
			last, at = now, time.Now()
		}
		require.Less(r.t, time.Since(at), 2*time.Minute, "the workers stand still, %d events behind", r.behind(group))
		time.Sleep(50 * time.Millisecond)
	}
}
