package scoring

import (
	"encoding/binary"
	"os"
	"slices"

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

// A row is the id, the instant at which the lead falls, what it has, and the
// packed lead, all after their length.
type row struct {
	id     schemas.LeadID
	due    int64 // 0 = never
	open   bool  // days are open: time will fold them
	packed []byte
}

const (
	rowDue = 1 << iota
	rowOpen
)

func newArena() arena { return arena{index: newIndex(), open: -1, fading: -1} }

// put appends the lead's row and forgets its old one.
func (a *arena) put(r row) { a.append(&a.open, r) }

// append puts it into the chunk that is written to for its kind.
func (a *arena) append(to *int, r row) {
	var head [16 + 1 + binary.MaxVarintLen64]byte
	h := append(head[:0], r.id[:]...)
	var flags byte
	if r.due != 0 {
		flags |= rowDue
	}
	if r.open {
		flags |= rowOpen
	}
	h = append(h, flags)
	if r.due != 0 {
		h = binary.AppendVarint(h, r.due)
	}
	var size [binary.MaxVarintLen64]byte
	length := binary.AppendUvarint(size[:0], uint64(len(h)+len(r.packed)))
	at := a.room(to, len(length)+len(h)+len(r.packed))
	c := a.chunks[at>>chunkBits]
	c.b = append(append(append(c.b, length...), h...), r.packed...)
	c.rows++
	if old, had := a.index.set(r.id, at, a); had {
		a.bury(old)
	}
}

// room is the place of a row of n bytes.
func (a *arena) room(to *int, n int) (at uint64) {
	if *to < 0 || len(a.chunks[*to].b)+n > cap(a.chunks[*to].b) {
		*to = a.fresh(max(n, chunkSize))
	}
	a.bytes += int64(n)
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
		a.index.set(r.id, uint64(num)<<chunkBits|uint64(offset), a)
		a.chunks[num].rows++
		offset += n
	}
}

// bury counts a row as dead. A chunk without a living row is let go.
func (a *arena) bury(at uint64) {
	num := int(at >> chunkBits)
	c := a.chunks[num]
	_, n := parseRow(a.look(at))
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

// at is the row at a place.
func (a *arena) at(at uint64) (r row, size int) { return parseRow(a.look(at)) }

// parseRow reads the row that b begins with.
func parseRow(b []byte) (r row, size int) {
	n, head := binary.Uvarint(b)
	size = head + int(n)
	b = b[head:size:size]
	r.id = schemas.LeadID(b)
	flags := b[16]
	b = b[17:]
	if flags&rowDue != 0 {
		due, n := binary.Varint(b)
		r.due, b = due, b[n:]
	}
	r.open, r.packed = flags&rowOpen != 0, b
	return r, size
}

// get finds a lead's row.
func (a *arena) get(id schemas.LeadID) (row, bool) {
	at, ok := a.index.get(id, a)
	if !ok {
		return row{}, false
	}
	r, _ := a.at(at)
	return r, true
}

func (a *arena) forget(id schemas.LeadID) {
	if at, ok := a.index.remove(id, a); ok {
		a.bury(at)
	}
}

func (a *arena) len() int { return a.index.used }

// each shows every living row, in no order. yield may put and forget.
func (a *arena) each(yield func(row)) {
	for num := 0; num < len(a.chunks); num++ {
		a.eachOf(num, yield)
	}
}

// eachInMemory leaves out those that have faded: they have no timers.
func (a *arena) eachInMemory(yield func(row)) {
	for num := 0; num < len(a.chunks); num++ {
		if c := a.chunks[num]; c != nil && c.b != nil {
			a.eachOf(num, yield)
		}
	}
}

func (a *arena) eachOf(num int, yield func(row)) {
	c := a.chunks[num]
	if c == nil {
		return
	}
	b, err := c.content()
	if err != nil {
		panic(err)
	}
	for offset := 0; offset < len(b) && a.chunks[num] == c; {
		r, n := parseRow(b[offset:])
		if a.index.has(r.id, uint64(num)<<chunkBits|uint64(offset)) {
			yield(r)
		}
		offset += n
	}
}

// clean empties the chunks with the most dead rows while most of all bytes are
// dead, so that memory is at most twice what lives (and a chunk), and so is the file.
func (a *arena) clean() {
	for a.dead > a.bytes/2 && a.bytes > 2*chunkSize && a.empty(func(c *chunk) bool { return c.b != nil }) {
	}
	for a.out.dead > a.out.bytes/2 && a.out.bytes > 2*chunkSize && a.empty(func(c *chunk) bool { return c.b == nil }) {
	}
}

// empty moves the living out of the chunk that has the most dead.
func (a *arena) empty(which func(*chunk) bool) bool {
	worst := -1
	for num, c := range a.chunks {
		if c != nil && num != a.open && num != a.fading && which(c) && (worst < 0 || c.dead > a.chunks[worst].dead) {
			worst = num
		}
	}
	if worst < 0 || a.chunks[worst].dead == 0 {
		return false
	}
	c := a.chunks[worst]
	a.eachOf(worst, a.put) // the last row's burial drops it
	if a.chunks[worst] == c {
		a.drop(worst) // all were dead already
	}
	return true
}

// frozen is what an arena held at a moment.
type frozen struct {
	index  []uint64
	chunks []*chunk // copies: a chunk may leave memory meanwhile
	leads  int
}

// freeze costs a copy of the index: 8 bytes a place. There is one at a time, and
// what the last one could still read in the file may be written over now.
func (a *arena) freeze() frozen {
	a.spill.reuse()
	f := frozen{index: slices.Clone(a.index.slots), leads: a.index.used, chunks: make([]*chunk, len(a.chunks))}
	for i, c := range a.chunks {
		if c != nil {
			same := *c
			f.chunks[i] = &same
		}
	}
	return f
}

// each shows the rows as they stand in memory, length and all.
func (f *frozen) each(yield func(b []byte) error) error {
	x := index{slots: f.index}
	for num, c := range f.chunks {
		if c == nil {
			continue
		}
		b, err := c.content()
		if err != nil {
			return err
		}
		for offset := 0; offset < len(b); {
			r, n := parseRow(b[offset:])
			if x.has(r.id, uint64(num)<<chunkBits|uint64(offset)) {
				if err := yield(b[offset : offset+n]); err != nil {
					return err
				}
			}
			offset += n
		}
	}
	return nil
}
