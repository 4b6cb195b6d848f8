package embedded

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// awaitReady polls both ports until they answer, or the child is gone.
func (c *ClickHouse) awaitReady(ctx context.Context, child *process) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	for {
		last := c.ping(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-child.done:
			if child.err == nil {
				return fmt.Errorf("embedded: ClickHouse ended while starting: %s", child.lastWords())
			}
			return fmt.Errorf("embedded: %w", child.err)
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
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.native)
	if err != nil {
		return err
	}
	return conn.Close()
}

// query asks as the default user.
func (c *ClickHouse) query(ctx context.Context, sql string) (string, error) {
	return c.queryAs(ctx, "default", sql)
}

// queryAs runs one statement over HTTP: the plumbing needs no client library for two questions.
func (c *ClickHouse) queryAs(ctx context.Context, user, sql string) (string, error) {
	target := url.URL{Scheme: "http", Host: c.http, Path: "/", RawQuery: url.Values{"user": {user}}.Encode()}
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
