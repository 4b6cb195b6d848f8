package model

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// wire reads a protobuf message field by field, without a struct and without memory of
// its own. It knows the usual only: what is odd ends it, and odd says so.
type wire struct {
	b   []byte
	odd bool
	// The field that next came to.
	num  uint64
	kind byte
}

const (
	wireVarint = 0
	wireFixed  = 1
	wireBytes  = 2
	wireShort  = 5
)

func (w *wire) stop() { w.b, w.odd = nil, true }

// next goes to the next field. Whoever does not know it calls skip.
func (w *wire) next() bool {
	if len(w.b) == 0 {
		return false
	}
	tag := w.uvarint()
	w.num, w.kind = tag>>3, byte(tag&7)
	if w.num == 0 || w.num > 1<<29-1 {
		w.stop()
	}
	return !w.odd
}

func (w *wire) uvarint() uint64 {
	if len(w.b) > 0 && w.b[0] < 0x80 {
		v := w.b[0]
		w.b = w.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		w.stop()
		return 0
	}
	w.b = w.b[n:]
	return v
}

// is ends it when the field is of another kind than it should be.
func (w *wire) is(kind byte) bool {
	if w.kind != kind {
		w.stop()
	}
	return !w.odd
}

func (w *wire) uint() uint64 {
	if !w.is(wireVarint) {
		return 0
	}
	return w.uvarint()
}

func (w *wire) int32() int32 { return int32(w.uint()) }

// sint32 is one that is written zigzag.
func (w *wire) sint32() int32 {
	v := uint32(w.uint())
	return int32(v>>1) ^ -int32(v&1)
}

func (w *wire) fixed() uint64 {
	if !w.is(wireFixed) || len(w.b) < 8 {
		w.stop()
		return 0
	}
	v := binary.LittleEndian.Uint64(w.b)
	w.b = w.b[8:]
	return v
}

func (w *wire) instant() int64 { return int64(w.fixed()) }
func (w *wire) float() float64 { return math.Float64frombits(w.fixed()) }

// bytes is a part of the message.
func (w *wire) bytes() []byte {
	if !w.is(wireBytes) {
		return nil
	}
	n := w.uvarint()
	if n > uint64(len(w.b)) {
		w.stop()
		return nil
	}
	b := w.b[:n:n]
	w.b = w.b[n:]
	return b
}

// text is a part of the message, too: whoever keeps it copies it.
func (w *wire) text() string {
	b := w.bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// message is one inside; and tells the outer one when that was odd.
func (w *wire) message() wire { return wire{b: w.bytes()} }

func (w *wire) and(in wire) {
	if in.odd {
		w.stop()
	}
}

// fixeds appends a list of numbers, as they are written: all in one field.
func (w *wire) fixeds(to []uint64) []uint64 {
	b := w.bytes()
	if len(b)%8 != 0 {
		w.stop()
		return to
	}
	for ; len(b) > 0; b = b[8:] {
		to = append(to, binary.LittleEndian.Uint64(b))
	}
	return to
}

func (w *wire) skip() {
	n := 0
	switch w.kind {
	case wireVarint:
		w.uvarint()
		return
	case wireBytes:
		w.bytes()
		return
	case wireFixed:
		n = 8
	case wireShort:
		n = 4
	}
	if n == 0 || n > len(w.b) {
		w.stop()
		return
	}
	w.b = w.b[n:]
}
