package spool

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// segment is one file: a header, then frames. Only the committer writes, only up to end is read.
type segment struct {
	path   string
	first  uint64 // no frame in it has a smaller number
	seed   uint32 // of its checksums
	born   time.Time
	file   file  // open for writing; nil = sealed
	end    int64 // synced, or found after a start
	faulty int64 // what was set aside up to here is counted; > 0 keeps the file as *.bad when it is drained
}

// The header, little endian: magic, 2 format, 4 salt, 8 first sequence number, 4 CRC-32C of those.
const (
	suffix        = ".spool"
	badSuffix     = ".bad"
	headerMagic   = "lspool"
	headerSize    = 24
	formatVersion = 1
)

// errNewer is the one thing found in a folder that stops a start: going on would mean to skip what is in there.
var errNewer = errors.New("was written by a newer leadstream: start that one until the spool is empty")

func segmentName(first uint64, salt uint32, suffix string) string {
	return fmt.Sprintf("%020d-%08x%s", first, salt, suffix)
}

// parseName finds number and salt. The salt stands in the name as well as in the header, so that a broken header costs nothing.
func parseName(name string) (first uint64, salt uint32, ok bool) {
	n, err := fmt.Sscanf(name, "%020d-%08x", &first, &salt)
	return first, salt, err == nil && n == 2 && segmentName(first, salt, suffix) == name
}

func seedOf(salt uint32) uint32 {
	return crc32.Checksum(binary.LittleEndian.AppendUint32(nil, salt), castagnoli)
}

func header(first uint64, salt uint32) []byte {
	b := append(make([]byte, 0, headerSize), headerMagic...)
	b = binary.LittleEndian.AppendUint16(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, salt)
	b = binary.LittleEndian.AppendUint64(b, first)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readHeader tells whether b is a header that nothing has happened to.
func readHeader(b []byte) (whole bool, err error) {
	if len(b) < headerSize || string(b[:6]) != headerMagic ||
		binary.LittleEndian.Uint32(b[20:]) != crc32.Checksum(b[:20], castagnoli) {
		return false, nil
	}
	if v := binary.LittleEndian.Uint16(b[6:]); v > formatVersion {
		return true, fmt.Errorf("has format %d, this one reads %d: it %w", v, formatVersion, errNewer)
	}
	return true, nil
}

// createSegment makes a file for frames from first on. It is not durable before its first sync and its folder's.
func (s *Spool) createSegment(first uint64, suffix string) (*segment, error) {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	salt := binary.LittleEndian.Uint32(random[:])
	g := &segment{path: filepath.Join(s.dir, segmentName(first, salt, suffix)), first: first, seed: seedOf(salt), born: s.now(), end: headerSize}
	f, err := s.disk.openFile(g.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(header(first, salt), 0); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(g.path))
	}
	g.file = f
	return g, nil
}

// listSegments finds what is in the folder, in order.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var list []*segment
	for _, e := range entries {
		first, salt, ok := parseName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		list = append(list, &segment{
			path: filepath.Join(dir, e.Name()), first: first, seed: seedOf(salt), born: info.ModTime(), end: info.Size(),
		})
	}
	slices.SortFunc(list, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
	return list, nil
}
