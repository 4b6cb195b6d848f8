package embeddedtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/embedded"
)

// What makes a test binary a broker.
const (
	brokerDir  = "EMBEDDEDTEST_BROKER_DIR"
	brokerAddr = "EMBEDDEDTEST_BROKER_ADDR"
)

// MaybeBroker takes the process over, and never returns, when StartBrokerProcess has started it.
// Main calls it; a TestMain without Main calls it first.
func MaybeBroker() {
	if os.Getenv(brokerDir) == "" {
		return
	}
	cfg := embedded.DefaultBrokerConfig()
	cfg.Addr, cfg.Dir = os.Getenv(brokerAddr), os.Getenv(brokerDir)
	cfg.RetentionBytes, cfg.MinSessionTimeout = 1<<30, time.Second
	if _, err := embedded.StartBroker(context.Background(), cfg); err != nil {
		fmt.Fprintln(os.Stderr, "embeddedtest: broker:", err)
		os.Exit(3)
	}
	select {}
}

// BrokerProcess is the embedded broker as a process of its own, which a test can kill. Its log lives
// on, and its sessions may be as short as a second.
type BrokerProcess struct {
	Addr string

	t   testing.TB
	dir string
	cmd *exec.Cmd
}

// StartBrokerProcess starts one with an empty log.
func StartBrokerProcess(t testing.TB) *BrokerProcess {
	t.Helper()
	b := &BrokerProcess{t: t, dir: t.TempDir(), Addr: quietAddr(t)}
	b.Start()
	t.Cleanup(func() { // before the folder goes; killed by the test already, there is nothing to do
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	})
	return b
}

// Start starts it again over its log, at the same address, and returns when it serves.
func (b *BrokerProcess) Start() {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatalf("embeddedtest: %v", err)
	}
	b.cmd = exec.Command(self)
	b.cmd.Env = append(os.Environ(), brokerDir+"="+b.dir, brokerAddr+"="+b.Addr)
	b.cmd.Stderr = os.Stderr
	b.cmd.SysProcAttr = embedded.ChildAttr() // it does not outlive the test
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("embeddedtest: broker: %v", err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		b.t.Fatalf("embeddedtest: %v", err)
	}
	defer client.Close()
	for end := time.Now().Add(time.Minute); client.Ping(context.Background()) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("embeddedtest: the broker does not serve within a minute")
		}
	}
}

// Kill is kill -9.
func (b *BrokerProcess) Kill() {
	b.t.Helper()
	if err := b.cmd.Process.Kill(); err != nil {
		b.t.Fatalf("embeddedtest: the broker ended by itself: %v", err)
	}
	if err := b.cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		b.t.Fatalf("embeddedtest: the broker ended by itself: %v", err)
	}
}

// quietAddr is a port that stays free until the broker listens there, and while it is dead: below the
// range that the kernel gives to outgoing connections and to listeners on port 0.
func quietAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := "127.0.0.1:" + strconv.Itoa(15_000+rand.IntN(17_000))
		if free, err := net.Listen("tcp", addr); err == nil {
			if err := free.Close(); err != nil {
				t.Fatalf("embeddedtest: %v", err)
			}
			return addr
		}
	}
	t.Fatal("embeddedtest: no free port between 15000 and 32000 on 127.0.0.1")
	return ""
}
