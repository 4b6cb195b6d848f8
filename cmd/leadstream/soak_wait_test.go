package main

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"leadstream/schemas"
	"leadstream/scoring"
	"leadstream/sink"
)

// soakGroups are the workers' and the sinks'.
var soakGroups = []string{scoring.DefaultConfig().Group, sink.DefaultConfig().Group}

// await asks until it is so, and sees meanwhile to it that all places are filled.
func (s *soak) await(patience time.Duration, is func() bool, what string, args ...any) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		require.True(s.t, time.Now().Before(end), fmt.Sprintf(what, args...))
		s.revive()
	}
}

// progress waits until both groups have committed something new.
func (s *soak) progress() {
	s.t.Helper()
	for _, group := range soakGroups {
		before := s.done(group)
		s.await(3*time.Minute, func() bool { return s.done(group) > before }, "%s makes no progress", group)
	}
}

func (s *soak) done(group string) (n int64) {
	for _, o := range s.committed(group).Sorted() {
		n += max(0, o.At)
	}
	return n
}

func (s *soak) committed(group string) kadm.Offsets {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	committed, err := s.admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil // not made yet, or the broker is away
	}
	return committed.Offsets()
}

// behind is how much a group has still to read of topics.
func (s *soak) behind(group string, topics ...string) (n int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ends, err := s.admin.ListEndOffsets(ctx, topics...)
	if err != nil || ends.Error() != nil {
		return 1 << 30
	}
	committed := s.committed(group)
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(end.Topic, end.Partition)
		n += end.Offset - max(0, at.At)
	})
	return n
}

// awaitAll waits until both groups have read all that there is, for as long as they go on.
func (s *soak) awaitAll() {
	s.t.Helper()
	behind := func() int64 {
		return s.behind(soakGroups[0], schemas.TopicEvents) +
			s.behind(soakGroups[1], schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages)
	}
	for n := behind(); n > 0; n = behind() {
		s.await(2*time.Minute, func() bool { return behind() != n }, "%d records wait, and nobody goes on", n)
	}
}

// settle waits until all events are in the tables, and all falls, and stops everybody.
func (s *soak) settle() {
	s.t.Helper()
	time.Sleep(time.Until(time.UnixMilli(s.traffic.lastFall()).Add(time.Second)))
	s.awaitAll()
	s.await(time.Minute, func() bool { return s.fallsStored() >= len(s.traffic.fallers) }, "of %d leads that were to fall some have not", len(s.traffic.fallers))
	for _, slots := range [][]*slot{s.scores, s.sinks} {
		s.awaitAll() // the last transaction is written before the sinks stop
		for _, w := range slots {
			s.dismiss(w)
		}
	}
}
