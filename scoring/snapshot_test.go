package scoring

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// snapshotRig runs a worker over some events and stops it, which writes snapshots.
func snapshotRig(t *testing.T) (*rig, Config) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.SnapshotDir = t.TempDir()
	r.send(visits(1, 500, 20)...)
	w := r.start(cfg)
	r.settled(cfg.Group)
	w.stop()
	require.Len(t, snapshotFiles(t, cfg), testPartitions)
	return r, cfg
}

func snapshotFiles(t *testing.T, cfg Config) []string {
	files, err := filepath.Glob(filepath.Join(cfg.SnapshotDir, "*.snapshot"))
	require.NoError(t, err)
	return files
}

// states restores everything as a session does, and shows it as text.
func (r *rig) states(cfg Config) (out map[int32]map[string]string, fences map[int32]fence, w *running) {
	r.t.Helper()
	w = r.worker(cfg)
	s := &session{Worker: w.Worker, admin: r.admin, ctx: context.Background(), parts: map[int32]*partition{}}
	require.NoError(r.t, s.checkTopics(context.Background()))
	parts := map[int32]*partition{}
	for num := range int32(testPartitions) {
		parts[num] = newPartition(num, 0)
		parts[num].model = testModel
	}
	require.NoError(r.t, s.restore(context.Background(), parts))
	out, fences = map[int32]map[string]string{}, map[int32]fence{}
	for num, p := range parts {
		out[num], fences[num] = map[string]string{}, p.fence
		for id, l := range held(p) {
			out[num][id.String()] = recordText(r.model.Record(l.lead, 0, nil))
		}
		end, err := r.admin.ListEndOffsets(context.Background(), schemas.TopicLeads)
		require.NoError(r.t, err)
		require.Equal(r.t, offsetOf(end, schemas.TopicLeads, num), p.changelog)
	}
	return out, fences, w
}

func (r *rig) noSnapshots() Config { cfg := r.config(); cfg.SnapshotDir = ""; return cfg }

func TestASnapshotRestoresTheSameStateAsTheChangelog(t *testing.T) {
	r, cfg := snapshotRig(t)
	want, wantFence, _ := r.states(r.noSnapshots())
	got, gotFence, w := r.states(cfg)
	require.Equal(t, float64(testPartitions), w.counter("leadstream_scoring_snapshots_total"))
	require.Equal(t, want, got)
	for num := range wantFence { // the snapshot also knows of events that changed no lead
		require.GreaterOrEqual(t, gotFence[num].events, wantFence[num].events)
	}
	total := 0
	for _, p := range got {
		total += len(p)
	}
	require.Equal(t, 20, total)
}

func TestASnapshotIsContinuedByTheTail(t *testing.T) {
	r, cfg := snapshotRig(t)
	plain := cfg
	plain.SnapshotDir = ""
	r.send(visits(2, 500, 20)...)
	w := r.start(plain) // goes on without writing snapshots
	r.settled(cfg.Group)
	w.stop()
	want, _, _ := r.states(plain)
	got, _, w := r.states(cfg)
	require.Equal(t, want, got)
	require.Equal(t, float64(testPartitions), w.counter("leadstream_scoring_snapshots_total"))
	w = r.start(cfg)
	r.send(visits(1, 500, 20)...)
	r.settled(cfg.Group)
	w.stop()
	r.requireTruth()
}

