package scoring

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"leadstream/schemas"
)

// index finds a row's place by the lead's id: one word of 8 bytes a lead, 24 bits of
// the id's hash and 40 bits of where the row is. A word that fits is believed only
// when the row says the same id.
//
// The words stand in the order of their hashes, each at or after the slot that its
// hash points to: linear probing that keeps order. So a look ends at the first larger
// hash, nothing wraps around, a removal closes the gap, and the table may be nine
// tenths full and grow by an eighth: 8.9-10 B a lead at any size.
type index struct {
	slots []uint64 // 0 = empty; the last are for words that were pushed on
	size  int      // how many a hash may point to
	used  int
}

const (
	placeBits = 40
	placeMask = 1<<placeBits - 1
	markBits  = 64 - placeBits
	// overhang is how many slots there are behind those that are pointed to. Few are
	// ever used; the table grows longer where many hashes are near the largest.
	overhang = 64
)

func newIndex() index { return index{slots: make([]uint64, 64+overhang), size: 64} }

// mark is the 24 bits of the hash, in their place in a slot. Lead ids are hashes
// already; the multiplication is for those that somebody else made up.
func mark(id schemas.LeadID) uint64 {
	h := binary.LittleEndian.Uint64(id[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(id[8:]), 32)
	return (h * 0x9e3779b97f4a7c15) &^ placeMask
}

// home is the slot that a word's hash points to.
func (x *index) home(slot uint64) int { return int(slot >> placeBits * uint64(x.size) >> markBits) }

// seek is the first slot at or after the hash's own that is empty or has no smaller
// word. Places are kept plus one, so no word is 0.
func (x *index) seek(word uint64) int {
	i := x.home(word)
	for i < len(x.slots) && x.slots[i] != 0 && x.slots[i] < word {
		i++
	}
	return i
}

// find is the id's slot, or -1.
func (x *index) find(id schemas.LeadID, a *arena) int {
	m := mark(id)
	for i := x.seek(m); i < len(x.slots) && x.slots[i]&^placeMask == m && x.slots[i] != 0; i++ {
		if a.idAt(x.slots[i]&placeMask-1) == id {
			return i
		}
	}
	return -1
}

func (x *index) get(id schemas.LeadID, a *arena) (at uint64, ok bool) {
	if i := x.find(id, a); i >= 0 {
		return x.slots[i]&placeMask - 1, true
	}
	return 0, false
}

// has tells whether the row at this place is the one of its id, without looking at
// another row.
func (x *index) has(id schemas.LeadID, at uint64) bool {
	word := mark(id) | (at + 1)
	i := x.seek(word)
	return i < len(x.slots) && x.slots[i] == word
}

// set notes where the id's row is, and tells where the old one was.
func (x *index) set(id schemas.LeadID, at uint64, a *arena) (old uint64, had bool) {
	word := mark(id) | (at + 1)
	if i := x.find(id, a); i >= 0 {
		old = x.slots[i]&placeMask - 1
		x.replace(i, word)
		return old, true
	}
	if x.used*10 >= x.size*9 {
		x.grow()
	}
	x.insert(word)
	return 0, false
}

// replace puts a word of the same hash in the place of one, and in order with others
// of that hash.
func (x *index) replace(i int, word uint64) {
	for ; i > 0 && x.slots[i-1] > word; i-- {
		x.slots[i] = x.slots[i-1]
	}
	for ; i+1 < len(x.slots) && x.slots[i+1] != 0 && x.slots[i+1] < word; i++ {
		x.slots[i] = x.slots[i+1]
	}
	x.slots[i] = word
}

// insert puts a word in its order, and pushes those behind it on to the next gap.
func (x *index) insert(word uint64) {
	i := x.seek(word)
	end := i
	for end < len(x.slots) && x.slots[end] != 0 {
		end++
	}
	if end == len(x.slots) {
		x.lengthen()
	}
	copy(x.slots[i+1:end+1], x.slots[i:end])
	x.slots[i] = word
	x.used++
}

// take removes a word, and lets those that were pushed past their slot move up.
func (x *index) take(i int) {
	end := i + 1
	for end < len(x.slots) && x.slots[end] != 0 && x.home(x.slots[end]) < end {
		end++
	}
	copy(x.slots[i:], x.slots[i+1:end])
	x.slots[end-1] = 0
	x.used--
}

// grow makes room for an eighth more; it needs no row for that, and goes through
// both tables once from front to end.
func (x *index) grow() {
	old := x.slots
	x.size += x.size / 8
	x.slots = make([]uint64, x.size+overhang)
	next := 0
	for _, word := range old {
		if word == 0 {
			continue
		}
		next = max(next, x.home(word))
		if next == len(x.slots) {
			x.lengthen()
		}
		x.slots[next] = word
		next++
	}
}

// lengthen doubles what is behind the slots that are pointed to.
func (x *index) lengthen() {
	longer := make([]uint64, 2*len(x.slots)-x.size)
	copy(longer, x.slots)
	x.slots = longer
}

func (x *index) remove(id schemas.LeadID, a *arena) (at uint64, ok bool) {
	i := x.find(id, a)
	if i < 0 {
		return 0, false
	}
	at = x.slots[i]&placeMask - 1
	x.take(i)
	return at, true
}

// clone is what the index says at this moment.
func (x *index) clone() index { return index{slots: slices.Clone(x.slots), size: x.size, used: x.used} }
