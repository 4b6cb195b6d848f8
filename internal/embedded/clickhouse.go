package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ClickHouse is a running server: a child of this process, started again when it crashes.
type ClickHouse struct {
	cfg     ClickHouseConfig
	name    string // what is executed
	args    []string
	library bool     // out of libchdb, not a clickhouse binary
	lock    *os.File // on the data folder
	guard   *guard   // on the public ports, when library
	native  string   // where the child itself listens
	http    string

	mu       sync.Mutex
	child    *process
	stopping chan struct{} // closed by Stop
	stopOnce sync.Once
	restarts atomic.Int64
	done     chan struct{} // closed when the server is gone for good
	err      error         // why; read after done
}

// StartClickHouse starts a server and returns when both of its ports answer. A clickhouse binary
// on PATH is preferred; else libchdb is taken from the cache, or fetched into it, which progress hears of.
func StartClickHouse(ctx context.Context, cfg ClickHouseConfig, progress io.Writer) (*ClickHouse, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded clickhouse: %w", err)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded: data folder: %w", err)
	}
	cfg.Dir = dir
	server := &ClickHouse{cfg: cfg, stopping: make(chan struct{}), done: make(chan struct{})}
	if err := server.findCommand(ctx, progress); err != nil {
		return nil, err
	}
	// The lock comes before the ports: a predecessor killed a moment ago has its child holding both.
	if server.lock, err = lockDataDir(ctx, cfg.Dir, cfg.DirFlag); err != nil {
		return nil, err
	}
	if err := server.prepareAndStart(ctx); err != nil {
		return nil, errors.Join(err, server.lock.Close())
	}
	go server.supervise()
	return server, nil
}

// prepareAndStart settles the ports, writes the server's files and starts the first child.
func (c *ClickHouse) prepareAndStart(ctx context.Context) (err error) {
	if err := c.settlePorts(); err != nil {
		return err
	}
	if err := c.cfg.write(c.native, c.http); err != nil {
		return err
	}
	if err := c.startChild(ctx); err != nil {
		if c.guard != nil {
			c.guard.close()
		}
		return err
	}
	return nil
}

// settlePorts gives a clickhouse binary the public ports, and libchdb ports of its own behind the guard.
func (c *ClickHouse) settlePorts() (err error) {
	if !c.library {
		if c.cfg.Addr, err = resolvePort(c.cfg.Addr, c.cfg.AddrFlag); err != nil {
			return err
		}
		c.cfg.HTTPAddr, err = resolvePort(c.cfg.HTTPAddr, c.cfg.HTTPAddrFlag)
		c.native, c.http = c.cfg.Addr, c.cfg.HTTPAddr
		return err
	}
	if c.native, err = resolvePort("127.0.0.1:0", ""); err != nil {
		return err
	}
	if c.http, err = resolvePort("127.0.0.1:0", ""); err != nil {
		return err
	}
	if c.guard, err = startGuard(c.cfg, c.native, c.http); err != nil {
		return err
	}
	c.cfg.Addr, c.cfg.HTTPAddr = c.guard.native.Addr().String(), c.guard.http.Addr().String()
	return nil
}

// startChild starts one child and waits until it answers.
func (c *ClickHouse) startChild(ctx context.Context) error {
	child, err := startProcess(c.name, c.args, filepath.Join(c.cfg.Dir, "process.log"), c.lock)
	if err != nil {
		return err
	}
	if err := c.awaitReady(ctx, child); err != nil {
		child.kill()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.child = child
	return nil
}

// keepAlive is the query that libchdb, which is clickhouse-local at heart, runs for as long as the
// server shall live. Short sleeps: a kill is noticed between two of them.
const keepAlive = "SELECT sleepEachRow(0.2) FROM system.numbers SETTINGS max_block_size = 1, max_execution_time = 0 FORMAT Null"

// findCommand decides which server is started.
func (c *ClickHouse) findCommand(ctx context.Context, progress io.Writer) error {
	config := "--config-file=" + filepath.Join(c.cfg.Dir, "config.xml")
	if binary, err := exec.LookPath("clickhouse"); err == nil {
		c.name, c.args = binary, []string{"server", config}
		return nil
	}
	cache := c.cfg.Cache
	if cache == "" {
		var err error
		if cache, err = CacheDir(); err != nil {
			return err
		}
	}
	path, err := FetchLibrary(ctx, cache, progress)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("embedded: own executable: %w", err)
	}
	c.library = true
	c.name, c.args = self, []string{
		childWord, path, config,
		"--path=" + filepath.Join(c.cfg.Dir, "store"),
		"--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " + keepAlive,
	}
	return nil
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
	return "ClickHouse from " + c.name
}

// PID is the process id of the current child.
func (c *ClickHouse) PID() int { return c.current().cmd.Process.Pid }

// Restarts counts the crashes that were mended.
func (c *ClickHouse) Restarts() int64 { return c.restarts.Load() }

// Done is closed when the server is gone for good: stopped, or given up.
func (c *ClickHouse) Done() <-chan struct{} { return c.done }

// Wait blocks until the server is gone for good and tells why; nil after a clean stop.
func (c *ClickHouse) Wait() error {
	<-c.done
	return c.err
}

func (c *ClickHouse) current() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.child
}

// Stop ends the server cleanly, and by force when it takes longer than StopTimeout or ctx.
func (c *ClickHouse) Stop(ctx context.Context) error {
	c.stopOnce.Do(func() {
		close(c.stopping)
		if c.guard != nil {
			c.guard.close() // libchdb would wait 5 s for clients that stay connected, and then fail
		}
	})
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StopTimeout)
	defer cancel()
	for {
		// Asked again and again: a child that was being started when the first question came did not hear it.
		askErr := c.askToStop(ctx)
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			c.killUntilGone()
			return errors.Join(fmt.Errorf("embedded: ClickHouse did not stop within %s and was killed; what it acknowledged is on disk", c.cfg.StopTimeout), askErr)
		case <-time.After(time.Second):
		}
	}
}

// killUntilGone kills the child, and the one that was being started in its place when the kill came.
func (c *ClickHouse) killUntilGone() {
	for {
		c.current().kill()
		select {
		case <-c.done:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// askToStop kills the keep-alive query, which ends libchdb as the end of its script does; a
// clickhouse binary takes SIGTERM.
func (c *ClickHouse) askToStop(ctx context.Context) error {
	if !c.library {
		return c.current().cmd.Process.Signal(syscall.SIGTERM)
	}
	_, err := c.query(ctx, "KILL QUERY WHERE startsWith(query, 'SELECT sleepEachRow(0.2) FROM system.numbers') ASYNC")
	return err
}
