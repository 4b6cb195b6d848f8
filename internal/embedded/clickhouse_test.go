package embedded

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServerAnswersOnBothPortsAndStopsCleanly(t *testing.T) {
	server := startTest(t, testConfig(t))
	require.Equal(t, "2", ask(t, server, "SELECT 1 + 1"))
	conn, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, "clickhouse://default@"+server.Addr()+"/sales", server.DSN("sales"))

	pid := server.PID()
	require.True(t, InUse(server.cfg.Dir))
	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, server.Wait())
	require.False(t, alive(pid))
	require.False(t, InUse(server.cfg.Dir))
	require.NoError(t, server.Stop(t.Context()), "a second stop is nothing")
}

func TestServerIsBoundedAndInUTC(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxMemory = 1 << 30
	server := startTest(t, cfg)
	require.Equal(t, "UTC", ask(t, server, "SELECT timezone()"))
	require.Equal(t, "1073741824", ask(t, server, "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'"))
	require.Equal(t, "536870912", ask(t, server, "SELECT getSetting('max_memory_usage')"))
	require.Equal(t, "134217728", ask(t, server, "SELECT value FROM system.server_settings WHERE name = 'mark_cache_size'"))
	require.Equal(t, "0", ask(t, server, "SELECT count() FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'"), "no log tables fill the disk")
}

// The analyst reads one database and changes nothing, whatever settings the client brings.
func TestAnalystReadsOnly(t *testing.T) {
	cfg := testConfig(t)
	server := startTest(t, cfg)
	ask(t, server, "CREATE DATABASE leadstream")
	ask(t, server, "CREATE TABLE leadstream.t (x Int8) ENGINE = MergeTree ORDER BY x")
	ask(t, server, "INSERT INTO leadstream.t VALUES (7)")
	ask(t, server, "CREATE TABLE default.other (x Int8) ENGINE = MergeTree ORDER BY x")
	analyst := func(sql string) error {
		_, err := server.queryAs(t.Context(), "analyst", sql)
		return err
	}
	require.NoError(t, analyst("SELECT x FROM leadstream.t SETTINGS max_threads = 1"))
	for _, refused := range []string{
		"INSERT INTO leadstream.t VALUES (8)",
		"DROP TABLE leadstream.t",
		"SELECT x FROM default.other",
		"SELECT 1 SETTINGS max_execution_time = 3000",
		"SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
	} {
		require.Error(t, analyst(refused), refused)
	}
}

func TestAcknowledgedRowsOutliveAKillOfTheParent(t *testing.T) {
	dir := t.TempDir()
	parent, words := play(t, "clickhouse", dir)
	server := &ClickHouse{http: words[0]}
	child, err := strconv.Atoi(words[1])
	require.NoError(t, err)
	ask(t, server, "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x")
	for i := range 20 {
		ask(t, server, "INSERT INTO t SELECT number + "+strconv.Itoa(1000*i)+" FROM numbers(1000)")
	}
	require.True(t, alive(child))
	kill9(t, parent)
	eventually(t, "the child dies with its parent", func() bool { return !alive(child) })

	cfg := testConfig(t)
	cfg.Dir = dir
	again := startTest(t, cfg)
	require.Equal(t, "20000", ask(t, again, "SELECT uniqExact(x) FROM t"))
}

// The next start comes while the killed one's child may still be there: lock, ports and status file.
func TestARestartRightAfterAKillWorks(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		parent, _ := play(t, "clickhouse", dir)
		require.NoError(t, parent.Process.Kill()) // and no waiting
	}
	cfg := testConfig(t)
	cfg.Dir = dir
	startTest(t, cfg)
}

func TestACrashedServerIsStartedAgain(t *testing.T) {
	server := startTest(t, testConfig(t))
	ask(t, server, "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x")
	ask(t, server, "INSERT INTO t VALUES (42)")
	first := server.PID()
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	eventually(t, "a restart", func() bool { return server.Restarts() == 1 })
	require.NotEqual(t, first, server.PID())
	require.Equal(t, "42", ask(t, server, "SELECT x FROM t"))
	require.NoError(t, server.Stop(t.Context()))
}

func TestACrashThatNoRestartMendsIsReported(t *testing.T) {
	server := startTest(t, testConfig(t))
	require.NoError(t, os.WriteFile(filepath.Join(server.cfg.Dir, "config.xml"), []byte("<broken"), 0o644))
	require.NoError(t, syscall.Kill(server.PID(), syscall.SIGKILL))
	select {
	case <-server.Done():
	case <-time.After(time.Minute):
		t.Fatal("nobody was told")
	}
	require.ErrorContains(t, server.Wait(), "could not be started again")
	require.ErrorContains(t, server.Wait(), "killed")
}

func TestTwoServersCannotShareAFolder(t *testing.T) {
	server := startTest(t, testConfig(t))
	cfg := testConfig(t)
	cfg.Dir = server.cfg.Dir
	_, err := StartClickHouse(t.Context(), cfg, os.Stderr)
	require.ErrorContains(t, err, "is in use by another leadstream; stop that one, or choose another folder with --data")
}

func TestTwoServersRunSideBySide(t *testing.T) {
	one, two := startTest(t, testConfig(t)), startTest(t, testConfig(t))
	ask(t, one, "CREATE TABLE t (x Int8) ENGINE = Memory")
	require.Equal(t, "0", ask(t, two, "EXISTS TABLE t"))
}

func TestATakenPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	cfg := testConfig(t)
	cfg.HTTPAddr = listener.Addr().String()
	_, err = StartClickHouse(t.Context(), cfg, os.Stderr)
	require.EqualError(t, err, "port "+port+" on 127.0.0.1 is taken by another process: stop that process, or choose another port with --clickhouse-http-addr")
	cfg.HTTPAddr = "127.0.0.1:0"
	startTest(t, cfg) // the refused start has left the folder free
}

func TestStartIsBoundedByItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := StartClickHouse(ctx, testConfig(t), os.Stderr)
	require.ErrorIs(t, err, context.Canceled)
}

// A clickhouse binary on PATH comes first. There is none on a test machine, so this one is: it reads
// the same config file, and is told to stop by SIGTERM.
func TestABinaryOnPathIsPreferred(t *testing.T) {
	bin, marks := t.TempDir(), filepath.Join(t.TempDir(), "args")
	script := "#!/bin/sh\necho \"$@\" > " + marks + "\necho 'said by the binary' >&2\nexit 3\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "clickhouse"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	cfg := testConfig(t)
	_, err := StartClickHouse(t.Context(), cfg, os.Stderr)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "said by the binary")
	args, readErr := os.ReadFile(marks)
	require.NoError(t, readErr)
	require.Equal(t, "server --config-file="+cfg.Dir+"/config.xml", strings.TrimSpace(string(args)))
}

func TestClickHouseConfigRefusesEveryFaultAtOnce(t *testing.T) {
	require.NoError(t, DefaultClickHouseConfig().Validate())
	err := ClickHouseConfig{Addr: "0.0.0.0:9000", HTTPAddr: "nowhere"}.Validate()
	for _, fault := range []string{
		"dir: must name a folder",
		`addr: must be a loopback address, because the embedded server asks for no password (got "0.0.0.0:9000")`,
		`http_addr: must be host:port (got "nowhere")`,
		"max_memory: must be at least 536870912 bytes (got 0)",
		"database: must name a database",
		"timeouts must be above zero",
	} {
		require.ErrorContains(t, err, fault)
	}
}

// alive tells whether a process runs; one that is dead and not yet waited for does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return fields[0] != "Z"
}
