package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

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
