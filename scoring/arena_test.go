package scoring

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
)

// The arena against a map: rows of all sizes put, replaced and forgotten at random,
// and moments of it that stay what they were.
func TestTheArenaHoldsTheLastRowOfEach(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a, want := newArena(), map[schemas.LeadID]row{}
		var moment frozen
		var then map[schemas.LeadID]string
		for i := range 60_000 {
			id := schemas.NewLeadID(fmt.Sprint(rng.IntN(2000)))
			switch rng.IntN(10) {
			case 0:
				a.forget(id)
				delete(want, id)
			default:
				r := row{id: id, due: rng.Int64N(3), open: rng.IntN(2) == 0, packed: make([]byte, rng.IntN(300))}
				if rng.IntN(5000) == 0 {
					r.packed = make([]byte, 2*chunkSize)
				}
				for j := range r.packed {
					r.packed[j] = byte(i)
				}
				a.put(r)
				want[id] = r
			}
			a.clean()
			if i == 30_000 {
				moment, then = a.freeze(), map[schemas.LeadID]string{}
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
			require.Equal(t, then[r.id], string(r.packed), "a moment has changed")
			delete(then, r.id)
			return nil
		}))
		require.Empty(t, then)
	}
}

// Ids that share all 24 bits the index keeps are still told apart.
func TestTheIndexBelievesOnlyTheRow(t *testing.T) {
	a := newArena()
	same := func(n uint64) (id schemas.LeadID) { // the two halves cancel out in the hash
		binary.LittleEndian.PutUint64(id[:8], n)
		binary.LittleEndian.PutUint64(id[8:], n<<32|n>>32)
		return id
	}
	for n := range uint64(3000) {
		require.Equal(t, mark(same(0)), mark(same(n)))
		a.put(row{id: same(n), due: int64(n) + 1})
	}
	for n := range uint64(3000) {
		r, ok := a.get(same(n))
		require.True(t, ok)
		require.Equal(t, int64(n)+1, r.due)
	}
	_, ok := a.get(same(3000))
	require.False(t, ok)
}