func TestADamagedSnapshotIsIgnored(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"torn in the header":     func(b []byte) []byte { return b[:20] },
		"torn in a lead":         func(b []byte) []byte { return b[:len(b)/2] },
		"torn in the sum":        func(b []byte) []byte { return b[:len(b)-2] },
		"a flipped bit":          func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b },
		"a flipped fence":        func(b []byte) []byte { b[43] ^= 1; return b },
		"another version":        func(b []byte) []byte { b[7]++; return b },
		"the version before":     func(b []byte) []byte { b[7]--; return b },
		"an older format":        func(b []byte) []byte { return olderFormat(b) },
		"empty":                  func([]byte) []byte { return nil },
		"an impossible length":   func(b []byte) []byte { copy(b[76:], "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"); return b },
		"of another topic":       nil,
		"of another partition":   nil,
		"of another track":       nil,
		"ahead of the changelog": nil,
	}
	r, cfg := snapshotRig(t)
	want, _, _ := r.states(r.noSnapshots())
	files := snapshotFiles(t, cfg)
	whole := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		whole[f] = b
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			for i, f := range files {
				b := append([]byte{}, whole[f]...)
				switch {
				case harm != nil:
					require.NoError(t, os.WriteFile(f, harm(b), 0o600))
				case name == "of another partition":
					require.NoError(t, os.WriteFile(files[(i+1)%len(files)], b, 0o600))
				default:
					forge(t, r, f, name)
				}
			}
			got, _, w := r.states(cfg)
			require.Equal(t, want, got)
			require.Equal(t, float64(testPartitions), w.counter("leadstream_scoring_snapshots_total"), "each is counted")
		})
		for _, f := range files {
			require.NoError(t, os.WriteFile(f, whole[f], 0o600))
		}
	}
}

// olderFormat is a whole snapshot that says its leads are packed in another format.
func olderFormat(b []byte) []byte {
	const head, body = 8, 16 // the first block's length and CRC, and the block
	binary.BigEndian.PutUint32(b[body:], model.PackFormat-1)
	size := binary.BigEndian.Uint32(b[head:])
	binary.BigEndian.PutUint32(b[head+4:], crc32.Checksum(b[body:body+size], crcTable))
	return b
}

// forge writes a snapshot that is whole but not ours: with nothing in it, so
// that a worker which took it would show.
func forge(t *testing.T, r *rig, file, what string) {
	head, _, err := readSnapshot(file, r.model)
	require.NoError(t, err)
	switch what {
	case "of another topic":
		head.Topic[3]++
	case "ahead of the changelog":
		head.Changelog += 1000
	case "of another track":
		require.NoError(t, writeSnapshot(file, head, newLeads().freeze(r.model.Version()+"\x00"+GroupOf(DefaultConfig().Group, "cloud"))))
		return
	}
	require.NoError(t, writeSnapshot(file, head, newLeads().freeze("")))
}

// The log grows past the offset of a snapshot that a power cut left ahead of it,
// with other records: taking the file then would skip them.
func TestASnapshotAheadOfTheChangelogIsNotTakenLater(t *testing.T) {
	r, cfg := snapshotRig(t)
	for _, f := range snapshotFiles(t, cfg) {
		head, _, err := readSnapshot(f, r.model)
		require.NoError(t, err)
		head.Changelog += 5 // behind the last commit's marker
		require.NoError(t, writeSnapshot(f, head, newLeads().freeze("")))
	}
	want, _, _ := r.states(r.noSnapshots())
	got, _, _ := r.states(cfg)
	require.Equal(t, want, got)
	r.send(visits(2, 500, 20)...)
	w := r.start(r.noSnapshots()) // killed before it writes one
	r.settled(cfg.Group)
	w.stop()
	want, _, _ = r.states(r.noSnapshots())
	got, _, w = r.states(cfg)
	require.Equal(t, want, got)
	require.Zero(t, w.counter("leadstream_scoring_snapshots_total"), "the file is still there")
}

