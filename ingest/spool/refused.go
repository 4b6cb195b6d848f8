package spool

import (
	"errors"
	"os"

	"go.uber.org/zap"
)

// refuse writes the records that the broker will never take to a file of their own, in a segment's form: without its .bad, alone in a
// folder, it is drained again.
func (s *Spool) refuse(records []Record, no *Refused) error {
	var buf []byte
	for _, i := range no.Index {
		if i < 0 || i >= len(records) {
			return errors.New("spool: Refused names a record that was not handed over")
		}
		buf = appendFrame(buf, records[i])
	}
	if len(no.Index) == 0 {
		return nil
	}
	g, err := s.createSegment(s.drained.Load(), suffix+badSuffix)
	if err != nil {
		return err
	}
	stamp(buf, g.first, g.seed)
	_, err = g.file.WriteAt(buf, headerSize)
	if err == nil {
		err = g.file.Sync()
	}
	err = errors.Join(err, g.file.Close())
	if err == nil {
		err = s.disk.syncDir(s.dir)
	}
	if err != nil {
		return errors.Join(err, os.Remove(g.path))
	}
	s.metrics.refused.Add(float64(len(no.Index)))
	s.log.Error("the broker will never take these records; they are set aside",
		zap.Int("records", len(no.Index)), zap.String("file", g.path), zap.Error(no.Why))
	return nil
}
