package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"leadstream/internal/clickhouse"
)

// httpStore is ClickHouse's HTTP interface: the native protocol has rows, only HTTP has files.
type httpStore struct {
	url      url.URL
	database string
	user     string
	password string
	client   *http.Client
}

// newHTTPStore takes user, password and database from the native connection's config.
func newHTTPStore(cfg clickhouse.Config, address string) (*httpStore, error) {
	options, err := cfg.Options()
	if err != nil {
		return nil, err
	}
	s := &httpStore{database: options.Auth.Database, user: options.Auth.Username, password: options.Auth.Password, client: exportClient(options.TLS)}
	if address == "" {
		s.url.Scheme, s.url.Host = usualHTTP(options.Addr[0], options.TLS != nil)
		return s, nil
	}
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("export: --http: must be such as http://host:8123 (got %q)", address)
	}
	s.url = *at
	return s, nil
}

// exportClient trusts what the native connection trusts. It follows no redirect: the headers carry a password, and
// wherever they are sent on to, it is not the server that the config names.
func exportClient(trust *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if trust != nil {
		transport.TLSClientConfig = trust.Clone()
		transport.TLSClientConfig.NextProtos = nil // the native protocol's are not HTTP's
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get answers a query's bytes as they come; the caller closes them.
func (s *httpStore) get(ctx context.Context, query, id string, params map[string]string) (io.ReadCloser, error) {
	values := url.Values{"database": {s.database}, "query_id": {id}}
	for name, value := range params {
		values.Set("param_"+name, value)
	}
	at := s.url
	at.RawQuery = values.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	request.Header.Set("X-ClickHouse-User", s.user)
	request.Header.Set("X-ClickHouse-Key", s.password)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("export: ClickHouse's HTTP interface does not answer: %w (start it with `leadstream all`, or name it with --http)", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		if to := response.Header.Get("Location"); to != "" {
			return nil, fmt.Errorf("export: %s answers %s to %s, which is not followed: name the right address with --http", s.url.Host, response.Status, to)
		}
		said, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return nil, fmt.Errorf("export: ClickHouse at %s refuses: %s", s.url.Host, strings.TrimSpace(string(said)))
	}
	return response.Body, nil
}

// kill ends a query that nobody waits for any more: left alone, the server works it out to the end.
func (s *httpStore) kill(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if body, err := s.get(ctx, "KILL QUERY WHERE query_id = '"+id+"' ASYNC", uuid.NewString(), nil); err == nil {
		body.Close() // the caller's error says what went wrong; a query that could not be killed ends by itself
	}
}

// exportMeter copies and tells how far it is.
type exportMeter struct {
	name    string
	server  *httpStore
	stderr  io.Writer
	began   time.Time
	written atomic.Int64
	safe    bool // for a spreadsheet
}

func newExportMeter(name string, server *httpStore, stderr io.Writer) *exportMeter {
	return &exportMeter{name: name, server: server, stderr: stderr, began: time.Now()}
}

func (m *exportMeter) Write(p []byte) (int, error) {
	m.written.Add(int64(len(p)))
	return len(p), nil
}

// run copies the query's answer. A server that fails in the middle breaks the answer off, which is an error here.
func (m *exportMeter) run(ctx context.Context, to io.Writer, query string, params map[string]string) error {
	id := uuid.NewString()
	done := make(chan struct{})
	told := make(chan struct{})
	go func() { defer close(told); m.tell(ctx, id, done) }()
	err := m.copy(ctx, to, query, id, params)
	close(done)
	<-told
	if err != nil {
		m.server.kill(id)
		return err
	}
	fmt.Fprintf(m.stderr, "%s: done, %s in %s\n", m.name, m.size(), time.Since(m.began).Round(10*time.Millisecond))
	return nil
}

func (m *exportMeter) copy(ctx context.Context, to io.Writer, query, id string, params map[string]string) error {
	body, err := m.server.get(ctx, query, id, params)
	if err != nil {
		return err
	}
	defer body.Close()
	if m.safe {
		err = copyWithoutFormulas(io.MultiWriter(to, m), body)
	} else {
		_, err = io.Copy(io.MultiWriter(to, m), body)
	}
	if err != nil {
		return fmt.Errorf("export: %s broke off after %s: %w", m.name, m.size(), errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// tell says a line every two seconds. How much the server has read it alone knows.
func (m *exportMeter) tell(ctx context.Context, id string, done <-chan struct{}) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fmt.Fprintf(m.stderr, "%s: %s%s\n", m.name, m.size(), m.readSoFar(ctx, id))
		}
	}
}

// readSoFar is left out when the server does not say: progress is a courtesy.
func (m *exportMeter) readSoFar(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	body, err := m.server.get(ctx, "SELECT concat(', ', toString(intDiv(100 * read_rows, greatest(read_rows, total_rows_approx))), ' % read') FROM system.processes WHERE query_id = {id:String} FORMAT TSVRaw",
		uuid.NewString(), map[string]string{"id": id})
	if err != nil {
		return ""
	}
	defer body.Close()
	said, err := io.ReadAll(io.LimitReader(body, 64))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(said))
}

func (m *exportMeter) size() string {
	return fmt.Sprintf("%.1f MiB", float64(m.written.Load())/(1<<20))
}
