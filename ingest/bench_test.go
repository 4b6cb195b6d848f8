package ingest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/ingest/protocol"
)

// eventJSON is a page view as analytics-next sends it, about 1.2 KB.
const eventJSON = `{"timestamp":"2026-03-02T10:15:30.123Z","integrations":{},"type":"page","properties":{"path":"/pricing","referrer":"https://www.google.com/","search":"?utm_source=g","title":"Pricing","url":"https://acme.example/pricing?utm_source=g"},"context":{"page":{"path":"/pricing","referrer":"https://www.google.com/","search":"?utm_source=g","title":"Pricing","url":"https://acme.example/pricing?utm_source=g"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","userAgentData":{"brands":[{"brand":"Chromium","version":"130"}],"mobile":false,"platform":"Linux"},"locale":"en-US","library":{"name":"analytics.js","version":"npm:next-1.84.3"},"campaign":{"source":"g","name":"spring"},"timezone":"Europe/Berlin"},"messageId":"ajs-next-1772446530123-%08d-41d0-4b2e-9f5e-0a4f9d1b2c3d","anonymousId":"8f14e45f-ceea-467f-9b0b-%012d","userId":null,"_metadata":{"bundled":["Segment.io"],"unbundled":[],"bundledIds":[]}}`

func events(n, of int) string {
	list := make([]string, of)
	for i := range list {
		list[i] = fmt.Sprintf(eventJSON, n*of+i, n%1000)
	}
	return strings.Join(list, ",")
}

// load is the client half of every measurement, the same for us and for our peers: 32 connections, loopback.
func load(b *testing.B, url, path string, body func(int) string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	bodies := make([]string, 64)
	for i := range bodies {
		bodies[i] = body(i)
	}
	var next atomic.Int64
	b.SetBytes(int64(len(bodies[0])))
	b.SetParallelism(16)
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			answer, err := client.Post(url+path, "text/plain", strings.NewReader(bodies[next.Add(1)%64]))
			if err != nil || answer.StatusCode != http.StatusOK {
				b.Error(err, answer)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric((cpu(b)-before)/float64(b.N), "cpu-us/op")
}

// cpu is what this process has used, client and in-memory broker included, in microseconds. Unlike the wall clock it means
// something on a machine that others work on.
func cpu(b *testing.B) float64 {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
}

// peer serves a bare handler.
func peer(b *testing.B, handler http.HandlerFunc) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { server.Close() })
	return "http://" + listener.Addr().String()
}

func readAndDiscard(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = w.Write(success)
}

func toMap(w http.ResponseWriter, r *http.Request) {
	var into map[string]any
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &into)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = w.Write(success)
}

func service(b *testing.B) string {
	_, opts := broker(b)
	return start(b, opts, func(_ *Config, d *Deps) { d.Log = zap.NewNop() }).url
}

// BenchmarkSingle: one event a request. The peer does nothing with it.
func BenchmarkSingle(b *testing.B) {
	one := func(i int) string { return events(i, 1) }
	ours, bare := service(b), peer(b, readAndDiscard)
	for range 3 { // alternating, because the machine's mood changes between runs
		b.Run("leadstream", func(b *testing.B) { load(b, ours, "/v1/page?writeKey=demo", one) })
		b.Run("net_http_discard", func(b *testing.B) { load(b, bare, "/", one) })
	}
}

// BenchmarkBatch15: fifteen events a request, as analytics-node flushes. The peer unmarshals them into a map.
func BenchmarkBatch15(b *testing.B) {
	batch := func(i int) string {
		return `{"batch":[` + events(i, 15) + `],"sentAt":"2026-03-02T10:15:31Z","writeKey":"demo"}`
	}
	ours, maps := service(b), peer(b, toMap)
	for range 3 {
		b.Run("leadstream", func(b *testing.B) { load(b, ours, "/v1/batch", batch) })
		b.Run("encoding_json_to_map", func(b *testing.B) { load(b, maps, "/", batch) })
	}
}

// BenchmarkDecodeAndPipeline is the price of an event without HTTP and broker.
func BenchmarkDecodeAndPipeline(b *testing.B) {
	body := `{"batch":[` + events(1, 15) + `],"sentAt":"2026-03-02T10:15:31Z","writeKey":"demo"}`
	m := newMetrics(prometheus.NewRegistry(), nil)
	f := newBench().facts
	f.protocol, f.note = "segment", m.note
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch, err := protocol.SegmentBatch(protocol.Request{Body: body, Limits: protocol.Limits{Events: 100, Bytes: 32 << 10}})
		if err != nil {
			b.Fatal(err)
		}
		m.run(&f, batch.Items)
		records, err := encode(eventsOf(batch))
		if err != nil || len(records) != 15 {
			b.Fatal(err, len(records))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/15, "ns/event")
}

func eventsOf(batch protocol.Batch) letters {
	var l letters
	for _, it := range batch.Items {
		if it.Fault == nil {
			l.events = append(l.events, it.Event)
		}
	}
	return l
}
