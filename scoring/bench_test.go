package scoring

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// BenchmarkWorker measures events a second through the whole worker, broker on
// disk in the same process, in turn with what it is compared to, on the same broker,
// so that a busy machine slows all of them:
//
//	read       a plain consumer that looks at nothing
//	fold       a consumer that folds and writes nothing
//	atleast    that writes all outputs, without transactions
//	worker     as it is
//	wire       what no scoring could be quicker than: the same events read, outputs of
//	           the same number and sizes written, in the same transactions, and nothing else
//	floor      what is left of a worker without state: wire, and each event read and applied
//	           to a lead of which nothing is known (bareModel)
//
// cpu is the whole process', broker and garbage collector included.
//
//	go test ./scoring -run '^$' -bench Worker -benchtime 3x
func BenchmarkWorker(b *testing.B) {
	const events = 300_000
	r := newRig(b, b.TempDir(), 12)
	for stream := crowd(1, events); len(stream) > 0; {
		n := min(len(stream), 5000)
		r.send(stream[:n]...)
		stream = stream[n:]
	}
	type mode struct {
		name string
		run  func(i int) spent
	}
	var wire wireSample
	modes := []mode{
		{"read", func(int) spent { return r.consume(events, nil) }},
		{"fold", func(int) spent { return r.consume(events, newFolder(r, nil)) }},
		{"atleast", func(int) spent {
			client, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(DefaultConfig().CommitInterval/2), kgo.MaxBufferedRecords(maxBuffered))
			require.NoError(b, err)
			defer client.Close()
			return r.consume(events, newFolder(r, client))
		}},
		{"worker", func(i int) spent { return r.work(fmt.Sprintf("bench-%d", i), events) }},
		{"wire", func(i int) spent { return r.onlyWire(b, fmt.Sprintf("wire-%d", i), events, wire, nil) }},
		{"floor", func(i int) spent { return r.onlyWire(b, fmt.Sprintf("floor-%d", i), events, wire, bareModel(b)) }},
	}
	if only := os.Getenv("MODES"); only != "" { // to profile one of them
		modes = slices.DeleteFunc(modes, func(m mode) bool { return !slices.Contains(strings.Split(only, ","), m.name) })
	}
	wire = r.sampleWire()
	total := map[string]spent{}
	b.ResetTimer()
	for i := range b.N {
		for _, mode := range modes {
			r.emptyOutputs() // one turn's changelog would be the next one's state
			runtime.GC()
			t := total[mode.name]
			t.add(mode.run(i))
			total[mode.name] = t
		}
	}
	for _, mode := range modes {
		t := total[mode.name]
		if t.wall == 0 {
			continue
		}
		b.ReportMetric(float64(events*b.N)/t.wall.Seconds(), mode.name+"-events/s")
		b.ReportMetric(float64(t.cpu.Nanoseconds())/float64(events*b.N)/1000, mode.name+"-cpu-us/event")
	}
	whole := total["worker"]
	if len(modes) < 2 || whole.wall == 0 {
		return
	}
	b.ReportMetric(total["read"].wall.Seconds()/whole.wall.Seconds(), "of-read")
	b.ReportMetric(total["fold"].wall.Seconds()/whole.wall.Seconds(), "of-fold")
	b.ReportMetric(total["atleast"].wall.Seconds()/whole.wall.Seconds(), "of-atleast")
	b.ReportMetric(total["wire"].wall.Seconds()/whole.wall.Seconds(), "of-wire")
	b.ReportMetric(total["read"].wall.Seconds()/total["wire"].wall.Seconds(), "wire-of-read")
	b.ReportMetric(total["read"].wall.Seconds()/total["floor"].wall.Seconds(), "floor-of-read")
	b.ReportMetric(0, "ns/op")
}

// crowd is visits of a million visitors of whom few come often (Zipf, 1.1).
func crowd(seed uint64, n int) []*pb.Event {
	zipf := rand.NewZipf(rand.New(rand.NewPCG(seed, 9)), 1.1, 1, 999_999)
	out := visits(seed, n, 1)
	for _, ev := range out {
		v := zipf.Uint64()
		ev.AnonymousId = schemas.NewLeadID(fmt.Sprint(v)).String() // as long as a tracker's
		ev.SessionId = fmt.Sprintf("s%d-%d", v, len(ev.EventId)%4)
	}
	return out
}

// spent is what a turn cost: time, and processors' time of the process.
type spent struct{ wall, cpu time.Duration }

func (s *spent) add(o spent) { s.wall, s.cpu = s.wall+o.wall, s.cpu+o.cpu }

