package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded/embeddedtest"
)

// beLeadstream makes this test binary the product itself: tests start real
// processes, so that they can kill them.
const beLeadstream = "LEADSTREAM_TEST_BE"

func TestMain(m *testing.M) {
	if os.Getenv(beLeadstream) != "" && (len(os.Args) < 2 || os.Args[1] != "__clickhouse") {
		os.Unsetenv(beLeadstream) // it is no key of the config
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	takeSoakEnv()
	embeddedtest.Main(m)
}

// process is one leadstream under test.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  *lockedBuffer
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs leadstream with the words given; the test ends it if it still runs.
func start(t testing.TB, words ...string) *process {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the whole path; `make test` runs it")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{t: t, cmd: exec.Command(self, words...), out: new(lockedBuffer), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), beLeadstream+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Dir = t.TempDir()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.cmd.Start())
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s", strings.Join(words, " "), p.out)
		}
	})
	return p
}

// kill is kill -9, and waits until the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	p.wait(10 * time.Second)
}

// stop is Ctrl-C; it returns the exit status.
func (p *process) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
	return p.wait(time.Minute)
}

// signal freezes it (SIGSTOP), or lets it go on as if nothing had been (SIGCONT).
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended by itself

// ended tells whether it has.
func (p *process) ended() bool {
	select {
	case err := <-p.done:
		p.done <- err
		return true
	default:
		return false
	}
}

func (p *process) wait(patience time.Duration) int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("leadstream did not end within %s; it printed:\n%s", patience, p.out)
		return -1
	}
}

// house is a running `leadstream all` on free ports over one data folder.
type house struct {
	*process
	ports   map[string]string // flag -> address
	dataDir string
}

var houseFlags = []string{"ingest-listen", "leads-listen", "telemetry-listen", "kafka-listen", "clickhouse-listen", "clickhouse-http-listen"}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{ports: map[string]string{}, dataDir: filepath.Join(t.TempDir(), "data")}
	for i, addr := range freeAddrs(t, len(houseFlags)) {
		h.ports[houseFlags[i]] = addr
	}
	return h
}

// flags are those that move a house, or a word that talks to it.
func (h *house) flags() []string {
	flags := []string{"--data-dir", h.dataDir}
	for flag, addr := range h.ports {
		flags = append(flags, "--"+flag, addr)
	}
	return flags
}

// up starts `all` and waits until it says that it is up.
func (h *house) up(t testing.TB, more ...string) {
	t.Helper()
	h.process = start(t, append(append([]string{"all"}, h.flags()...), more...)...)
	require.Eventually(t, func() bool {
		if h.ended() {
			t.Fatalf("leadstream ended while starting: %v\n%s", <-h.done, h.out)
		}
		return strings.Contains(h.out.String(), "is up after")
	}, time.Minute, 50*time.Millisecond)
}

func (h *house) url(flag, path string) string { return "http://" + h.ports[flag] + path }

// getJSON reads an answer of the leads API.
func (h *house) getJSON(t testing.TB, path string, into any) int {
	t.Helper()
	response, err := http.Get(h.url("leads-listen", path))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode == http.StatusOK {
		require.NoError(t, json.Unmarshal(body, into), "%s answered %s", path, body)
	}
	return response.StatusCode
}

// post sends a body to the collectors and returns the status, 0 if nobody answered.
func (h *house) post(ctx context.Context, path, body string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url("ingest-listen", path), strings.NewReader(body))
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func freeAddrs(t testing.TB, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() // all at once, so that no two are the same
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// runWords runs a short-lived word in this process and returns what it printed.
func runWords(t testing.TB, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs lockedBuffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

func pageEvent(id, visitor, path string, at time.Time) string {
	return fmt.Sprintf(`{"event_id":%q,"type":"page","anonymous_id":%q,"session_id":"s-%s","view_id":"v-%s","timestamp":%d,"url":"http://shop.example%s"}`,
		id, visitor, visitor, id, at.UnixMilli(), path)
}
