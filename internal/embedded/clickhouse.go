package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ClickHouse is a running server: a child of this process.
type ClickHouse struct {
	cfg     ClickHouseConfig
	child   *process
	library bool // out of libchdb, not a clickhouse binary
}

// StartClickHouse starts a server and returns when both of its ports answer. A clickhouse binary
// on PATH is preferred; else libchdb is taken from the cache, or fetched into it, which progress hears of.
func StartClickHouse(ctx context.Context, cfg ClickHouseConfig, progress io.Writer) (*ClickHouse, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded: data folder: %w", err)
	}
	cfg.Dir = dir
	name, args, library, err := serverCommand(ctx, cfg, progress)
	if err != nil {
		return nil, err
	}
	// The lock comes before the ports: a predecessor killed a moment ago has its child holding both.
	lock, err := lockDataDir(ctx, cfg.Dir, cfg.DirFlag)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the child has inherited it
	if cfg.Addr, err = resolvePort(cfg.Addr, cfg.AddrFlag); err != nil {
		return nil, err
	}
	if cfg.HTTPAddr, err = resolvePort(cfg.HTTPAddr, cfg.HTTPAddrFlag); err != nil {
		return nil, err
	}
	if _, err := cfg.write(); err != nil {
		return nil, err
	}
	child, err := startProcess(name, args, filepath.Join(cfg.Dir, "process.log"), lock)
	if err != nil {
		return nil, err
	}
	server := &ClickHouse{cfg: cfg, child: child, library: library}
	if err := server.awaitReady(ctx); err != nil {
		child.kill()
		return nil, err
	}
	return server, nil
}

// keepAlive is the query that libchdb, which is clickhouse-local at heart, runs for as long as the
// server shall live. Short sleeps: a kill is noticed between two of them.
const keepAlive = "SELECT sleepEachRow(0.2) FROM system.numbers SETTINGS max_block_size = 1, max_execution_time = 0 FORMAT Null"

// serverCommand decides which server is started.
func serverCommand(ctx context.Context, cfg ClickHouseConfig, progress io.Writer) (name string, args []string, library bool, err error) {
	config := "--config-file=" + filepath.Join(cfg.Dir, "config.xml")
	if binary, err := exec.LookPath("clickhouse"); err == nil {
		return binary, []string{"server", config}, false, nil
	}
	cache := cfg.Cache
	if cache == "" {
		if cache, err = CacheDir(); err != nil {
			return "", nil, false, err
		}
	}
	path, err := FetchLibrary(ctx, cache, progress)
	if err != nil {
		return "", nil, false, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, false, fmt.Errorf("embedded: own executable: %w", err)
	}
	return self, []string{
		childWord, path, config,
		"--path=" + filepath.Join(cfg.Dir, "store"),
		"--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " + keepAlive,
	}, true, nil
}

// Addr is the native protocol's host:port, with the real port.
func (c *ClickHouse) Addr() string { return c.cfg.Addr }

// HTTPAddr is the HTTP protocol's host:port, with the real port.
func (c *ClickHouse) HTTPAddr() string { return c.cfg.HTTPAddr }

// DSN addresses one database of this server over the native protocol.
func (c *ClickHouse) DSN(database string) string {
	return "clickhouse://default@" + c.cfg.Addr + "/" + database
}

// Describe names the kind of server for the start-up message.
func (c *ClickHouse) Describe() string {
	if c.library {
		return "ClickHouse from libchdb"
	}
	return "ClickHouse from " + c.child.cmd.Path
}

// PID is the child's process id.
func (c *ClickHouse) PID() int { return c.child.cmd.Process.Pid }

// Done is closed when the server is gone, asked or not.
func (c *ClickHouse) Done() <-chan struct{} { return c.child.done }

// Wait blocks until the server is gone and tells why; nil after a clean stop.
func (c *ClickHouse) Wait() error {
	<-c.child.done
	return c.child.err
}

// Stop ends the server cleanly, and by force when it takes longer than StopTimeout or ctx.
func (c *ClickHouse) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StopTimeout)
	defer cancel()
	askErr := c.askToStop(ctx)
	select {
	case <-c.child.done:
		return c.child.err
	case <-ctx.Done():
		c.child.kill()
		return errors.Join(fmt.Errorf("embedded: ClickHouse did not stop within %s and was killed; what it acknowledged is on disk", c.cfg.StopTimeout), askErr)
	}
}

// askToStop kills the keep-alive query, which ends libchdb as the end of its script does; a
// clickhouse binary takes SIGTERM.
func (c *ClickHouse) askToStop(ctx context.Context) error {
	if !c.library {
		return c.child.cmd.Process.Signal(os.Interrupt)
	}
	_, err := c.query(ctx, "KILL QUERY WHERE startsWith(query, 'SELECT sleepEachRow(0.2) FROM system.numbers') ASYNC")
	return err
}

// awaitReady polls both ports until they answer.
func (c *ClickHouse) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	var last error
	for {
		if last = c.ping(ctx); last == nil {
			return nil
		}
		select {
		case <-c.child.done:
			if c.child.err == nil {
				return fmt.Errorf("embedded: ClickHouse ended while starting: %s", c.child.lastWords())
			}
			return c.child.err
		case <-ctx.Done():
			return fmt.Errorf("embedded: ClickHouse did not answer within %s: %w; its log is %s/server.log", c.cfg.StartTimeout, last, c.cfg.Dir)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ping asks a question over HTTP and opens the native port.
func (c *ClickHouse) ping(ctx context.Context) error {
	answer, err := c.query(ctx, "SELECT 1")
	if err != nil {
		return err
	}
	if answer != "1\n" {
		return fmt.Errorf("SELECT 1 gave %q", answer)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.cfg.Addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// query runs one statement over HTTP: the plumbing needs no client library for two questions.
func (c *ClickHouse) query(ctx context.Context, sql string) (string, error) {
	target := url.URL{Scheme: "http", Host: c.cfg.HTTPAddr, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.Close = true // no idle connection may hold up the server's stop
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ClickHouse answers %s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
