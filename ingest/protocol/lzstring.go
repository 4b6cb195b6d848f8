package protocol

import "unicode/utf16"

// lzString undoes LZString's compress: LZ78 over UTF-16, in codes that grow by a bit whenever the dictionary has doubled.
// Old posthog-js packs with it (lz64). limit bounds the characters that come out.
//
// Each entry of the dictionary is the last phrase and the first character of the next, which stand side by side in the
// output: an entry is a place and a length there, and the memory is that of the output.
func lzString(packed []byte, limit int) (string, bool) {
	d := lz{in: bits{from: packed}, table: make([]phrase, 3), width: 3, room: 4}
	code := int(d.in.take(2)) // the first code is short: it can only be a new character, or the end
	for code != 2 {
		now, ok := d.next(code)
		if !ok || len(d.out) > limit {
			return "", false
		}
		d.last = now
		code = int(d.in.take(d.width))
	}
	return string(utf16.Decode(d.out)), !d.in.over
}

type phrase struct{ at, n int }

type lz struct {
	in    bits
	out   []uint16
	table []phrase // 0 and 1 stand for a new character of 8 or 16 bits, 2 for the end
	width uint     // bits of a code
	room  int      // entries until the width grows
	last  phrase
}

// next writes the phrase that a code stands for.
func (d *lz) next(code int) (phrase, bool) {
	now, begun := phrase{len(d.out), 1}, d.last.n > 0
	switch {
	case d.in.over:
		return now, false
	case code < 2:
		d.out = append(d.out, uint16(d.in.take(8<<code)))
		d.table = append(d.table, now)
		if begun {
			d.grow()
		}
	case code < len(d.table):
		now.n = d.table[code].n
		d.out = append(d.out, d.out[d.table[code].at:][:now.n]...)
	case code == len(d.table) && begun: // the very entry that this phrase completes
		now.n = d.last.n + 1
		d.out = append(append(d.out, d.out[d.last.at:][:d.last.n]...), d.out[d.last.at])
	default:
		return now, false
	}
	if begun {
		d.table = append(d.table, phrase{d.last.at, d.last.n + 1})
		d.grow()
	}
	return now, true
}

func (d *lz) grow() {
	if d.room--; d.room == 0 {
		d.room = 1 << d.width
		d.width++
	}
}

// bits hands out numbers, lowest bit first, of bytes that are read highest bit first.
type bits struct {
	from []byte
	at   uint
	over bool
}

func (b *bits) take(n uint) (out uint) {
	for i := range n {
		if b.at>>3 >= uint(len(b.from)) {
			b.over = true
			return 0
		}
		out |= uint(b.from[b.at>>3]>>(7-b.at&7)&1) << i
		b.at++
	}
	return out
}
