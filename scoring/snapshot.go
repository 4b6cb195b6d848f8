package scoring

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// A snapshot is one file a partition: a header, the leads' records each after
// its length, and the CRC of all of it. It saves reading the changelog, and
// stands in for it where the changelog is not compacted.
const (
	snapshotMagic = "LSSNAP\x00\x01" // the last byte is the format's version
	snapshotMax   = 64 << 20         // of one lead; more is a torn length
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// snapshotHead is fixed in size; binary.Write does it.
type snapshotHead struct {
	Magic     [8]byte
	Topic     [16]byte // the id of leads: a topic made anew is another changelog
	Partition int32
	Changelog int64 // where the tail begins
	Events    int64 // the fence
	Routed    int64
	Watermark int64
	Leads     int64
}

func (s *session) snapshotPath(num int32) string {
	return filepath.Join(s.cfg.SnapshotDir, fmt.Sprintf("%s-%d.snapshot", s.cfg.Group, num))
}

// snapshotDue writes the snapshot of at most one partition that needs it: one a
// commit, so that the line never stops for all of them at once.
func (s *session) snapshotDue() error {
	if s.cfg.SnapshotDir == "" || s.revoked.Load() {
		return nil
	}
	now := s.now().UnixMilli()
	for _, p := range s.parts {
		old := now-p.snapshotAt >= s.cfg.SnapshotInterval.Milliseconds() && p.snapshotBytes > 0
		if old || p.snapshotBytes >= int64(s.cfg.SnapshotBytes) {
			return s.snapshot(p)
		}
	}
	return nil
}

// snapshotAll writes those that changed, at a graceful stop.
func (s *session) snapshotAll() error {
	if s.cfg.SnapshotDir == "" || s.revoked.Load() {
		return nil
	}
	for _, p := range s.parts {
		if p.snapshotBytes > 0 {
			if err := s.snapshot(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshot writes one partition between two transactions. A disk that refuses
// is logged and counted: the changelog has everything too.
func (s *session) snapshot(p *partition) error {
	p.snapshotAt, p.snapshotBytes = s.now().UnixMilli(), 0
	head := snapshotHead{
		Topic: s.topic.ID, Partition: p.num, Changelog: p.changelog,
		Events: p.fence.events, Routed: p.fence.routed, Watermark: p.watermark, Leads: int64(p.leads.len()),
	}
	copy(head.Magic[:], snapshotMagic)
	if err := writeSnapshot(s.snapshotPath(p.num), head, s.model, p.leads); err != nil {
		s.metrics.snapshots.WithLabelValues("failed").Inc()
		s.log.Error("scoring: snapshot not written", zap.Int32("partition", p.num), zap.Error(err))
		return nil
	}
	s.metrics.snapshots.WithLabelValues("written").Inc()
	return nil
}

// writeSnapshot makes the file appear whole or not at all.
func writeSnapshot(path string, head snapshotHead, m *model.Model, state *leads) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := encodeSnapshot(f, head, m, state); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the rename itself durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func encodeSnapshot(f io.Writer, head snapshotHead, m *model.Model, state *leads) error {
	buffered := bufio.NewWriterSize(f, 1<<20)
	sum := crc32.New(crcTable)
	w := io.MultiWriter(buffered, sum)
	if err := binary.Write(w, binary.BigEndian, head); err != nil {
		return err
	}
	var b []byte
	for _, e := range state.byID {
		rec := m.Record(e.lead.Clone(), 0, nil) // of a copy: the record's revision is not spent
		rec.Revision = e.lead.Revision()
		var err error
		if b, err = (proto.MarshalOptions{}).MarshalAppend(b[:0], rec); err != nil {
			return err
		}
		if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(b)))); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if err := binary.Write(buffered, binary.BigEndian, sum.Sum32()); err != nil {
		return err
	}
	return buffered.Flush()
}

// loadSnapshot fills a partition from its file if that fits the changelog.
func (s *session) loadSnapshot(p *partition, start, end int64) error {
	if s.cfg.SnapshotDir == "" {
		return nil
	}
	path := s.snapshotPath(p.num)
	head, state, err := readSnapshot(path, s.model)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && head.Topic != [16]byte(s.topic.ID):
		err = errors.New("it belongs to another topic of the same name")
	case err == nil && head.Partition != p.num:
		err = fmt.Errorf("it is of partition %d", head.Partition)
	case err == nil && head.Changelog > end:
		return s.aheadOfChangelog(p, path, head, state, start, end)
	}
	if err != nil {
		s.ignored(path, err)
		return nil
	}
	s.loaded(p, head, state)
	return nil
}

func (s *session) ignored(path string, why error) {
	s.metrics.snapshots.WithLabelValues("ignored").Inc()
	s.log.Warn("scoring: snapshot ignored, reading the changelog instead", zap.String("file", path), zap.Error(why))
}

func (s *session) loaded(p *partition, head snapshotHead, state *leads) {
	s.metrics.snapshots.WithLabelValues("loaded").Inc()
	p.leads, p.changelog, p.watermark = state, head.Changelog, head.Watermark
	p.fence = fence{head.Events, head.Routed}
}

// aheadOfChangelog: snapshots are synced, the embedded broker's log is not, and a
// power cut took its end. A whole changelog is read instead. Of one whose beginning
// is gone the snapshot is the only memory: its state holds all that the log still
// has, and events are read again from its fence.
//
// Either way the file must not stay as it is. The log will grow past its offset,
// with other records, and a later restore would take it for a part of that log.
func (s *session) aheadOfChangelog(p *partition, path string, head snapshotHead, state *leads, start, end int64) error {
	if start == 0 {
		s.ignored(path, fmt.Errorf("it stands at offset %d, but the changelog ends at %d", head.Changelog, end))
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("scoring: snapshot of a changelog that lost its end: %w; remove it by hand", err)
		}
		return nil
	}
	s.log.Warn("scoring: the changelog lost its end and has no beginning; going on from the snapshot, whose last rows may be missing in the ledger",
		zap.Int32("partition", p.num), zap.Int64("snapshot", head.Changelog), zap.Int64("end", end))
	head.Changelog = end
	if err := writeSnapshot(path, head, s.model, state); err != nil {
		return fmt.Errorf("scoring: snapshot of a changelog that lost its end: %w", err)
	}
	s.loaded(p, head, state)
	p.rewind = true
	return nil
}

// readSnapshot reads a whole file, and gives nothing of it unless the CRC is right.
func readSnapshot(path string, m *model.Model) (head snapshotHead, state *leads, err error) {
	f, err := os.Open(path)
	if err != nil {
		return head, nil, err
	}
	defer f.Close()
	r := &summing{r: bufio.NewReaderSize(f, 1<<20), sum: crc32.New(crcTable)}
	if err := binary.Read(r, binary.BigEndian, &head); err != nil {
		return head, nil, fmt.Errorf("torn in its header: %w", err)
	}
	if string(head.Magic[:]) != snapshotMagic {
		return head, nil, errors.New("not a snapshot of this version")
	}
	state = newLeads()
	for i := range head.Leads {
		if err := readLead(r, m, state); err != nil {
			return head, nil, fmt.Errorf("torn at lead %d of %d: %w", i+1, head.Leads, err)
		}
	}
	want := r.sum.Sum32()
	var sum uint32
	if err := binary.Read(r, binary.BigEndian, &sum); err != nil {
		return head, nil, fmt.Errorf("torn at its end: %w", err)
	}
	if sum != want {
		return head, nil, fmt.Errorf("damaged: CRC %08x, want %08x", sum, want)
	}
	return head, state, nil
}

func readLead(r *summing, m *model.Model, state *leads) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if n > snapshotMax {
		return fmt.Errorf("a record of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	rec := new(pb.LeadRecord)
	if err := proto.Unmarshal(b, rec); err != nil {
		return err
	}
	return state.restore(m, rec)
}

// summing checks what is read through it.
type summing struct {
	r   *bufio.Reader
	sum interface {
		io.Writer
		Sum32() uint32
	}
}

func (s *summing) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.sum.Write(b[:n])
	return n, err
}

func (s *summing) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}
