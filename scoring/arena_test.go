package scoring

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
)

// front is whose a row is, in these tests.
func front(packed []byte) schemas.LeadID { return schemas.LeadID(packed) }

// The arena against a map: rows of all sizes put, replaced and forgotten at random,
// and moments of it that stay what they were.
func TestTheArenaHoldsTheLastRowOfEach(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a, want := newArena(front), map[schemas.LeadID]row{}
		var moment frozen
		var then map[schemas.LeadID]string
		for i := range 60_000 {
			id := schemas.NewLeadID(fmt.Sprint(rng.IntN(2000)))
			switch rng.IntN(10) {
			case 0:
				a.forget(id)
				delete(want, id)
			default:
				r := row{id: id, due: rng.Int64N(3), open: rng.IntN(2) == 0, packed: make([]byte, 16+rng.IntN(300))}
				if rng.IntN(5000) == 0 {
					r.packed = make([]byte, 2*chunkSize)
				}
				for j := copy(r.packed, id[:]); j < len(r.packed); j++ {
					r.packed[j] = byte(i)
				}
				a.put(r)
				want[id] = r
			}
			a.clean()
			if i == 30_000 {
				moment, then = a.freeze(front), map[schemas.LeadID]string{}
				for id, r := range want {
					then[id] = string(r.packed)
				}
			}
		}
		require.Equal(t, len(want), a.len())
		for id, w := range want {
			got, ok := a.get(id)
			require.True(t, ok)
			require.Equal(t, w, got)
		}
		seen := 0
		a.each(func(r row) {
			seen++
			require.Equal(t, want[r.id], r)
		})
		require.Equal(t, len(want), seen)
		require.LessOrEqual(t, a.bytes, max(2*(a.bytes-a.dead)+chunkSize, 3*chunkSize), "the dead are not cleaned away")
		require.NoError(t, moment.each(func(b []byte) error {
			r, n := parseRow(b)
			require.Equal(t, len(b), n)
			require.Equal(t, then[front(r.packed)], string(r.packed), "a moment has changed")
			delete(then, front(r.packed))
			return nil
		}))
		require.Empty(t, then)
	}
}

// Ids that share all 24 bits the index keeps are still told apart.
func TestTheIndexBelievesOnlyTheRow(t *testing.T) {
	a := newArena(front)
	same := func(n uint64) (id schemas.LeadID) { // the two halves cancel out in the hash
		binary.LittleEndian.PutUint64(id[:8], n)
		binary.LittleEndian.PutUint64(id[8:], n<<32|n>>32)
		return id
	}
	for n := range uint64(3000) {
		require.Equal(t, mark(same(0)), mark(same(n)))
		id := same(n)
		a.put(row{id: id, due: int64(n) + 1, packed: id[:]})
	}
	for n := range uint64(3000) {
		r, ok := a.get(same(n))
		require.True(t, ok)
		require.Equal(t, int64(n)+1, r.due)
	}
	_, ok := a.get(same(3000))
	require.False(t, ok)
}

// The index alone against a map, with hashes that collide and some at the very end: words
// stay in order and within reach, whatever is put, moved and removed, and no table that has
// grown is less than eight tenths full.
func TestTheIndexKeepsItsOrder(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 2))
		x, rows, want := newIndex(), newArena(front), map[schemas.LeadID]uint64{}
		c := &chunk{}
		rows.chunks = []*chunk{c}
		place := func(id schemas.LeadID) uint64 { // a row of its own each time
			at := uint64(len(c.b))
			c.b = appendRow(c.b, row{packed: id[:]})
			return at
		}
		id := func() (id schemas.LeadID) {
			n := uint64(rng.IntN(4000))
			if n%3 == 0 {
				n |= 1 << 63 // many of these are near one another
			}
			binary.LittleEndian.PutUint64(id[:8], n%2000)
			binary.LittleEndian.PutUint64(id[8:], n)
			return id
		}
		for len(c.b) < chunkSize-64 {
			id := id()
			at, had := want[id]
			if rng.IntN(4) == 0 {
				got, found := x.remove(id, &rows)
				require.Equal(t, had, found)
				require.Equal(t, at, got)
				delete(want, id)
				continue
			}
			to := place(id)
			got, found := x.set(id, to, &rows)
			require.Equal(t, had, found)
			require.Equal(t, at, got)
			if had {
				require.False(t, x.has(id, at), "the old place")
			}
			want[id] = to
		}
		require.Equal(t, len(want), x.used)
		for id, at := range want {
			got, ok := x.get(id, &rows)
			require.True(t, ok)
			require.Equal(t, at, got)
			require.True(t, x.has(id, at))
		}
		last := uint64(0)
		for i, word := range x.slots {
			if word == 0 {
				continue
			}
			require.Less(t, last, word)
			last = word
			for j := x.home(word); j < i; j++ {
				require.NotZero(t, x.slots[j], "a gap between a word and where it is looked for")
			}
		}
	}
}

// 8.9-10 B a lead, however many there are.
func TestTheIndexIsFull(t *testing.T) {
	x, nothing := newIndex(), newArena(front)
	for n := range uint64(300_000) {
		id := schemas.NewLeadID(fmt.Sprint(n))
		nothing.chunks = []*chunk{{b: appendRow(nil, row{packed: make([]byte, 16)})}} // another lead's, if a hash fits
		x.set(id, 0, &nothing)
		if n > 20_000 {
			require.LessOrEqual(t, float64(8*cap(x.slots)), 10.1*float64(x.used))
		}
	}
	require.Equal(t, 300_000, x.used)
}
