package scoring

import "leadstream/schemas"

// frozen is what an arena held at a moment.
type frozen struct {
	index  index
	ids    func(packed []byte) schemas.LeadID
	chunks []*chunk // copies: a chunk may leave memory meanwhile
}

// freeze costs a copy of the index. There is one at a time, and what the last one
// could still read in the file may be written over now. ids must not look at what
// changes.
func (a *arena) freeze(ids func(packed []byte) schemas.LeadID) frozen {
	a.spill.reuse()
	f := frozen{index: a.index.clone(), ids: ids, chunks: make([]*chunk, len(a.chunks))}
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
			if f.index.has(f.ids(r.packed), uint64(num)<<chunkBits|uint64(offset)) {
				if err := yield(b[offset : offset+n]); err != nil {
					return err
				}
			}
			offset += n
		}
	}
	return nil
}
