package scoring

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAnImportIsTheSameHoweverItIsCut: history comes in requests, and the worker has read all there
// is between two of them. Falls that lie behind the next request are not made before it.
func TestAnImportIsTheSameHoweverItIsCut(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, "", testPartitions)
	rnd := rand.New(rand.NewPCG(9, 9))
	events := visits(1, 800, 15)
	for i, ev := range events { // eight campaigns, two months apart, the last a year ago
		shift := (time.Duration(i/100)*60*day - 800*day).Milliseconds()
		ev.ReceivedAt += shift
		ev.EventTime = ev.ReceivedAt - rnd.Int64N(1000)
	}
	clock := &shifted{}
	w := r.start(r.config(), clock.deps)
	for from := 0; from < len(events); from += 200 {
		r.send(events[from : from+200]...)
		r.settled(w.cfg.Group)
		time.Sleep(2 * timerGrace) // what would fire by the wall clock now has the time to
	}
	clock.add(importPause)
	want, _ := r.fallen(clock.now())
	require.Greater(t, timerRows(want), 20, "the test's leads do not fall: it tests nothing")
	require.Eventually(t, func() bool { return len(r.stageRows()) >= len(want) }, time.Minute, 50*time.Millisecond)
	w.stop()
	r.requireFallen(clock.now())
}

func TestTheClockOfAnImportIsItsOwn(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	wall := now.UnixMilli() - timerGrace.Milliseconds()
	p := newPartition(0, now.UnixMilli())
	p.next = p.high
	p.importing.note(0, now, at(0))
	p.importing.note(at(-time.Minute), now, at(0))
	require.Equal(t, wall, p.clock(at(0)), "an event of now")
	p.importing.note(at(-9*day), now, at(0))
	require.Equal(t, at(-9*day), p.clock(at(0)))
	p.importing.note(at(-8*day), now.Add(time.Minute), at(time.Minute))
	require.Equal(t, at(-8*day), p.clock(at(time.Minute)))
	p.importing.note(at(time.Minute), now.Add(time.Minute), at(time.Minute))
	require.Equal(t, at(-8*day), p.clock(at(importPause)), "an event of now, between two requests")
	require.Equal(t, wall+importPause.Milliseconds()+60_000, p.clock(at(importPause+time.Minute)), "it is over")
}
