package ingest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// childBroker makes this test binary a collector for the broker it names, so that a test can kill -9 a real process.
const (
	childBroker = "INGEST_TEST_CHILD_BROKER"
	childDedup  = "INGEST_TEST_CHILD_DEDUP" // its folder of event ids; empty = none
	childSpool  = "INGEST_TEST_CHILD_SPOOL" // its spool, and then little patience with the broker; empty = none
)

func TestMain(m *testing.M) {
	if role := os.Getenv(benchRole); role != "" {
		playRole(role)
	}
	if brokers := os.Getenv(childBroker); brokers != "" {
		collectUntilKilled(strings.Split(brokers, ","))
		return
	}
	os.Exit(m.Run())
}

func collectUntilKilled(brokers []string) {
	cfg := testConfig()
	cfg.Dedup.Dir = os.Getenv(childDedup)
	opts := []KafkaOption{kgo.SeedBrokers(brokers...)}
	if cfg.Spool.Dir = os.Getenv(childSpool); cfg.Spool.Dir != "" {
		cfg.ProduceTimeout = 500 * time.Millisecond
		opts = append(opts, kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	}
	s, err := New(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Addr())
	panic(s.Run(context.Background()))
}

// child starts a collector in a process of its own.
func child(t *testing.T, brokers []string, env ...string) (*exec.Cmd, *fixture) {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), childBroker+"="+strings.Join(brokers, ","))
	process.Env = append(process.Env, env...)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { _ = process.Process.Kill() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return process, &fixture{url: "http://" + strings.TrimSpace(addr)}
}

// TestKilledCollectorsKeepWhatTheyAccepted: kill -9 in the middle of the crowd, five times over. Whatever was answered 2xx
// is in the topic.
func TestKilledCollectorsKeepWhatTheyAccepted(t *testing.T) {
	cluster, opts := broker(t)
	total := 0
	for round := range 5 {
		process, f := child(t, cluster.ListenAddrs())
		accepted := make(chan map[string]bool, 1)
		go func() { accepted <- sendAllNamed(f, fmt.Sprintf("r%d-", round), 30, 100) }()
		time.Sleep(time.Duration(100+70*round) * time.Millisecond) // each round dies at another moment
		require.NoError(t, process.Process.Kill())
		_ = process.Wait() // "signal: killed"
		ids := <-accepted
		total += len(ids)
		require.Less(t, len(ids), 3000, "the kill came in the middle")
		events, _ := stored(t, opts)
		for id := range ids {
			require.Contains(t, events, id, "answered 2xx before the kill")
		}
	}
	require.Positive(t, total)
}
