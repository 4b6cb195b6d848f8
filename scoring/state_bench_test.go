package scoring

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkCollector is a full garbage collection beside five million leads, and
// what they take: 1000 different ones under five million ids. A lead's own bytes,
// with and without the ids of what was counted, are BenchmarkIdleLead's.
//
//	go test ./scoring -run '^$' -bench Collector -benchtime 1x
func BenchmarkCollector(b *testing.B) {
	const leads, partitions = 5_000_000, 12
	var packed [1000][]byte
	var keys [1000]int // where its visitor's id stands
	words := model.NewWords()
	for i := range packed {
		id := schemas.NewLeadID(fmt.Sprint(i))
		packed[i] = quiet(fmt.Sprint(i)).Pack(nil, words)
		keys[i] = bytes.Index(packed[i], id[:])
	}
	base := inUse()
	parts := make([]*partition, partitions)
	for i := range parts {
		parts[i] = newPartition(int32(i), 0)
		parts[i].leads.words = words
	}
	inRows, slots := int64(0), 0
	for i := range leads {
		row := row{packed: packed[i%len(packed)]}
		binary.LittleEndian.PutUint64(row.packed[keys[i%len(packed)]:], uint64(i))
		row.id = idOf(row.packed, words.Texts())
		parts[i%partitions].leads.rows.put(row)
	}
	for _, p := range parts {
		inRows += p.leads.rows.bytes
		slots += 8 * len(p.leads.rows.index.slots)
	}
	took := time.Duration(0)
	b.ResetTimer()
	for range b.N {
		runtime.GC() // ends the sweep of the one before
		began := time.Now()
		runtime.GC()
		took += time.Since(began)
	}
	b.ReportMetric(took.Seconds()*1000/float64(b.N), "ms/GC")
	b.ReportMetric(float64(inUse()-base)/leads, "B/lead")
	b.ReportMetric(float64(inRows)/leads, "B-row/lead")
	b.ReportMetric(float64(slots)/leads, "B-index/lead")
	b.ReportMetric(0, "ns/op")
	runtime.KeepAlive(parts)
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// quiet is a visitor who came once.
func quiet(name string) *model.Lead {
	id := schemas.NewLeadID(name)
	l := model.NewLead(schemas.NewLeadID(schemas.EventKey("demo", id.String(), "")), "demo")
	for i, path := range []string{"/", "/pricing", "/docs/x"} {
		at := 1_767_603_600_000 + int64(i)*60_000
		testModel.Apply(l, &pb.Event{
			EventId: fmt.Sprint(name, i), Site: "demo", Type: "page", AnonymousId: id.String(), EventTime: at, ReceivedAt: at,
			SessionId: name, ViewId: fmt.Sprint(name, i), Path: path,
		}, nil)
	}
	return l
}

// BenchmarkRestore restores all partitions from the changelog, from snapshots, and
// merely reads the changelog, in turn, on the same broker: medians of the ratios. By CPU,
// the broker's included, where others use the machine.
//
//	go test ./scoring -run '^$' -bench Restore -benchtime 5x
func BenchmarkRestore(b *testing.B) {
	const leads = 200_000
	r := newRig(b, b.TempDir(), testPartitions)
	r.changelog(leads)
	cfg := r.config()
	cfg.SnapshotDir = b.TempDir()
	for _, p := range r.restored(r.noSnapshots()) { // what a worker would have written
		s := &session{Worker: r.worker(cfg).Worker}
		require.NoError(b, s.checkTopicsOf(r))
		s.snapshot(p)()
	}
	var read, changelog, snapshot time.Duration
	var ofRead, ofReadCPU, ofChangelog []float64
	b.ResetTimer()
	for range b.N {
		reading := measure(func() { r.readOnly(leads) })
		restoring := measure(func() { r.restored(r.noSnapshots()) })
		loading := measure(func() { r.restored(cfg) })
		read, changelog, snapshot = read+reading.wall, changelog+restoring.wall, snapshot+loading.wall
		ofRead = append(ofRead, reading.wall.Seconds()/restoring.wall.Seconds())
		ofReadCPU = append(ofReadCPU, reading.cpu.Seconds()/restoring.cpu.Seconds())
		ofChangelog = append(ofChangelog, restoring.wall.Seconds()/loading.wall.Seconds())
	}
	rate := func(d time.Duration) float64 { return float64(leads*b.N) / d.Seconds() }
	b.ReportMetric(rate(read), "read/s")
	b.ReportMetric(rate(changelog), "changelog/s")
	b.ReportMetric(rate(snapshot), "snapshot/s")
	b.ReportMetric(median(ofRead), "changelog-of-read")
	b.ReportMetric(median(ofReadCPU), "changelog-of-read-CPU")
	b.ReportMetric(median(ofChangelog), "snapshot-of-changelog")
	b.ReportMetric(0, "ns/op")
}

// median is that of one run's turns: what disturbs one of them does not move it.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// changelog writes n leads' records, each once.
func (r *rig) changelog(n int) {
	p := newPartition(0, 0)
	for begin := 0; begin < n; begin += 5000 {
		records := make([]*kgo.Record, 5000) // in transactions of a thousand or so a partition
		headers := []kgo.RecordHeader{fence{int64(begin), -1}.header(), rows{builtOn: 1 << 40}.header()}
		for i := range records {
			rec := testModel.RecordInto(&p.record, quiet(fmt.Sprint(begin+i)), 1_767_603_600_000, &pb.Source{Topic: schemas.TopicEvents})
			value, err := rec.MarshalVT()
			require.NoError(r.t, err)
			records[i] = &kgo.Record{Topic: schemas.TopicLeads, Key: []byte(schemas.LeadID(rec.LeadId).String()), Value: value, Headers: headers}
		}
		require.NoError(r.t, r.client.ProduceSync(context.Background(), records...).FirstErr())
	}
}

func (r *rig) readOnly(n int) {
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumeTopics(schemas.TopicLeads), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(r.t, err)
	defer reader.Close()
	for n > 0 {
		n -= reader.PollFetches(context.Background()).NumRecords()
	}
}

// restored are all partitions, restored as a session does.
func (r *rig) restored(cfg Config) map[int32]*partition {
	s := &session{Worker: r.worker(cfg).Worker, admin: r.admin, ctx: context.Background(), parts: map[int32]*partition{}}
	require.NoError(r.t, s.checkTopics(context.Background()))
	parts := map[int32]*partition{}
	for num := range int32(testPartitions) {
		parts[num] = s.fresh(num)
	}
	require.NoError(r.t, s.restore(context.Background(), parts))
	return parts
}

func (s *session) checkTopicsOf(r *rig) error {
	s.admin = r.admin
	return s.checkTopics(context.Background())
}
