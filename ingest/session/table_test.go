package session

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	noon   = int64(1772452800000) // 2026-03-02 12:00 UTC, the begin of a half hour
	minute = int64(60_000)
)

func TestVisits(t *testing.T) {
	for _, c := range []struct {
		name    string
		minutes []int64
		visits  []int // the number of the visit, in the order of their first event
	}{
		{"one view", []int64{3}, []int{0}},
		{"across the half hour", []int64{25, 29, 31, 59, 61}, []int{0, 0, 0, 0, 0}},
		{"30 minutes are no pause yet", []int64{0, 30, 60}, []int{0, 0, 0}},
		{"a pause", []int64{0, 31, 40, 71}, []int{0, 1, 1, 2}},
		{"out of order within a visit", []int64{20, 5, 25, 1}, []int{0, 0, 0, 0}},
		{"late, of a visit before", []int64{0, 100, 1, 101}, []int{0, 1, 0, 1}},
		{"a repeat an hour later", []int64{10, 20, 90, 10}, []int{0, 0, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := NewTable()
			number := map[string]int{}
			for i, m := range c.minutes {
				id := table.ID("demo", "a", noon+m*minute)
				require.Regexp(t, `^s:[0-9a-f]{24}$`, id)
				if _, known := number[id]; !known {
					number[id] = len(number)
				}
				require.Equal(t, c.visits[i], number[id], "event %d", i)
			}
		})
	}
}

// Whoever meets the visitor in the half hour that the visit began in says the same.
func TestCollectorsAgreeWithinTheHalfHour(t *testing.T) {
	one := NewTable()
	began := one.ID("demo", "a", noon+2*minute)
	require.Equal(t, began, NewTable().ID("demo", "a", noon+29*minute), "a restart, or another collector")
	require.Equal(t, began, one.ID("demo", "a", noon+31*minute))
	require.NotEqual(t, began, NewTable().ID("demo", "a", noon+31*minute), "who comes later than that cannot know")
	require.NotEqual(t, began, one.ID("demo", "b", noon))
	require.NotEqual(t, began, one.ID("shop", "a", noon))
	require.NotEqual(t, name("de", "moa", noon), name("demo", "a", noon))
}

// Against the rule written down plainly, for events in order: a new visit after more than 30 minutes, and only then.
func TestAgainstTheRule(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		table := NewTable()
		at, before, id := noon, noon, ""
		seen := map[string]bool{}
		for i := range 50 {
			at += rnd.Int64N(45 * minute)
			got := table.ID("demo", "a", at)
			if i > 0 && at-before <= pause {
				require.Equal(t, id, got)
			} else {
				require.False(t, seen[got], "a visit's id came back")
			}
			seen[got], id, before = true, got, at
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var s shard
	for i := range uint64(3 * most) {
		s.began(i, noon)
		require.LessOrEqual(t, len(s.young), most)
		require.LessOrEqual(t, len(s.aged), most)
	}
	// What is long over goes with time, too.
	s.keep(1, visit{last: noon + 3*pause})
	s.keep(2, visit{last: noon + 6*pause})
	require.Len(t, s.young, 1)
	require.Len(t, s.aged, 1)
}

func TestManyAtOnce(t *testing.T) {
	table := NewTable()
	want := table.ID("demo", "v0", noon)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 500 {
				table.ID("demo", fmt.Sprint("v", i%7), noon+int64(i))
			}
		})
	}
	all.Wait()
	require.Equal(t, want, table.ID("demo", "v0", noon+10*minute))
}

func BenchmarkID(b *testing.B) {
	table := NewTable()
	visitors := make([]string, 10_000)
	for i := range visitors {
		visitors[i] = fmt.Sprintf("8f14e45f-ceea-467f-9b0b-%012d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.ID("demo", visitors[i%len(visitors)], noon+int64(i))
	}
}
