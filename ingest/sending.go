package ingest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/ingest/spool"
)

// sending is the records of one caller on their way to the broker, with one wake-up for all of them. A record's promise never
// waits for a caller that has given up.
type sending struct {
	records []kgo.Record
	promise func(*kgo.Record, error) // acknowledged, bound once
	done    chan struct{}            // one word: every record has its result, or the patience has ended

	mu      sync.Mutex
	left    int
	away    error
	refused spool.Refused

	late bool // a second word may still come: not to be used again
	wait      // of patience
}

func newSending() *sending {
	s := &sending{done: make(chan struct{}, 1)}
	s.promise = s.acknowledged
	return s
}

// load takes the records to send; nobody may be at the ones before any more.
func (s *sending) load(records []spool.Record) {
	s.records = s.records[:0]
	for _, r := range records {
		s.records = append(s.records, kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value})
	}
	s.left, s.away, s.refused = len(records), nil, spool.Refused{}
}

// acknowledged is the promise of each record. Its last word is its last touch: the caller may load the next records then.
func (s *sending) acknowledged(r *kgo.Record, err error) {
	if s.settle(r, err) {
		s.tell()
	}
}

// settle notes one result, and tells whether it was the last.
func (s *sending) settle(r *kgo.Record, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
	case refusedForGood(err):
		for i := range s.records {
			if r == &s.records[i] {
				s.refused.Index, s.refused.Why = append(s.refused.Index, i), err
			}
		}
	case errors.Is(err, kgo.ErrMaxBuffered):
		s.away = errBusy
	default:
		s.away = fmt.Errorf("%w: %w", errBrokerAway, err)
	}
	s.left--
	return s.left == 0
}

// tell wakes the caller; one word is enough.
func (s *sending) tell() {
	select {
	case s.done <- struct{}{}:
	default:
	}
}

// complete tells whether every record has its result.
func (s *sending) complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left == 0
}

// refusedForGood tells what no repetition mends.
func refusedForGood(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// outcome is valid once it is complete: nil, a *spool.Refused, or why not all are kept.
func (s *sending) outcome() error {
	switch {
	case s.away != nil:
		return s.away
	case len(s.refused.Index) > 0:
		return &spool.Refused{Index: s.refused.Index, Why: s.refused.Why}
	}
	return nil
}
