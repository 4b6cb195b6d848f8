package sink

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sealedBlocks are batches as the sink cuts them, already in the protocol's bytes, in a file: what is left to do for them
// is to send them. They go through the sink's own inserter: the same statement, settings, tokens and connections.
type sealedBlocks struct {
	file  *os.File
	size  int64
	batch *batch
	list  []sealedBlock
}

// sealedBlock says where a block's columns are in the file.
type sealedBlock struct {
	name, token string
	columns     []sealedColumn
	at, size    int64
	count       int
}

// sealedColumn is a column whose bytes are made: state and values as they stand on the wire.
type sealedColumn struct {
	name   string
	kind   chproto.ColumnType
	length int
	rows   int
	bytes  []byte
}

func (c sealedColumn) Type() chproto.ColumnType       { return c.kind }
func (c sealedColumn) Rows() int                      { return c.rows }
func (c sealedColumn) EncodeColumn(b *chproto.Buffer) { b.PutRaw(c.bytes) }
func (c sealedColumn) WriteColumn(w *chproto.Writer)  { w.ChainWrite(c.bytes) }

func newSealedBlocks(b *testing.B) *sealedBlocks {
	file, err := os.Create(filepath.Join(b.TempDir(), "blocks"))
	require.NoError(b, err)
	b.Cleanup(func() { _ = file.Close() })
	return &sealedBlocks{file: file, batch: cutBatch(DefaultConfig())}
}

// add takes a record; a full batch is sealed.
func (s *sealedBlocks) add(b *testing.B, rec *kgo.Record) {
	cfg := DefaultConfig()
	s.batch.add(rec, time.Time{})
	if len(s.batch.records) >= cfg.Batch.Rows || s.batch.bytes >= int(cfg.Batch.Bytes) {
		s.cut(b)
	}
}

// cut seals the blocks of the batch.
func (s *sealedBlocks) cut(b *testing.B) {
	s.batch.seal()
	for _, t := range s.batch.tables() {
		if t.rows() > 0 {
			s.seal(b, t, s.batch.token(t))
		}
	}
	s.batch = cutBatch(DefaultConfig())
}

func (s *sealedBlocks) seal(b *testing.B, t table, token string) {
	block := sealedBlock{name: t.tableName(), token: token, at: s.size, count: t.rows()}
	var all chproto.Buffer
	for _, col := range t.input() {
		before := len(all.Buf)
		if v, ok := col.Data.(chproto.Preparable); ok {
			require.NoError(b, v.Prepare())
		}
		if v, ok := col.Data.(chproto.StateEncoder); ok {
			v.EncodeState(&all)
		}
		col.Data.EncodeColumn(&all)
		block.columns = append(block.columns, sealedColumn{name: col.Name, kind: col.Data.Type(), rows: t.rows(), length: len(all.Buf) - before})
	}
	_, err := s.file.WriteAt(all.Buf, s.size)
	require.NoError(b, err)
	block.size = int64(len(all.Buf))
	s.size += block.size
	s.list = append(s.list, block)
}

// loadedBlock is a sealed block in memory, as the inserter takes it.
type loadedBlock struct {
	sealedBlock
	ready chproto.Input
}

func (l *loadedBlock) tableName() string    { return l.name }
func (l *loadedBlock) rows() int            { return l.count }
func (l *loadedBlock) input() chproto.Input { return l.ready }
func (l *loadedBlock) receivedAt() []int64  { return nil }
func (l *loadedBlock) reset()               {}

// load reads a block into memory that an earlier one has left.
func (s *sealedBlocks) load(block sealedBlock, memory []byte) (*loadedBlock, []byte, error) {
	memory = append(memory[:0], make([]byte, block.size)...)
	if _, err := s.file.ReadAt(memory, block.at); err != nil {
		return nil, memory, err
	}
	l, rest := &loadedBlock{sealedBlock: block}, memory
	for _, c := range block.columns {
		c.bytes, rest = rest[:c.length], rest[c.length:]
		l.ready = append(l.ready, chproto.InputColumn{Name: c.name, Data: c})
	}
	return l, memory, nil
}

// raw sends every sealed block, over as many connections as the sink has.
func (s *benchStage) raw(b *testing.B) time.Duration {
	options, err := s.server.Columnar()
	require.NoError(b, err)
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(b, err)
	in := newInserter(options, DefaultConfig(), m)
	defer in.close()
	before, work := cpuTime(), make(chan sealedBlock)
	var group sync.WaitGroup
	for range DefaultConfig().Connections {
		group.Go(func() {
			var memory []byte
			for block := range work {
				var loaded *loadedBlock
				var err error
				if loaded, memory, err = s.blocks.load(block, memory); err == nil {
					err = in.insert(context.WithoutCancel(b.Context()), loaded, block.token)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, block := range s.blocks.list {
		work <- block
	}
	close(work)
	group.Wait()
	return cpuTime() - before
}
