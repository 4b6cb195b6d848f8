package scoring

import (
	"context"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// wireSample is what a worker wrote, by topic.
type wireSample map[string]*wireTopic

// wireTopic is values of some of a topic's records, in their order, and how many
// records there were for each event.
type wireTopic struct {
	values   [][]byte
	perEvent float64
	owed     map[int32]float64 // by partition: a part of a record
	next     int
}

// sampleOf is how many values are kept of a topic: 10 MB in all, so that they weigh
// on memory and its collector no more than a worker's state does.
const sampleOf = 10_000

// sampleWire lets a worker score the rig's events once and looks at what it wrote.
func (r *rig) sampleWire() wireSample {
	cfg := DefaultConfig()
	cfg.SnapshotDir, cfg.Group, cfg.TransactionalID = "", "sample", "sample"
	w := r.start(cfg)
	r.settled(cfg.Group)
	w.stop()
	events := w.counter("leadstream_scoring_events_total")
	out := wireSample{}
	for _, topic := range []string{schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages} {
		records := r.read(topic)
		sample := &wireTopic{perEvent: float64(len(records)) / events, owed: map[int32]float64{}}
		for _, rec := range records[:min(len(records), sampleOf)] {
			sample.values = append(sample.values, append([]byte(nil), rec.Value...))
		}
		out[topic] = sample
	}
	return out
}

// onlyWire reads the events in transactions of a worker's length and writes for those
// of each partition what the sample says, into that partition. What else is to be
// done with what was read is done by each, for all partitions at the same time.
func (r *rig) onlyWire(b *testing.B, group string, events int, sample wireSample, each func(kgo.FetchTopicPartition)) spent {
	cfg := DefaultConfig()
	client, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(r.addrs...), kgo.TransactionalID(group), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(schemas.TopicEvents), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(cfg.CommitInterval/2), kgo.MaxBufferedRecords(maxBuffered))
	require.NoError(b, err)
	defer client.Close()
	var first kgo.Fetches
	for first.NumRecords() == 0 { // as a worker is timed from when it is ready
		first = client.PollRecords(context.Background(), 1)
	}
	return measure(func() {
		require.NoError(b, client.Begin())
		sample.write(client, first, each)
		for n, open := 1, 1; n < events; {
			began := time.Now()
			for n < events && open < cfg.MaxRecords && time.Since(began) < cfg.CommitInterval {
				fetches := client.PollRecords(context.Background(), cfg.MaxRecords)
				sample.write(client, fetches, each)
				n, open = n+fetches.NumRecords(), open+fetches.NumRecords()
			}
			ok, err := client.End(context.Background(), kgo.TryCommit)
			require.NoError(b, err)
			require.True(b, ok)
			if open = 0; n < events {
				require.NoError(b, client.Begin())
			}
		}
	})
}

func (w wireSample) write(client *kgo.GroupTransactSession, fetches kgo.Fetches, each func(kgo.FetchTopicPartition)) {
	if each != nil {
		var read []kgo.FetchTopicPartition
		fetches.EachPartition(func(f kgo.FetchTopicPartition) { read = append(read, f) })
		together(read, each)
	}
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		for _, rec := range f.Records {
			for topic, t := range w {
				for t.owed[f.Partition] += t.perEvent; t.owed[f.Partition] >= 1; t.owed[f.Partition]-- {
					value := t.values[t.next%len(t.values)]
					t.next++
					client.Produce(context.Background(), &kgo.Record{Topic: topic, Partition: f.Partition, Key: rec.Key, Value: value}, nil)
				}
			}
		}
	})
}

// bareModel is what is left of scoring without state: an event is read, and the model applied to a lead of which nothing is
// known yet, in memory that is at hand. No lead is looked up, unpacked, kept, packed or told; no row is made.
func bareModel(b *testing.B) func(kgo.FetchTopicPartition) {
	type part struct {
		lead  model.Lead
		event pb.Event
	}
	var parts [12]part
	return func(f kgo.FetchTopicPartition) {
		p := &parts[f.Partition]
		for _, rec := range f.Records {
			id, no := decodeInto(rec, &p.event)
			if no != nil {
				b.Error(no)
				return
			}
			p.lead.Reset(id, p.event.Site)
			testModel.Apply(&p.lead, &p.event, nil)
		}
	}
}