func measure(do func()) spent {
	cpu, began := processTime(), time.Now()
	do()
	return spent{time.Since(began), processTime() - cpu}
}

func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// work is a worker from being ready to the last event.
func (r *rig) work(group string, events int) spent {
	cfg := DefaultConfig()
	cfg.SnapshotDir, cfg.Group, cfg.TransactionalID = "", group, group
	w := r.worker(cfg)
	defer w.stop()
	r.runs(w)
	for w.Ready(context.Background()) != nil {
		time.Sleep(time.Millisecond)
	}
	return measure(func() {
		for testutil.ToFloat64(w.metrics.events) < float64(events) {
			time.Sleep(time.Millisecond)
		}
	})
}

// consume reads all events with a plain consumer and gives them to f.
func (r *rig) consume(events int, f *folder) spent {
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumeTopics(schemas.TopicEvents), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(r.t, err)
	defer reader.Close()
	return measure(func() {
		for n := 0; n < events; {
			fetches := reader.PollRecords(context.Background(), 20_000)
			n += fetches.NumRecords()
			if f != nil {
				fetches.EachPartition(func(p kgo.FetchTopicPartition) { f.fold(p.Partition, p.Records) })
				f.flush(n >= events)
			}
		}
	})
}

// folder does what a session does, without transactions, or without outputs.
type folder struct {
	r      *rig
	client *kgo.Client // nil: writes nothing
	parts  map[int32]*partition
	event  pb.Event
	last   time.Time
}

func newFolder(r *rig, client *kgo.Client) *folder {
	f := &folder{r: r, client: client, parts: map[int32]*partition{}, last: time.Now()}
	for num := range int32(12) {
		f.parts[num] = newPartition(num, 0)
		f.parts[num].model = testModel
	}
	return f
}

func (f *folder) write(p *partition, topic string, key []byte, value message) {
	if f.client == nil {
		return
	}
	b := make([]byte, value.SizeVT())
	_, err := value.MarshalToSizedBufferVT(b)
	require.NoError(f.r.t, err)
	f.client.Produce(context.Background(), &kgo.Record{Topic: topic, Partition: p.num, Key: key, Value: b}, nil)
}

func (f *folder) fold(num int32, records []*kgo.Record) {
	p := f.parts[num]
	for _, rec := range records {
		id, no := decodeInto(rec, &f.event)
		if no != nil {
			f.r.t.Fatal(no)
		}
		src := &pb.Source{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset}
		out, _ := p.fold(testModel, testModel.Apply, incoming{id: id, event: &f.event, source: src, record: rec})
		for _, row := range out.Ledger {
			f.write(p, schemas.TopicLedger, p.work.leadKey(row.LeadId), row)
		}
		for _, row := range out.Stages {
			f.write(p, schemas.TopicStages, p.work.leadKey(row.LeadId), row)
		}
	}
}

func (f *folder) flush(end bool) {
	if !end && time.Since(f.last) < 100*time.Millisecond {
		return
	}
	for _, p := range f.parts {
		p.records(testModel, func(rec *pb.LeadRecord) { f.write(p, schemas.TopicLeads, p.work.leadKey(rec.LeadId), rec) })
	}
	if f.client != nil {
		require.NoError(f.r.t, f.client.Flush(context.Background()))
	}
	for _, p := range f.parts {
		p.committed(0, 0, rowPlaces{})
	}
	f.last = time.Now()
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

// BenchmarkDecode is the reading of an event's record, alone.
func BenchmarkDecode(b *testing.B) {
	var raw []*kgo.Record
	for _, ev := range crowd(1, 20_000) {
		value, err := proto.Marshal(ev)
		require.NoError(b, err)
		raw = append(raw, &kgo.Record{Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: value})
	}
	ev := new(pb.Event)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, no := decodeInto(raw[i%len(raw)], ev); no != nil {
			b.Fatal(no)
		}
	}
}

// BenchmarkFold is the worker without a broker: decode, fold, and the records
// of a transaction of 2,000 events.
func BenchmarkFold(b *testing.B) {
	stream := crowd(1, 200_000)
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
		out, _ := p.fold(testModel, testModel.Apply, incoming{id: id, event: ev, source: nil, record: raw[i%len(raw)]})
		for _, row := range out.Ledger {
			value, _ := row.MarshalVT()
			bytes += len(value)
		}
		if i%2000 == 1999 {
			p.records(testModel, func(rec *pb.LeadRecord) {
				value, _ := rec.MarshalVT()
				bytes += len(value)
			})
			p.committed(0, 0, rowPlaces{})
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "B-out/op")
}
