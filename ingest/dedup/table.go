package dedup

import (
	"math/bits"
	"sync"
)

// ID stands for one event of one site. The zero ID marks an empty place; no event has it but by a chance of 2^-128.
type ID [2]uint64

// A table is full at 4/5 and grows by a quarter, so that it is never emptier than 64 % by its own growth: 17 bytes a place are
// 21 to 27 bytes an id.
const (
	tables     = 256
	smallest   = 64
	placeBytes = 16 + 1
	worstBytes = 27 // an id, just after growth
)

// label names a generation while it lives.
type label = uint8

// table is one of many, so that growing or sweeping one holds up a 256th of the requests for a 256th of the time.
type table struct {
	mu     sync.Mutex
	ids    []ID
	labels []label
	used   int
}

// place is where id is, or the empty place where it belongs.
func place(ids []ID, id ID) int {
	at, _ := bits.Mul64(id[0], uint64(len(ids)))
	for i := int(at); ; i++ {
		if i == len(ids) {
			i = 0
		}
		if ids[i] == id || ids[i] == (ID{}) {
			return i
		}
	}
}

func (t *table) has(id ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ids) > 0 && t.ids[place(t.ids, id)] == id
}

// add tells whether id is new, and by how many places the table has grown for it.
func (t *table) add(id ID, of label) (added bool, grown int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used*5 >= len(t.ids)*4 {
		size := max(smallest, len(t.ids)*5/4)
		grown = size - len(t.ids)
		t.rebuild(size, nil)
	}
	i := place(t.ids, id)
	if t.ids[i] == id {
		return false, grown
	}
	t.ids[i], t.labels[i] = id, of
	t.used++
	return true, grown
}

// sweep forgets the ids of dead generations. It returns how many, and by how many places the table has shrunk.
func (t *table) sweep(dead *[256]bool) (forgotten, shrunk int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := 0
	for i, id := range t.ids {
		if id != (ID{}) && !dead[t.labels[i]] {
			left++
		}
	}
	before, places := t.used, len(t.ids)
	if left == before {
		return 0, 0
	}
	t.rebuild(max(smallest, left*7/5), dead) // 71 %: room to grow into, and still within worstBytes
	return before - left, places - len(t.ids)
}

// rebuild moves all but the dead into size places.
func (t *table) rebuild(size int, dead *[256]bool) {
	ids, labels := make([]ID, size), make([]label, size)
	t.used = 0
	for i, id := range t.ids {
		if id == (ID{}) || dead != nil && dead[t.labels[i]] {
			continue
		}
		at := place(ids, id)
		ids[at], labels[at] = id, t.labels[i]
		t.used++
	}
	t.ids, t.labels = ids, labels
}
