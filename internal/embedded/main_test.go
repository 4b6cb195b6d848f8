package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain also plays the program that is killed in the tests: this binary started with a role.
func TestMain(m *testing.M) {
	MaybeChild()
	switch os.Getenv("EMBEDDED_TEST_ROLE") {
	case "broker":
		exitOn(playBroker(os.Getenv("EMBEDDED_TEST_DIR")))
	case "clickhouse":
		exitOn(playClickHouse(os.Getenv("EMBEDDED_TEST_DIR")))
	case "fetch":
		exitOn(playFetch(os.Getenv("EMBEDDED_TEST_DIR")))
	}
	os.Exit(m.Run())
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// playBroker and playClickHouse start a store, print where it is, and wait to be killed.
func playBroker(dir string) error {
	cfg := DefaultBrokerConfig()
	cfg.Dir, cfg.Addr = dir, "127.0.0.1:0"
	broker, err := StartBroker(context.Background(), cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready", broker.Addrs()[0])
	select {}
}

func playClickHouse(dir string) error {
	cfg := DefaultClickHouseConfig()
	cfg.Dir, cfg.Addr, cfg.HTTPAddr = dir, "127.0.0.1:0", "127.0.0.1:0"
	server, err := StartClickHouse(context.Background(), cfg, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("ready", server.HTTPAddr(), server.PID())
	return server.Wait()
}

func playFetch(cache string) error {
	path, err := FetchLibrary(context.Background(), cache, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("ready", path)
	return nil
}

// play starts a role in a process of its own and returns what it printed after "ready".
func play(t *testing.T, role, dir string, env ...string) (*exec.Cmd, []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "EMBEDDED_TEST_ROLE="+role, "EMBEDDED_TEST_DIR="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	words := strings.Fields(line)
	require.NotEmpty(t, words)
	require.Equal(t, "ready", words[0])
	return cmd, words[1:]
}

// kill9 ends a process as a power switch does for everything but the page cache.
func kill9(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// testConfig listens on free ports and keeps its data in a folder of the test.
func testConfig(t *testing.T) ClickHouseConfig {
	t.Helper()
	cfg := DefaultClickHouseConfig()
	cfg.Dir, cfg.Addr, cfg.HTTPAddr = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	cfg.Log = func(level, message string) { t.Log(level, message) }
	return cfg
}

// startTest starts a server that is stopped with the test.
func startTest(t *testing.T, cfg ClickHouseConfig) *ClickHouse {
	t.Helper()
	server, err := StartClickHouse(t.Context(), cfg, os.Stderr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// ask runs one statement and returns its answer without the line end.
func ask(t *testing.T, server *ClickHouse, sql string) string {
	t.Helper()
	answer, err := server.query(t.Context(), sql)
	require.NoError(t, err, sql)
	return strings.TrimSpace(answer)
}

// eventually waits for what has no event of its own.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 10*time.Millisecond, what)
}