// Where retention took the changelog's beginning, the snapshot is the only memory
// of old leads, also when a power cut left it ahead of the log.
func TestASnapshotAheadOfAChangelogWithoutBeginningIsKept(t *testing.T) {
	r, cfg := snapshotRig(t)
	want, _, _ := r.states(r.noSnapshots())
	offsets := kadm.Offsets{}
	ends, err := r.admin.ListEndOffsets(context.Background(), schemas.TopicLeads)
	require.NoError(t, err)
	ends.Each(func(o kadm.ListedOffset) { offsets.AddOffset(o.Topic, o.Partition, o.Offset-3, -1) })
	deleted, err := r.admin.DeleteRecords(context.Background(), offsets)
	require.NoError(t, err)
	require.NoError(t, deleted.Error())
	for _, f := range snapshotFiles(t, cfg) {
		head, state, err := readSnapshot(f, r.model)
		require.NoError(t, err)
		head.Changelog += 5
		require.NoError(t, writeSnapshot(f, head, state.freeze(r.model.Version())))
	}
	got, _, _ := r.states(cfg)
	require.Equal(t, want, got)
	for _, f := range snapshotFiles(t, cfg) {
		head, _, err := readSnapshot(f, r.model)
		require.NoError(t, err)
		require.Equal(t, offsetOf(ends, schemas.TopicLeads, head.Partition), head.Changelog, "it would skip what comes next")
	}
	r.send(visits(2, 500, 20)...)
	w := r.start(cfg)
	r.settled(cfg.Group)
	w.stop()
	rows, truth := r.written(), r.oracle()
	r.sameRows("ledger", unique(truth.ledger), unique(rows.ledger))
	r.sameRows("stages", unique(truth.stages), unique(rows.stages))
}

func TestAGapAfterTheSnapshotIsFilledFromTheEvents(t *testing.T) {
	r, cfg := snapshotRig(t)
	plain := cfg
	plain.SnapshotDir = ""
	r.send(visits(2, 500, 20)...)
	w := r.start(plain)
	r.settled(cfg.Group)
	w.stop()
	rows := r.written()
	want, _, _ := r.states(plain)
	// Retention takes the changelog up to its last few records, as a broker
	// without compaction does.
	offsets := kadm.Offsets{}
	ends, err := r.admin.ListEndOffsets(context.Background(), schemas.TopicLeads)
	require.NoError(t, err)
	ends.Each(func(o kadm.ListedOffset) { offsets.AddOffset(o.Topic, o.Partition, o.Offset-3, -1) })
	deleted, err := r.admin.DeleteRecords(context.Background(), offsets)
	require.NoError(t, err)
	require.NoError(t, deleted.Error())
	w = r.start(cfg)
	require.Eventually(t, func() bool { return w.counter("leadstream_scoring_events_total") > 300 }, time.Minute, 10*time.Millisecond, "the events are not read again")
	r.settled(cfg.Group)
	w.stop()
	got, _, _ := r.states(cfg)
	require.Equal(t, want, got)
	r.sameRows("ledger", unique(rows.ledger), unique(r.written().ledger))
	r.sameRows("stages", unique(rows.stages), unique(r.written().stages))
}

func TestSnapshotsAreWrittenByAgeAndBySize(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"age":  func(c *Config) { c.SnapshotInterval = time.Second },
		"size": func(c *Config) { c.SnapshotBytes = 1 << 16 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "", 1)
			cfg := r.config()
			cfg.SnapshotDir = filepath.Join(t.TempDir(), "made", "on demand")
			change(&cfg)
			w := r.start(cfg)
			for seed := uint64(1); w.counter("leadstream_scoring_snapshots_total") < 2; seed++ {
				require.Less(t, seed, uint64(400), "no snapshot")
				r.send(visits(seed%3, 50, 20)...)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}

func TestASnapshotThatCannotBeWrittenDoesNotStopTheLine(t *testing.T) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	file := filepath.Join(t.TempDir(), "a file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg.SnapshotDir = filepath.Join(file, "not a folder")
	cfg.SnapshotBytes = 1 << 16
	w := r.start(cfg)
	r.send(visits(1, 1000, 20)...)
	r.settled(cfg.Group)
	w.stop()
	r.requireTruth()
	require.Positive(t, w.counter("leadstream_scoring_snapshots_total"))
}

func TestAFailedSnapshotLeavesTheOldOne(t *testing.T) {
	r, cfg := snapshotRig(t)
	file := snapshotFiles(t, cfg)[0]
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(file+".new", 0o700)) // its place is taken
	require.Error(t, writeSnapshot(file, snapshotHead{}, newLeads().freeze("")))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, _, err = readSnapshot(file+".absent", r.model)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
