package scoring

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadstream/internal/embedded"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// childBroker makes the test binary the embedded broker with its log in this folder, at childAddr.
const childBroker = "LEADSTREAM_SCORING_TEST_BROKER"

// brokerMain is that process.
func brokerMain() {
	cfg := embedded.DefaultBrokerConfig()
	cfg.Addr, cfg.Dir = os.Getenv(childAddr), os.Getenv(childBroker)
	cfg.RetentionBytes, cfg.MinSessionTimeout = 1<<30, time.Second
	if _, err := embedded.StartBroker(context.Background(), cfg); err != nil {
		println("broker ended:", err.Error())
		os.Exit(3)
	}
	select {}
}

// process is this test binary in another role.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
}

func (r *rig) process(env ...string) *process {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childAddr+"="+strings.Join(r.addrs, ",")), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = embedded.ChildAttr() // none outlives the test, not even one that is frozen
	require.NoError(r.t, cmd.Start())
	return &process{r.t, cmd}
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Kill())
	require.ErrorContains(p.t, p.cmd.Wait(), "signal: killed", "the process ended by itself")
}

// stop is what an operator does, and waits for.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	if err := p.cmd.Wait(); err != nil { // or it was told so early that it did not listen yet
		require.EqualError(p.t, err, "signal: terminated", "the worker did not end as it should")
	}
}

// freeze stops the process between two instructions; thaw lets it go on as if nothing had been.
func (p *process) freeze() { require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP)) }
func (p *process) thaw()   { require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGCONT)) }

// newProcessRig is the rig over an embedded broker that is a process of its own.
func newProcessRig(t testing.TB, dir string) (*rig, *process) {
	t.Helper()
	r := &rig{t: t, addrs: []string{brokerAddr(t)}, model: model.Default()}
	var err error
	r.client, err = kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.MetadataMinAge(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.admin = kadm.NewClient(r.client)
	broker := r.process(childBroker + "=" + dir)
	require.Eventually(t, func() bool { return makeTopics(r.addrs[0]) == nil }, time.Minute, 10*time.Millisecond, "the broker does not serve")
	r.quickGroups()
	return r, broker
}

// workerEnv is what a slot's worker is told.
func workerEnv(slot int, via *wire, more ...string) []string {
	return append([]string{childID + "=soak-" + strconv.Itoa(slot), childVia + "=" + via.addr, childSession + "=" + soakSession.String()}, more...)
}

// brokerAddr is a port that stays free until the broker listens there, and while it is dead: below the
// range that the kernel gives to outgoing connections and to listeners on port 0.
func brokerAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := "127.0.0.1:" + strconv.Itoa(15_000+rand.IntN(17_000))
		if free, err := net.Listen("tcp", addr); err == nil {
			require.NoError(t, free.Close())
			return addr
		}
	}
	t.Fatal("no free port between 15000 and 32000 on 127.0.0.1")
	return ""
}
