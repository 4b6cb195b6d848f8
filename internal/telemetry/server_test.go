package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/trace"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// serve runs a server on addr until the test ends and returns its base URL.
func serve(t *testing.T, addr string, health *Health) string {
	t.Helper()
	l, err := Listen(addr, "telemetry.listen")
	require.NoError(t, err)
	s := NewServer(Deps{Listener: l, Registry: NewRegistry(ReadBuild("1.2.3")), Health: health, Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	_, port, err := net.SplitHostPort(s.Addr().String())
	require.NoError(t, err)
	return "http://127.0.0.1:" + port
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestMetricsNameTheBuildTheRuntimeAndTheScrapes(t *testing.T) {
	url := serve(t, "127.0.0.1:0", NewHealth())
	status, body := get(t, url+"/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, `leadstream_build_info{goversion="go1.`)
	require.Contains(t, body, `version="1.2.3"} 1`)
	for _, name := range []string{"go_goroutines ", "process_resident_memory_bytes ", "promhttp_metric_handler_errors_total"} {
		require.Contains(t, body, name)
	}
}

func TestTheRegistryPassesPrometheusOwnLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(NewRegistry(ReadBuild("")))
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestHealthzAnswersWhileNothingIsReady(t *testing.T) {
	health := NewHealth()
	health.Register("kafka", func(context.Context) error { return errors.New("no broker") })
	url := serve(t, "127.0.0.1:0", health)
	status, body := get(t, url+"/healthz")
	require.Equal(t, 200, status)
	require.Equal(t, "alive\n", body)
}

func TestReadyzListsEveryCheckAndFollowsThem(t *testing.T) {
	type answer struct {
		Ready  bool
		Checks []Result
	}
	health := NewHealth()
	url := serve(t, "127.0.0.1:0", health)
	ask := func() (status int, a answer) {
		status, body := get(t, url+"/readyz")
		require.NoError(t, json.Unmarshal([]byte(body), &a))
		return status, a
	}
	status, a := ask()
	require.Equal(t, 200, status)
	require.Equal(t, answer{Ready: true, Checks: []Result{}}, a)

	health.Register("store", func(context.Context) error { return nil })
	health.Register("kafka", func(context.Context) error { return errors.New("no broker") })
	status, a = ask()
	require.Equal(t, 503, status)
	require.Equal(t, answer{Checks: []Result{{Name: "kafka", Error: "no broker"}, {Name: "store", OK: true}}}, a)

	health.Register("kafka", func(context.Context) error { return nil }) // recovered
	status, a = ask()
	require.Equal(t, 200, status)
	require.True(t, a.Ready)
}

func TestProfilesAreForThisMachineOnly(t *testing.T) {
	status, body := get(t, serve(t, "127.0.0.1:0", NewHealth())+"/debug/pprof/")
	require.Equal(t, 200, status)
	require.Contains(t, body, "goroutine")

	open := serve(t, "0.0.0.0:0", NewHealth())
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile", "/debug/pprof/trace", "/debug/pprof/symbol"} {
		status, _ = get(t, open+path)
		require.Equal(t, 404, status, path)
	}
}

func TestRunSaysSoWhenTheListenerBreaks(t *testing.T) {
	l, err := Listen("127.0.0.1:0", "telemetry.listen")
	require.NoError(t, err)
	s := NewServer(Deps{Listener: l, Registry: NewRegistry(Build{}), Health: NewHealth(), Log: zap.NewNop()})
	require.NoError(t, l.Close())
	require.ErrorContains(t, s.Run(t.Context()), "metrics and health on 127.0.0.1:")
}

func TestAProfileUnderWayDoesNotHoldUpTheStop(t *testing.T) {
	l, err := Listen("127.0.0.1:0", "telemetry.listen")
	require.NoError(t, err)
	s := NewServer(Deps{Listener: l, Registry: NewRegistry(Build{}), Health: NewHealth(), Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	asked := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + s.Addr().String() + "/debug/pprof/trace?seconds=600")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		asked <- err
	}()
	require.Eventually(t, trace.IsEnabled, time.Minute, 5*time.Millisecond) // the request is being served
	cancel()
	require.NoError(t, <-done)
	require.Error(t, <-asked, "the trace was cut off")
}
