package scoring

import (
	"os"

	"leadstream/schemas"
)

// arena keeps rows of bytes, found by lead id: one row a lead, no pointer that the
// collector would have to follow. Rows are appended to chunks and never changed; a
// lead's new row leaves the old one dead where it stands, and chunks with many dead
// rows are emptied into new ones. So whoever holds the chunks of a moment holds the
// rows of that moment, whatever happens afterwards: that is how a snapshot is
// written while the line goes on.
type arena struct {
	index  index
	ids    func(packed []byte) schemas.LeadID
	chunks []*chunk // by number; nil = free
	free   []int
	open   int // the chunk that is written to, -1 = none
	fading int // the one for faded leads
	// All bytes of chunks in memory, and those of rows that were replaced.
	bytes, dead int64
	// The same of chunks in the file, and how many leads are there.
	out struct {
		bytes, dead int64
		leads       int
	}
	spill spill
	// The row that was last read from the file: a look finds it, a second one reads it.
	lastAt  uint64
	lastRow []byte
}

// chunk is a piece of memory that only grows to its capacity. A row larger than
// that has one of its own.
type chunk struct {
	b          []byte // nil: in the file
	dead, rows int    // bytes of dead rows; how many live
	size       int
	file       *os.File
	place      int64
}

const (
	chunkBits = 18
	chunkSize = 1 << chunkBits
)

// newArena is an empty one; ids tells whose a packed lead is.
func newArena(ids func(packed []byte) schemas.LeadID) arena {
	return arena{index: newIndex(), ids: ids, open: -1, fading: -1}
}

// put appends the lead's row and forgets its old one.
func (a *arena) put(r row) { a.append(&a.open, r) }

// append puts it into the chunk that is written to for its kind.
func (a *arena) append(to *int, r row) {
	at := a.room(to, len(r.packed)+maxRowHead)
	c := a.chunks[at>>chunkBits]
	before := len(c.b)
	c.b = appendRow(c.b, r)
	a.bytes += int64(len(c.b) - before)
	c.rows++
	if old, had := a.index.set(r.id, at, a); had {
		a.bury(old)
	}
}

// room is the place of a row of at most n bytes.
func (a *arena) room(to *int, n int) (at uint64) {
	if *to < 0 || len(a.chunks[*to].b)+n > cap(a.chunks[*to].b) {
		*to = a.fresh(max(n, chunkSize))
	}
	return uint64(*to)<<chunkBits | uint64(len(a.chunks[*to].b))
}

func (a *arena) fresh(size int) int {
	c := &chunk{b: make([]byte, 0, size)}
	if n := len(a.free); n > 0 {
		at := a.free[n-1]
		a.free, a.chunks[at] = a.free[:n-1], c
		return at
	}
	a.chunks = append(a.chunks, c)
	return len(a.chunks) - 1
}

// adopt takes a chunk of whole rows of other leads than those that are there.
func (a *arena) adopt(b []byte) {
	num := a.fresh(0)
	a.chunks[num].b = b
	a.bytes += int64(len(b))
	for offset := 0; offset < len(b); {
		r, n := parseRow(b[offset:])
		a.index.set(a.ids(r.packed), uint64(num)<<chunkBits|uint64(offset), a)
		a.chunks[num].rows++
		offset += n
	}
}

// bury counts a row as dead. A chunk without a living row is let go.
func (a *arena) bury(at uint64) {
	num := int(at >> chunkBits)
	c := a.chunks[num]
	_, n := rowSize(a.look(at))
	c.dead += n
	c.rows--
	if c.b == nil {
		a.out.dead += int64(n)
		a.out.leads--
	} else {
		a.dead += int64(n)
	}
	if c.rows == 0 && num != a.open && num != a.fading {
		a.drop(num)
	}
}

func (a *arena) drop(num int) {
	c := a.chunks[num]
	if c.b == nil {
		a.out.bytes, a.out.dead = a.out.bytes-int64(c.size), a.out.dead-int64(c.dead)
		a.spill.kept = append(a.spill.kept, c.place)
	} else {
		a.bytes, a.dead = a.bytes-int64(len(c.b)), a.dead-int64(c.dead)
	}
	a.chunks[num], a.free = nil, append(a.free, num)
	a.lastRow = nil // the place may be another row's soon
}

// look is the memory that begins with the row at a place. A disk that does not give
// back what it was given leaves nothing to go on with.
func (a *arena) look(at uint64) []byte {
	c := a.chunks[at>>chunkBits]
	if c.b != nil {
		return c.b[at&(chunkSize-1):]
	}
	if a.lastRow == nil || a.lastAt != at {
		b, err := c.row(int(at & (chunkSize - 1)))
		if err != nil {
			panic(err)
		}
		a.lastAt, a.lastRow = at, b
	}
	return a.lastRow
}

// idAt is whose row is at a place.
func (a *arena) idAt(at uint64) schemas.LeadID {
	r, _ := parseRow(a.look(at))
	return a.ids(r.packed)
}

// get finds a lead's row.
func (a *arena) get(id schemas.LeadID) (row, bool) {
	at, ok := a.index.get(id, a)
	if !ok {
		return row{}, false
	}
	r, _ := parseRow(a.look(at))
	r.id = id
	return r, true
}

func (a *arena) forget(id schemas.LeadID) {
	if at, ok := a.index.remove(id, a); ok {
		a.bury(at)
	}
}

func (a *arena) len() int { return a.index.used }
