package scoring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"
)

func (s *session) snapshotPath(num int32) string {
	return filepath.Join(s.cfg.SnapshotDir, fmt.Sprintf("%s-%d.snapshot", s.cfg.Group, num))
}

// snapshotDue begins the snapshot of a partition that needs it, beside the line: one
// at a time, so that they do not take all of the disk and a processor.
func (s *session) snapshotDue() {
	if s.cfg.SnapshotDir == "" || s.revoked.Load() || !s.writing.TryLock() {
		return
	}
	now := s.now().UnixMilli()
	for _, p := range s.parts {
		if p.leads.unsettled() {
			continue
		}
		old := now-p.snapshotAt >= s.cfg.SnapshotInterval.Milliseconds() && p.snapshotBytes > 0
		if old || p.snapshotBytes >= int64(s.cfg.SnapshotBytes) {
			write := s.snapshot(p)
			go func() {
				defer s.writing.Unlock()
				write()
			}()
			return
		}
	}
	s.writing.Unlock()
}

// snapshotAll writes those that changed, at a graceful stop.
func (s *session) snapshotAll() {
	if s.cfg.SnapshotDir == "" || s.revoked.Load() {
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	for _, p := range s.parts {
		if p.snapshotBytes > 0 && !p.leads.unsettled() {
			s.snapshot(p)()
		}
	}
}

// named says which model a snapshot's leads stand under, and whose it is: each track has a group.
func (s *session) named(p *partition) string { return p.model.Version() + "\x00" + s.cfg.Group }

// snapshot takes what a partition is between two transactions; write writes it. A disk that
// refuses is logged and counted: the changelog has everything too.
func (s *session) snapshot(p *partition) (write func()) {
	p.snapshotAt, p.snapshotBytes = s.now().UnixMilli(), 0
	head := snapshotHead{
		Topic: s.topic.ID, Partition: p.num, Changelog: p.changelog,
		Events: p.fence.events, Routed: p.fence.routed, Watermark: p.watermark,
	}
	state := p.leads.freeze(s.named(p))
	return func() {
		if err := writeSnapshot(s.snapshotPath(head.Partition), head, state); err != nil {
			s.metrics.snapshots.WithLabelValues("failed").Inc()
			s.log.Error("scoring: snapshot not written", zap.Int32("partition", head.Partition), zap.Error(err))
			return
		}
		s.metrics.snapshots.WithLabelValues("written").Inc()
	}
}

// loadSnapshot fills a partition from its file if that fits the changelog.
func (s *session) loadSnapshot(p *partition, start, end int64) error {
	if s.cfg.SnapshotDir == "" {
		return nil
	}
	path := s.snapshotPath(p.num)
	head, state, err := readSnapshot(path, p.model)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && head.Topic != [16]byte(s.topic.ID):
		err = errors.New("it belongs to another topic of the same name")
	case err == nil && head.Partition != p.num:
		err = fmt.Errorf("it is of partition %d", head.Partition)
	case err == nil && state.of != "" && state.of != s.cfg.Group:
		err = fmt.Errorf("it is of consumer group %q: another track's", state.of)
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
	if err := writeSnapshot(path, head, state.freeze(s.named(p))); err != nil {
		return fmt.Errorf("scoring: snapshot of a changelog that lost its end: %w", err)
	}
	s.loaded(p, head, state)
	p.rewind = true
	return nil
}
