package scoring

import (
	"encoding/binary"
	"math/bits"

	"leadstream/schemas"
)

// index finds a row's place by the lead's id: open addressing, one word of 8 bytes
// a place: 24 bits of the id's hash and 40 bits of where the row is. A word that
// fits is believed only when the row says the same id.
type index struct {
	slots      []uint64
	used, gone int // leads; places that were given up, which still cost a look
}

const (
	placeBits = 40
	placeMask = 1<<placeBits - 1
	// gonePlace is a place no row is at; an empty slot is 0, so places are kept plus one.
	gonePlace = placeMask
)

func newIndex() index { return index{slots: make([]uint64, 64)} }

// mark is the 24 bits of the hash, in their place in a slot. Lead ids are hashes
// already; the multiplication is for those that somebody else made up.
func mark(id schemas.LeadID) uint64 {
	h := binary.LittleEndian.Uint64(id[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(id[8:]), 32)
	return (h * 0x9e3779b97f4a7c15) &^ placeMask
}

// home is the slot that a hash begins to look in.
func (x *index) home(mark uint64) int {
	size := bits.TrailingZeros(uint(len(x.slots)))
	if size > 64-placeBits { // more slots than marks: spread them
		return int(mark >> placeBits << (size - (64 - placeBits)))
	}
	return int(mark >> (64 - size))
}

// find is the id's slot, or -1.
func (x *index) find(id schemas.LeadID, a *arena) int {
	m, mask := mark(id), len(x.slots)-1
	for i := x.home(m); ; i = (i + 1) & mask {
		s := x.slots[i]
		if s == 0 {
			return -1
		}
		if s&^placeMask == m && s&placeMask != gonePlace && a.idAt(s&placeMask-1) == id {
			return i
		}
	}
}

// idAt is the id of the row at a place.
func (a *arena) idAt(at uint64) schemas.LeadID {
	b := a.look(at)
	n := 1
	for b[n-1] >= 0x80 {
		n++
	}
	return schemas.LeadID(b[n:])
}

func (x *index) get(id schemas.LeadID, a *arena) (at uint64, ok bool) {
	if i := x.find(id, a); i >= 0 {
		return x.slots[i]&placeMask - 1, true
	}
	return 0, false
}

// has tells whether the id's row is the one at this place, without looking at rows.
func (x *index) has(id schemas.LeadID, at uint64) bool {
	m, mask := mark(id), len(x.slots)-1
	want := m | (at + 1)
	for i := x.home(m); x.slots[i] != 0; i = (i + 1) & mask {
		if x.slots[i] == want {
			return true
		}
	}
	return false
}

// set notes where the id's row is, and tells where the old one was.
func (x *index) set(id schemas.LeadID, at uint64, a *arena) (old uint64, had bool) {
	m := mark(id)
	if i := x.find(id, a); i >= 0 {
		old = x.slots[i]&placeMask - 1
		x.slots[i] = m | (at + 1)
		return old, true
	}
	if (x.used+x.gone)*4 >= len(x.slots)*3 {
		x.grow()
	}
	x.insert(m | (at + 1))
	x.used++
	return 0, false
}

func (x *index) insert(slot uint64) {
	mask := len(x.slots) - 1
	i := x.home(slot &^ placeMask)
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
}

// grow makes room; it needs no row for that.
func (x *index) grow() {
	size := len(x.slots)
	if x.used*2 >= size {
		size *= 2
	}
	old := x.slots
	x.slots, x.gone = make([]uint64, size), 0
	for _, s := range old {
		if s != 0 && s&placeMask != gonePlace {
			x.insert(s)
		}
	}
}

func (x *index) remove(id schemas.LeadID, a *arena) (at uint64, ok bool) {
	i := x.find(id, a)
	if i < 0 {
		return 0, false
	}
	at = x.slots[i]&placeMask - 1
	x.slots[i] = x.slots[i]&^placeMask | gonePlace
	x.used--
	x.gone++
	return at, true
}
