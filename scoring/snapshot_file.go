package scoring

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"leadstream/schemas"
	"leadstream/scoring/model"
)

// A snapshot is one file a partition: eight bytes that say what it is, and blocks,
// each after its length and its CRC: where the state stands, the words, the leads'
// rows as they stand in memory, and an empty block that sums up the others' CRCs.
// Reading it is reading memory: a block becomes a chunk, and only the head of each
// row is looked at. It saves reading the changelog, and stands in for it where the
// changelog is not compacted.
const (
	snapshotMagic = "LSSNAP\x00\x03" // the last byte is the file's version
	snapshotMax   = 64 << 20         // of one block; more is a torn length
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// snapshotHead is fixed in size; binary.Write does it.
type snapshotHead struct {
	Format    uint32   // of a packed lead
	Topic     [16]byte // the id of leads: a topic made anew is another changelog
	Partition int32
	Changelog int64 // where the tail begins
	Events    int64 // the fence
	Routed    int64
	Watermark int64
	Leads     int64
}

// memory is all leads of a moment, and what is needed to read them.
type memory struct {
	rows  frozen
	words []string // the first is the model's version, and whose state it is
}

func (s *leads) freeze(model string) memory {
	texts := s.words.Texts() // those of now
	rows := s.rows.freeze(func(packed []byte) schemas.LeadID { return idOf(packed, texts) })
	return memory{rows, append([]string{model}, texts...)}
}

// writeSnapshot makes the file appear whole or not at all.
func writeSnapshot(path string, head snapshotHead, state memory) (err error) {
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
	if err := encodeSnapshot(f, head, state); err != nil {
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

func encodeSnapshot(f io.Writer, head snapshotHead, state memory) error {
	w := &blockWriter{w: bufio.NewWriterSize(f, 1<<20)}
	if _, err := io.WriteString(w.w, snapshotMagic); err != nil {
		return err
	}
	head.Format, head.Leads = model.PackFormat, int64(state.rows.index.used)
	b, err := binary.Append(nil, binary.BigEndian, head)
	if err != nil {
		return err
	}
	if err := w.block(b); err != nil {
		return err
	}
	b = b[:0]
	for _, word := range state.words {
		b = append(binary.AppendUvarint(b, uint64(len(word))), word...)
	}
	if err := w.block(b); err != nil {
		return err
	}
	b = make([]byte, 0, chunkSize)
	err = state.rows.each(func(row []byte) error {
		if len(b) > 0 && len(b)+len(row) > chunkSize {
			if err := w.block(b); err != nil {
				return err
			}
			b = b[:0]
		}
		b = append(b, row...)
		return nil
	})
	if err != nil {
		return err
	}
	if len(b) > 0 {
		if err := w.block(b); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	return w.w.Flush()
}

// blockWriter writes blocks; sum grows over their CRCs.
type blockWriter struct {
	w   *bufio.Writer
	sum uint32
}

func (w *blockWriter) head(size int, crc uint32) error {
	var h [8]byte
	binary.BigEndian.PutUint32(h[:], uint32(size))
	binary.BigEndian.PutUint32(h[4:], crc)
	w.sum = crc32.Update(w.sum, crcTable, h[:])
	_, err := w.w.Write(h[:])
	return err
}

func (w *blockWriter) block(b []byte) error {
	if err := w.head(len(b), crc32.Checksum(b, crcTable)); err != nil {
		return err
	}
	_, err := w.w.Write(b)
	return err
}

func (w *blockWriter) end() error { return w.head(0, w.sum) }

// blockReader reads them, each whole or not at all.
type blockReader struct {
	r   io.Reader
	sum uint32
}

// next is the next block, nil at the end.
func (r *blockReader) next() ([]byte, error) {
	var h [8]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return nil, fmt.Errorf("torn: %w", err)
	}
	size, crc := binary.BigEndian.Uint32(h[:]), binary.BigEndian.Uint32(h[4:])
	if size == 0 {
		if crc != r.sum {
			return nil, errors.New("damaged: blocks are missing or in another order")
		}
		return nil, nil
	}
	if size > snapshotMax {
		return nil, fmt.Errorf("damaged: a block of %d bytes", size)
	}
	r.sum = crc32.Update(r.sum, crcTable, h[:])
	b := make([]byte, size)
	if _, err := io.ReadFull(r.r, b); err != nil {
		return nil, fmt.Errorf("torn in a block of %d bytes: %w", size, err)
	}
	if got := crc32.Checksum(b, crcTable); got != crc {
		return nil, fmt.Errorf("damaged: CRC %08x, want %08x", got, crc)
	}
	return b, nil
}

// readSnapshot reads a whole file, and gives nothing of it unless all CRCs are right.
func readSnapshot(path string, m *model.Model) (head snapshotHead, state *leads, err error) {
	f, err := os.Open(path)
	if err != nil {
		return head, nil, err
	}
	defer f.Close()
	r := &blockReader{r: f}
	var magic [len(snapshotMagic)]byte
	if _, err := io.ReadFull(f, magic[:]); err != nil {
		return head, nil, fmt.Errorf("torn: %w", err)
	}
	if string(magic[:]) != snapshotMagic {
		return head, nil, errors.New("not a snapshot of this version")
	}
	b, err := r.next()
	if err != nil {
		return head, nil, err
	}
	if _, err := binary.Decode(b, binary.BigEndian, &head); err != nil {
		return head, nil, fmt.Errorf("its head: %w", err)
	}
	if head.Format != model.PackFormat {
		return head, nil, fmt.Errorf("its leads are packed in format %d, this release reads %d", head.Format, model.PackFormat)
	}
	state = newLeads()
	version, err := readWords(r, state)
	if err != nil {
		return head, nil, err
	}
	if err := readLeads(r, state); err != nil {
		return head, nil, err
	}
	if int64(state.len()) != head.Leads {
		return head, nil, fmt.Errorf("damaged: %d leads, want %d", state.len(), head.Leads)
	}
	version, state.of, _ = strings.Cut(version, "\x00")
	if version != m.Version() {
		state.refit(m)
	}
	return head, state, nil
}

func readWords(r *blockReader, state *leads) (version string, err error) {
	b, err := r.next()
	if err != nil {
		return "", err
	}
	var words []string
	for len(b) > 0 {
		n, head := binary.Uvarint(b)
		if head <= 0 || n > uint64(len(b)-head) {
			return "", errors.New("damaged: its words")
		}
		words, b = append(words, string(b[head:head+int(n)])), b[head+int(n):]
	}
	if len(words) == 0 {
		return "", errors.New("damaged: no words")
	}
	state.words = model.LoadWords(words[1:])
	return words[0], nil
}

// readLeads makes each block a chunk.
func readLeads(r *blockReader, state *leads) error {
	for {
		b, err := r.next()
		if err != nil || b == nil {
			return err
		}
		state.rows.adopt(b)
	}
}
