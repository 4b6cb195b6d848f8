package scoring

import (
	"encoding/binary"

	"leadstream/schemas"
)

// A row is the instant at which the lead falls, if it does, and the packed lead, after
// their length and two flags. Whose it is the packed lead says.
type row struct {
	id     schemas.LeadID // filled in by those who know it or ask for it
	due    int64          // 0 = never
	open   bool           // days are open: time will fold them
	packed []byte
}

const (
	rowDue = 1 << iota
	rowOpen
	rowFlags = 2 // bits
)

// appendRow writes the row.
func appendRow(b []byte, r row) []byte {
	var due [binary.MaxVarintLen64]byte
	d, flags := due[:0], uint64(0)
	if r.due != 0 {
		d, flags = binary.AppendVarint(d, r.due), rowDue
	}
	if r.open {
		flags |= rowOpen
	}
	b = binary.AppendUvarint(b, uint64(len(d)+len(r.packed))<<rowFlags|flags)
	return append(append(b, d...), r.packed...)
}

// maxRowHead is the most that a row has besides the packed lead.
const maxRowHead = 2 * binary.MaxVarintLen64

// rowSize is how long the row is that b begins with, and where its length ends.
func rowSize(b []byte) (head, size int) {
	n, head := binary.Uvarint(b)
	return head, head + int(n>>rowFlags)
}

// parseRow reads the row that b begins with, all but whose it is.
func parseRow(b []byte) (r row, size int) {
	n, head := binary.Uvarint(b)
	size = head + int(n>>rowFlags)
	b = b[head:size:size]
	if n&rowDue != 0 {
		due, n := binary.Varint(b)
		r.due, b = due, b[n:]
	}
	r.open, r.packed = n&rowOpen != 0, b
	return r, size
}
