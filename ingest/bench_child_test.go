package ingest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"leadstream/schemas"
)

// benchRole makes this test binary one of the processes of a measurement: each has its own heap and garbage, and its CPU time can
// be told from the load generator's.
const benchRole = "INGEST_BENCH_ROLE"

// playRole never returns. It prints its address, and then its allocations whenever it reads a line.
func playRole(role string) {
	switch what, arg, _ := strings.Cut(role, "="); what {
	case "broker":
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(12, schemas.TopicEvents, schemas.TopicDeadLetter))
		if err != nil {
			panic(err)
		}
		fmt.Println(cluster.ListenAddrs()[0])
	case "collector", "forgetful":
		cfg, dir := testConfig(), os.Getenv("INGEST_BENCH_DIR")
		cfg.ProduceTimeout = DefaultConfig().ProduceTimeout
		cfg.Spool.Dir, cfg.Dedup.Dir = filepath.Join(dir, "spool"), filepath.Join(dir, "dedup")
		if what == "forgetful" {
			cfg.Dedup.Window = 0
		}
		s, err := New(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry(), KafkaOpts: []KafkaOption{kgo.SeedBrokers(arg)}})
		if err != nil {
			panic(err)
		}
		go func() { panic(s.Run(context.Background())) }()
		profile()
		fmt.Println(s.Addr())
	default:
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		go func() { panic(http.Serve(listener, peers[what])) }()
		fmt.Println(listener.Addr())
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs, m.TotalAlloc)
	}
	os.Exit(0) // whoever started us is gone
}

// profile writes what the CPU does in the seconds 3 to 8 of a collector into LEADSTREAM_BENCH_PROFILE, a folder.
func profile() {
	dir := os.Getenv("LEADSTREAM_BENCH_PROFILE")
	if dir == "" {
		return
	}
	out, err := os.CreateTemp(dir, "collector-*.cpu")
	if err != nil {
		panic(err)
	}
	go func() {
		time.Sleep(3 * time.Second)
		if err := pprof.StartCPUProfile(out); err != nil {
			panic(err)
		}
		time.Sleep(5 * time.Second)
		pprof.StopCPUProfile()
	}()
}

// player is such a process, seen from outside.
type player struct {
	addr string
	pid  int
	ask  func() (mallocs, bytes float64)
	stop func()
}

func startPlayer(b *testing.B, role string) *player {
	b.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), benchRole+"="+role, "INGEST_BENCH_DIR="+b.TempDir())
	process.Stderr = os.Stderr
	in, err := process.StdinPipe()
	require.NoError(b, err)
	out, err := process.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, process.Start())
	lines := bufio.NewReader(out)
	line := func() string {
		text, err := lines.ReadString('\n')
		require.NoError(b, err, "%s ended", role)
		return strings.TrimSpace(text)
	}
	p := &player{addr: line(), pid: process.Process.Pid}
	p.ask = func() (mallocs, bytes float64) {
		_, err := in.Write([]byte("\n"))
		require.NoError(b, err)
		_, err = fmt.Sscan(line(), &mallocs, &bytes)
		require.NoError(b, err)
		return mallocs, bytes
	}
	p.stop = func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	}
	b.Cleanup(p.stop)
	return p
}

// cpu is what the process has used, in seconds, by the kernel's ticks of 10 ms.
func (p *player) cpu(b *testing.B) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	require.NoError(b, err)
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	sum := 0.0
	for _, field := range fields[11:13] { // utime, stime
		ticks, err := strconv.ParseFloat(field, 64)
		require.NoError(b, err)
		sum += ticks / 100
	}
	return sum
}
