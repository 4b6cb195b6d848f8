package dedup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A file of ids, little endian:
//
//	 6  magic
//	 2  format
//	 8  born, Unix ms
//	 8  ms that its generation may last from then
//	 8  which secret its ids were made with
//	 4  CRC-32C of the above
//	then frames: 4 number of ids, 4 CRC-32C of the header's CRC, the number and the ids, then 16 bytes an id
//
// A frame is one write. The checksum of the header in that of each frame keeps a reader from taking what the disk held before
// for ids of this file.
const (
	headerMagic   = "lsseen"
	formatVersion = 1
	headerSize    = 36
	frameHead     = 8
	idBytes       = 16
	mostInFrame   = 1 << 14
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errForeign = errors.New("is not a file of ids that this one can read")
)

type header struct {
	born   time.Time
	length time.Duration
	secret uint64
}

func (h header) encode() []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, headerSize), headerMagic...)
	b = le.AppendUint16(b, formatVersion)
	b = le.AppendUint64(b, uint64(h.born.UnixMilli()))
	b = le.AppendUint64(b, uint64(h.length.Milliseconds()))
	b = le.AppendUint64(b, h.secret)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// appendFrame adds ids to b, as a frame of a file whose header has this checksum.
func appendFrame(b []byte, seed uint32, ids []ID) []byte {
	le := binary.LittleEndian
	at := len(b)
	b = le.AppendUint32(b, uint32(len(ids)))
	b = le.AppendUint32(b, 0)
	for _, id := range ids {
		b = le.AppendUint64(le.AppendUint64(b, id[0]), id[1])
	}
	le.PutUint32(b[at+4:], frameSum(seed, b[at:]))
	return b
}

func frameSum(seed uint32, frame []byte) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, frame[:4]), castagnoli, frame[frameHead:])
}

// readHeader reads the head of a file, and the seed of its frames.
func readHeader(r io.Reader) (h header, seed uint32, err error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return header{}, 0, fmt.Errorf("%w: %w", errForeign, err)
	}
	le := binary.LittleEndian
	seed = le.Uint32(b[32:])
	if string(b[:6]) != headerMagic || le.Uint16(b[6:]) != formatVersion || seed != crc32.Checksum(b[:32], castagnoli) {
		return header{}, 0, errForeign
	}
	return header{
		born:   time.UnixMilli(int64(le.Uint64(b[8:]))),
		length: time.Duration(le.Uint64(b[16:])) * time.Millisecond,
		secret: le.Uint64(b[24:]),
	}, seed, nil
}

// readFrames hands out the ids of whole frames, up to the end or the first that is not whole. What stands behind a broken one
// is lost: its events may come through once more.
func readFrames(r *bufio.Reader, seed uint32, each func(ID)) (torn bool) {
	frame := make([]byte, 0, frameHead+mostInFrame*idBytes)
	le := binary.LittleEndian
	for {
		frame = frame[:frameHead]
		if n, err := io.ReadFull(r, frame); err != nil {
			return n > 0
		}
		n := le.Uint32(frame)
		if n == 0 || n > mostInFrame {
			return true
		}
		frame = frame[:frameHead+int(n)*idBytes]
		if _, err := io.ReadFull(r, frame[frameHead:]); err != nil || le.Uint32(frame[4:]) != frameSum(seed, frame) {
			return true
		}
		for b := frame[frameHead:]; len(b) > 0; b = b[idBytes:] {
			each(ID{le.Uint64(b), le.Uint64(b[8:])})
		}
	}
}
