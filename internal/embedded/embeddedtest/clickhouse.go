package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"leadstream/internal/embedded"
)

// shared is the one server of this test process; it starts with the first test that asks for it.
var shared struct {
	sync.Mutex
	mainRan bool
	server  *embedded.ClickHouse
	dir     string
	err     error
}

// Main is the whole of a TestMain: it takes over when this process is a server, runs the tests,
// and stops the shared server and removes its data afterwards.
func Main(m *testing.M) {
	embedded.MaybeChild()
	MaybeBroker()
	shared.mainRan = true
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "embeddedtest:", err)
	}
	os.Exit(code)
}

// ClickHouse returns the DSN of a fresh, empty database on the shared server. The database is
// dropped when the test ends; after a failure it is kept as long as the test process runs, and
// its name is logged.
func ClickHouse(t testing.TB) (dsn string) {
	t.Helper()
	unlessShort(t)
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	name := create(t, server)
	whenPassed(t, name, func(ctx context.Context) error {
		return execute(ctx, server.HTTPAddr(), "DROP DATABASE "+name+" SYNC")
	})
	return server.DSN(name)
}

// create makes an empty database.
func create(t testing.TB, server *embedded.ClickHouse) (name string) {
	t.Helper()
	name = "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	if err := execute(t.Context(), server.HTTPAddr(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	return name
}

// whenPassed puts a test's database away; that of one that failed is kept.
func whenPassed(t testing.TB, name string, away func(context.Context) error) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("embeddedtest: database %s is kept", name)
			return
		}
		// The test's own context is over when its cleanup runs.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := away(ctx); err != nil {
			t.Errorf("embeddedtest: %v", err)
		}
	})
}

// Server returns the shared server itself, for tests that need its HTTP port or its process.
// Whoever stops it stops it for every test of the package; start another with embedded.StartClickHouse.
func Server(t testing.TB) *embedded.ClickHouse {
	t.Helper()
	unlessShort(t)
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	return server
}

// unlessShort is the one way around a store: `make check` asks for it by -short and says so.
// `make test` and CI never do.
func unlessShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs ClickHouse; `make test` runs it")
	}
}

// sharedServer starts the server once; a failed start is remembered, for the next test would only wait for the same failure.
func sharedServer() (*embedded.ClickHouse, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil || shared.err != nil {
		return shared.server, shared.err
	}
	if !shared.mainRan {
		return nil, errors.New("this package needs `func TestMain(m *testing.M) { embeddedtest.Main(m) }`: the server is the test binary, started again")
	}
	shared.server, shared.dir, shared.err = startShared()
	return shared.server, shared.err
}

// startShared takes free ports. Another process may take one between the question and the answer;
// then the start is tried again.
func startShared() (server *embedded.ClickHouse, dir string, err error) {
	sweepAbandoned()
	if dir, err = os.MkdirTemp("", dirPrefix); err != nil {
		return nil, "", err
	}
	cfg := embedded.DefaultClickHouseConfig()
	cfg.Dir = dir
	cfg.Addr, cfg.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	cfg.MaxMemory = 2 << 30 // several test binaries run at once on one machine
	const tries = 3
	for range tries {
		// No test's context: the server outlives the test that happened to be first.
		if server, err = embedded.StartClickHouse(context.Background(), cfg, os.Stderr); err == nil {
			return server, dir, nil
		}
	}
	return nil, "", errors.Join(err, os.RemoveAll(dir))
}

// dirPrefix marks the data folders of test servers.
const dirPrefix = "leadstream-test-clickhouse-"

// sweepAbandoned removes what test processes left that were killed before they could clean up. A
// minute's grace is for a folder that was made and is not locked yet.
func sweepAbandoned() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Minute && !embedded.InUse(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

// stopShared ends the server and removes its folder.
func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return nil
	}
	err := shared.server.Stop(context.Background())
	return errors.Join(err, os.RemoveAll(shared.dir))
}

// execute runs a statement over HTTP; the client library belongs to the packages under test.
func execute(ctx context.Context, addr, sql string) error {
	_, err := ask(ctx, addr, sql)
	return err
}

// ask is execute for a statement that has an answer.
func ask(ctx context.Context, addr, sql string) (answer string, err error) {
	target := url.URL{Scheme: "http", Host: addr, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("%s: %w", sql, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", sql, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
