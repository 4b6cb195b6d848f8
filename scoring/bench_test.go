package scoring

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// BenchmarkWorker measures events a second through the whole worker, broker on
// disk in the same process, and what merely reading them gives, in turn on the
// same broker, so that a busy machine slows both. `ratio` is one over the other.
//
//	go test ./scoring -run '^$' -bench Worker -benchtime 3x
func BenchmarkWorker(b *testing.B) {
	const events, visitors = 100_000, 20_000
	r := newRig(b, b.TempDir(), 12)
	stream := visits(1, events, visitors)
	for len(stream) > 0 {
		n := min(len(stream), 5000)
		r.send(stream[:n]...)
		stream = stream[n:]
	}
	var working, reading time.Duration
	b.ResetTimer()
	for i := range b.N {
		reading += r.consumeOnly(events)
		cfg := DefaultConfig()
		cfg.SnapshotDir = ""
		cfg.Group = fmt.Sprintf("bench-%d", i)
		cfg.TransactionalID = cfg.Group
		// The changelog of the former turn is this turn's state: begin with none.
		r.emptyOutputs()
		began := time.Now()
		w := r.start(cfg)
		for w.counter("leadstream_scoring_events_total") < events {
			time.Sleep(5 * time.Millisecond)
		}
		working += time.Since(began)
		w.stop()
	}
	rate := func(d time.Duration) float64 { return float64(events*b.N) / d.Seconds() }
	b.ReportMetric(rate(working), "events/s")
	b.ReportMetric(rate(reading), "read/s")
	b.ReportMetric(reading.Seconds()/working.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// consumeOnly reads all events with a plain consumer and decodes nothing.
func (r *rig) consumeOnly(events int) time.Duration {
	began := time.Now()
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumeTopics(schemas.TopicEvents), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(r.t, err)
	defer reader.Close()
	for n := 0; n < events; {
		n += reader.PollFetches(context.Background()).NumRecords()
	}
	return time.Since(began)
}

// emptyOutputs makes the output topics anew.
func (r *rig) emptyOutputs() {
	ctx := context.Background()
	for _, topic := range []string{schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages} {
		_, err := r.admin.DeleteTopics(ctx, topic)
		require.NoError(r.t, err)
		r.createTopic(topic, 12)
	}
}

// BenchmarkFold is the worker without a broker: decode, fold, and the records
// of a transaction of 2,000 events.
func BenchmarkFold(b *testing.B) {
	stream := visits(1, 200_000, 20_000)
	raw := make([]*kgo.Record, len(stream))
	for i, ev := range stream {
		value, err := proto.Marshal(ev)
		require.NoError(b, err)
		raw[i] = &kgo.Record{Topic: schemas.TopicEvents, Offset: int64(i), Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: value}
	}
	p, ev := newPartition(0, 0), new(pb.Event)
	bytes := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%len(raw) == 0 {
			p = newPartition(0, 0)
		}
		id, no := decodeInto(raw[i%len(raw)], ev)
		if no != nil {
			b.Fatal(no)
		}
		out, _ := p.fold(testModel, testModel.Apply, incoming{id, ev, nil, raw[i%len(raw)]})
		for _, row := range out.Ledger {
			value, _ := row.MarshalVT()
			bytes += len(value)
		}
		if i%2000 == 1999 {
			p.records(testModel, func(_ string, rec *pb.LeadRecord) {
				value, _ := rec.MarshalVT()
				bytes += len(value)
			})
			p.committed(0, 0, rowPlaces{})
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "B-out/op")
}
