package ingest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"leadstream/internal/config"
)

// fixture is a running service.
type fixture struct {
	*Service
	url      string
	registry *prometheus.Registry
	ran      chan error   // what Run returned
	stop     func() error // ends Run and returns the same
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	cfg.ProduceTimeout = 20 * time.Second // the machine that tests run on may be busy with others
	cfg.Sites = []Site{
		{Name: "demo", WriteKeys: []string{"demo"}, SecretKeys: []config.Secret{"demo-secret"}},
		{Name: "shop", WriteKeys: []string{"shop"}, SecretKeys: []config.Secret{"shop-secret"}, Origins: []string{"https://shop.example", "https://*.shop.example"}, History: true},
	}
	return cfg
}

func start(t testing.TB, opts []KafkaOption, alter ...func(*Config, *Deps)) *fixture {
	t.Helper()
	cfg, registry := testConfig(), prometheus.NewRegistry()
	d := Deps{Log: zaptest.NewLogger(t), Registry: registry, KafkaOpts: opts}
	for _, f := range alter {
		f(&cfg, &d)
	}
	s, err := New(cfg, d)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	f := &fixture{Service: s, url: "http://" + s.Addr().String(), registry: registry, ran: ran}
	f.stop = func() error {
		cancel()
		err := <-ran
		ran <- err // for whoever asks again
		return err
	}
	t.Cleanup(func() { _ = f.stop() })
	return f
}

// ask sends a request and returns its answer, the body read.
func (f *fixture) ask(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

func (f *fixture) value(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.registry.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			match := true
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				match = match && found
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestAPageViewReachesTheTopic(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"sent_at":`+nowMs()+`,"events":[
		{"event_id":"e1","type":"page","anonymous_id":"a1","url":"https://www.acme.example/pricing?utm_source=linkedin&utm_medium=social#top",
		 "title":"Pricing","timestamp":`+nowMs()+`,"properties":{ "plan" : "pro", "n": 55459717045641545 },"consent":"full"}]}`,
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36")
	require.Equal(t, 200, answer.StatusCode, body)
	require.JSONEq(t, `{"success":true}`, body)

	events, _ := stored(t, opts)
	e := events["e1"]
	require.NotNil(t, e)
	require.Equal(t, "demo", e.Site)
	require.Equal(t, "/pricing", e.Path)
	require.Equal(t, "www.acme.example", e.Host)
	require.Equal(t, "social", e.Channel)
	require.Equal(t, "linkedin", e.UtmSource)
	require.Equal(t, `{"plan":"pro","n":55459717045641545}`, string(e.Properties))
	require.Equal(t, []string{"Chrome", "Linux", "desktop"}, []string{e.Browser, e.Os, e.Device})
	require.Equal(t, "127.0.0.1", e.Ip)
	require.False(t, e.Bot)
	require.Regexp(t, `^agent/2\+crawlers-[\d.]+ channel/\d+`, e.EnrichedBy)
	require.False(t, e.Trusted)
	require.InDelta(t, time.Now().UnixMilli(), e.ReceivedAt, 60_000)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_events_total", "site", "demo", "type", "page"))
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_requests_total", "protocol", "native", "status", "200"))
	require.NoError(t, f.Ready(t.Context()))
	require.NoError(t, f.stop())
}

func TestAPortThatIsTakenIsOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	cfg := testConfig()
	cfg.Listen = taken.Addr().String()
	_, opts := broker(t)
	_, err = New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.ErrorContains(t, err, "ingest.listen")
	require.ErrorContains(t, err, "taken")
}

func TestRunEndsWithItsListener(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	require.NoError(t, f.listener.Close())
	err := <-f.ran
	require.ErrorContains(t, err, "collectors on 127.0.0.1")
	f.ran <- err
}
