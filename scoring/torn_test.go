package scoring

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

func TestRowsHeaderReadsBack(t *testing.T) {
	want := rows{builtOn: 1 << 40, from: rowPlaces{7, 0, 1 << 33}, count: rowPlaces{300, 2, 0}}
	got, ok := readRows([]kgo.RecordHeader{noFence.header(), want.header()})
	require.True(t, ok)
	require.Equal(t, want, got)
	_, ok = readRows([]kgo.RecordHeader{noFence.header()})
	require.False(t, ok, "a record of an older version says nothing of rows")
	cut := want.header()
	cut.Value = cut.Value[:len(cut.Value)-1]
	_, ok = readRows([]kgo.RecordHeader{cut})
	require.False(t, ok, "a torn header says nothing")
}

// tear takes the last commit marker out of a partition's log: what the embedded
// broker leaves behind when it is killed between two markers. It tells how many
// partitions had one.
func tear(t *testing.T, dir, topic string) (torn int) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "partitions", topic+"-*", "*.dat"))
	require.NoError(t, err)
	slices.Sort(segments)
	for _, path := range segments {
		log, err := os.ReadFile(path)
		require.NoError(t, err)
		last, size := -1, 0
		for at := 0; at+12 <= len(log); at += 12 + size {
			last, size = at, int(binary.BigEndian.Uint32(log[at+8:]))
		}
		const attributes, control = 21, 0x20
		if last < 0 || binary.BigEndian.Uint16(log[last+attributes:])&control == 0 {
			continue
		}
		require.NoError(t, os.Truncate(path, int64(last)))
		torn++
	}
	return torn
}

// embedded is a worker's configuration against the embedded broker.
func (r *rig) embedded(dir string) Config {
	cfg := r.config()
	cfg.FreshTransactionalID = true
	cfg.SnapshotDir = dir
	return cfg
}

func TestATornCommitIsDoneAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	for _, c := range []struct{ topic, from string }{
		{schemas.TopicLedger, "changelog"}, {schemas.TopicLedger, "snapshot"},
		{schemas.TopicStages, "changelog"}, {schemas.TopicDeadLetter, "snapshot"},
	} {
		t.Run(c.topic+" from "+c.from, func(t *testing.T) {
			t.Parallel() // they wait, each for its own broker
			topic, dir, snapshots := c.topic, t.TempDir(), ""
			if c.from == "snapshot" {
				snapshots = t.TempDir()
			}
			r := newRig(t, dir, testPartitions)
			r.send(visits(1, 400, 20)...)
			w := r.start(r.embedded(snapshots))
			r.settled(w.cfg.Group)
			w.stop()
			// All of the second half in one transaction, so that losing one marker shows.
			r.send(visits(2, 400, 20)...)
			r.sendRaw(schemas.TopicEvents, "x", []byte("no event"))
			cfg := r.embedded("")
			cfg.CommitInterval = time.Second
			w = r.start(cfg)
			r.settled(w.cfg.Group)
			w.stop()
			r.close()

			require.Positive(t, tear(t, dir, topic), "no marker taken: the test would test nothing")
			r = newRig(t, dir, testPartitions)
			torn := r.read(topic)
			w = r.start(r.embedded(snapshots))
			require.Eventually(t, func() bool { return w.counter("leadstream_scoring_torn_commits_total") > 0 }, time.Minute, 10*time.Millisecond,
				"the worker did not see that rows are missing")
			r.settled(w.cfg.Group)
			require.Eventually(t, func() bool { return len(r.read(topic)) > len(torn) }, time.Minute, 50*time.Millisecond)
			w.stop()
			r.requireTruthRepeated()

			// The next start finds nothing torn, and leaves out what was.
			w = r.start(r.embedded(""))
			r.settled(w.cfg.Group)
			require.Zero(t, w.counter("leadstream_scoring_torn_commits_total"))
			w.stop()
			r.requireTruthRepeated()
		})
	}
}

// changelogRecord is a lead's record as a worker would write it.
func changelogRecord(t *testing.T, offset int64, l *model.Lead, f fence, rw rows) *kgo.Record {
	value, err := proto.Marshal(testModel.Record(l, 1, nil))
	require.NoError(t, err)
	id := l.ID()
	return &kgo.Record{Topic: schemas.TopicLeads, Offset: offset, Key: []byte(id.String()), Value: value,
		Headers: []kgo.RecordHeader{f.header(), rw.header()}}
}

func TestWhatIsBuiltBesideATornTransactionLeavesItOut(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.worker(r.embedded(""))
	s := &session{Worker: w.Worker, admin: r.admin}
	p := newPartition(0, 0)
	p.model = testModel
	restorer := newRestorer(s, map[int32]*partition{0: p})
	lead := func(pages int) *model.Lead {
		l := model.NewLead(schemas.NewLeadID("a"), "demo")
		for i := range pages {
			at := int64(1_767_600_000_000 + i)
			testModel.Apply(l, &pb.Event{EventId: string(rune('a' + i)), Site: "demo", Type: "page", AnonymousId: "a", EventTime: at, ReceivedAt: at}, nil)
		}
		return l
	}
	restorer.take(changelogRecord(t, 0, lead(1), fence{10, -1}, rows{builtOn: 0}))
	restorer.take(changelogRecord(t, 2, lead(3), fence{30, -1}, rows{builtOn: 1}))
	restorer.finish()
	require.Equal(t, fence{10, -1}, p.fence, "the newest transaction waits to be believed")
	// It was torn: the next one stands on the first, and has read less of the events.
	restorer.take(changelogRecord(t, 4, lead(2), fence{20, -1}, rows{builtOn: 2}))
	require.NoError(t, restorer.believe(t.Context()))
	require.Equal(t, fence{20, -1}, p.fence)
	id := schemas.NewLeadID("a")
	require.Equal(t, lead(2).Revision(), p.leads.leadOf(id).Revision())
	require.Equal(t, testModel.Score(lead(2), 1_767_600_000_000), testModel.Score(p.leads.leadOf(id), 1_767_600_000_000))
}

func TestRevisionsGoOnAboveATornTransaction(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.worker(r.embedded(""))
	p := newPartition(0, 0)
	p.model = testModel
	restorer := newRestorer(&session{Worker: w.Worker, admin: r.admin}, map[int32]*partition{0: p})
	l := model.NewLead(schemas.NewLeadID("a"), "demo")
	ev := &pb.Event{EventId: "e", Site: "demo", Type: "page", AnonymousId: "a", EventTime: 1_767_600_000_000, ReceivedAt: 1_767_600_000_000}
	testModel.Apply(l, ev, nil)
	restorer.take(changelogRecord(t, 0, l, fence{10, -1}, rows{}))
	l.RaiseRevision(7)
	restorer.take(changelogRecord(t, 2, l, fence{30, -1}, rows{builtOn: 1, count: rowPlaces{1, 0, 0}}))
	require.NoError(t, restorer.believe(t.Context())) // no ledger row stands
	require.Equal(t, fence{10, -1}, p.fence)
	require.Equal(t, int64(2), p.changelog, "a rebalance reads the torn records again, and finds them torn again")
	require.Equal(t, uint64(7), p.leads.leadOf(l.ID()).Revision())
	require.Equal(t, 1.0, w.counter("leadstream_scoring_torn_commits_total"))
}
