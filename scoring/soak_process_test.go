package scoring

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadstream/internal/embedded"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

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
func newProcessRig(t testing.TB) (*rig, *embeddedtest.BrokerProcess) {
	t.Helper()
	broker := embeddedtest.StartBrokerProcess(t)
	r := &rig{t: t, addrs: []string{broker.Addr}, model: model.Default()}
	var err error
	r.client, err = kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.MetadataMinAge(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(r.client.Close)
	r.admin = kadm.NewClient(r.client)
	require.NoError(t, makeTopics(broker.Addr))
	r.quickGroups()
	return r, broker
}

// workerEnv is what a slot's worker is told.
func workerEnv(slot int, via *wire, more ...string) []string {
	return append([]string{childID + "=soak-" + strconv.Itoa(slot), childVia + "=" + via.addr, childSession + "=" + soakSession.String()}, more...)
}
