package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Record is what the spool keeps. Those that Drain hands out may be kept by whoever gets them; nothing reuses their bytes.
type Record struct {
	Topic      string
	Key        []byte // nil and empty differ: a broker spreads records without a key
	Value      []byte
	ReceivedAt time.Time // when the collector took it, whatever an import claims; kept to the millisecond; zero = now
}

// A frame, little endian:
//
//	4  length of the body
//	4  CRC-32C over the segment's salt, the length, and all that follows
//	8  sequence number
//	   body: 8 received_at in ms, 2 length of the topic, 4 length of the key + 1 (0 = no key), topic, key, value
const (
	frameHead = 16
	bodyHead  = 14
	maxTopic  = 1<<16 - 1
	// maxBody bounds what a broken length can make a reader fetch; a broker takes about 1 MB.
	maxBody = 8 << 20
)

var (
	errShort  = errors.New("the frame goes on beyond the bytes at hand")
	errBroken = errors.New("the checksum or the length of a frame is wrong")

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// frameSize tells what r takes on disk, or why it cannot be kept.
func frameSize(r Record) (int, error) {
	n := bodyHead + len(r.Topic) + len(r.Key) + len(r.Value)
	if len(r.Topic) > maxTopic || n > maxBody {
		return 0, fmt.Errorf("spool: a record of %d bytes for topic %.40q is larger than the %d that fit", n, r.Topic, maxBody)
	}
	return frameHead + n, nil
}

// appendFrame adds r to buf; sequence number and checksum are stamped when it is known which segment it goes to.
func appendFrame(buf []byte, r Record) []byte {
	le := binary.LittleEndian
	buf = le.AppendUint32(buf, uint32(bodyHead+len(r.Topic)+len(r.Key)+len(r.Value)))
	buf = append(buf, make([]byte, 12)...)
	buf = le.AppendUint64(buf, uint64(r.ReceivedAt.UnixMilli()))
	buf = le.AppendUint16(buf, uint16(len(r.Topic)))
	key := uint32(0)
	if r.Key != nil {
		key = uint32(len(r.Key)) + 1
	}
	buf = le.AppendUint32(buf, key)
	buf = append(buf, r.Topic...)
	buf = append(buf, r.Key...)
	return append(buf, r.Value...)
}

// stamp numbers the frames of buf from seq on and signs them for a segment.
func stamp(buf []byte, seq uint64, seed uint32) {
	for len(buf) > 0 {
		frame := buf[:frameHead+binary.LittleEndian.Uint32(buf)]
		binary.LittleEndian.PutUint64(frame[8:], seq)
		binary.LittleEndian.PutUint32(frame[4:], checksum(frame, seed))
		seq++
		buf = buf[len(frame):]
	}
}

func checksum(frame []byte, seed uint32) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, frame[:4]), castagnoli, frame[8:])
}

// frame is one that was read and found good.
type frame struct {
	seq    uint64
	size   int
	record Record // its bytes are those of the buffer
}

// parse reads the frame that b begins with. errShort means that more bytes might make it whole.
func parse(b []byte, seed uint32) (frame, error) {
	if len(b) < frameHead {
		return frame{}, errShort
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n < bodyHead || n > maxBody {
		return frame{}, errBroken
	}
	size := frameHead + int(n)
	if len(b) < size {
		return frame{}, errShort
	}
	b = b[:size:size]
	if binary.LittleEndian.Uint32(b[4:]) != checksum(b, seed) {
		return frame{}, errBroken
	}
	record, ok := parseBody(b[frameHead:])
	if !ok {
		return frame{}, errBroken
	}
	return frame{seq: binary.LittleEndian.Uint64(b[8:]), size: size, record: record}, nil
}

func parseBody(b []byte) (Record, bool) {
	r := Record{ReceivedAt: time.UnixMilli(int64(binary.LittleEndian.Uint64(b)))}
	topic, key := int(binary.LittleEndian.Uint16(b[8:])), int64(binary.LittleEndian.Uint32(b[10:]))
	b = b[bodyHead:]
	if int64(topic)+max(key-1, 0) > int64(len(b)) {
		return Record{}, false
	}
	r.Topic, b = string(b[:topic]), b[topic:]
	if key > 0 {
		r.Key, b = b[:key-1:key-1], b[key-1:]
	}
	r.Value = b
	return r, true
}

// resync finds the next good frame in b, whose number must be one that its segment can hold. It returns len(b) if there is none.
func resync(b []byte, seed uint32, from, below uint64) int {
	for at := 0; at+frameHead+bodyHead <= len(b); at++ {
		seq := binary.LittleEndian.Uint64(b[at+8:])
		if seq < from || seq >= below { // rules out all but a few, so that the checksums cost nothing
			continue
		}
		if _, err := parse(b[at:], seed); err == nil {
			return at
		}
	}
	return len(b)
}
