package spool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Produce hands records to the broker and returns nil when all are acknowledged. With any other error than Refused, all of them
// come again.
type Produce func(ctx context.Context, records []Record) error

// Refused is what a Produce returns when the broker has acknowledged all records but those, which it will never take. They are
// set aside in a *.bad file: one bad record does not stop the line.
type Refused struct {
	Index []int // of the records
	Why   error
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the broker will never take %d records: %v", len(r.Index), r.Why)
}

// Unwrap gives the broker's reason.
func (r *Refused) Unwrap() error { return r.Why }

const (
	firstPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
	// badReads in a row make a segment unreadable: a disk that says EIO says it again.
	badReads = 5
	// tendEvery is how often the position is synced and old segments are looked for; what was drained since comes again after a
	// crash.
	tendEvery = 100 * time.Millisecond
)

// drainer is one call of Drain.
type drainer struct {
	*Spool
	reader   reader
	produce  Produce
	failures int // in a row
	said     time.Time
	tended   time.Time
}

// Drain hands everything to produce, in the order of arrival, as it comes; until ctx ends or the spool is closed. What produce
// refuses is tried again, for ever, after pauses that grow to 5 s. One Drain at a time.
func (s *Spool) Drain(ctx context.Context, produce Produce) error {
	if !s.draining.TryLock() {
		return errors.New("spool: it is being drained already, or closed")
	}
	defer s.draining.Unlock()
	d := &drainer{Spool: s, produce: produce, reader: reader{spool: s}}
	defer d.reader.close()
	for {
		if err := d.stopped(ctx); err != nil {
			return err
		}
		if err := d.step(ctx); err != nil {
			return err
		}
	}
}

func (d *drainer) stopped(ctx context.Context) error {
	select {
	case <-d.closing:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

// step moves one batch. In this order: 1. the broker acknowledges, 2. the position moves, 3. segments go.
func (d *drainer) step(ctx context.Context) error {
	from := d.drained.Load()
	b, err := d.reader.next(from)
	if err != nil {
		d.failures++
		if d.failures%badReads != 0 {
			return d.pause(ctx, err)
		}
		b = batch{upTo: d.reader.giveUp(from, err)}
	}
	if b.upTo <= from {
		return d.idle(ctx)
	}
	if len(b.records) > 0 {
		d.waitsSince(b.records[0].ReceivedAt)
	}
	if err := d.deliver(ctx, b.records); err != nil {
		return err
	}
	d.advance(b.upTo)
	if time.Since(d.tended) >= tendEvery {
		d.tend()
		d.tended = time.Now()
	}
	return nil
}

// deliver returns when the broker has the records, or with the reason to stop.
func (d *drainer) deliver(ctx context.Context, records []Record) error {
	for len(records) > 0 {
		err := d.produce(ctx, records)
		var refused *Refused
		if errors.As(err, &refused) {
			err = d.refuse(records, refused)
		}
		if err == nil {
			d.recovered()
			taken := len(records)
			if refused != nil {
				taken -= len(refused.Index)
			}
			d.metrics.drained.Add(float64(taken))
			return nil
		}
		d.failures++
		d.metrics.drainFailed.Inc()
		if err := d.pause(ctx, err); err != nil {
			return err
		}
	}
	d.failures = 0
	return nil
}

// pause tells why, once for a long outage's every half minute, and waits.
func (d *drainer) pause(ctx context.Context, why error) error {
	if err := d.stopped(ctx); err != nil {
		return err
	}
	if d.failures == 1 || time.Since(d.said) > 30*time.Second {
		d.said = time.Now()
		d.log.Warn("the spool cannot be drained now; it keeps trying", zap.Int("failures", d.failures), zap.Error(why))
	}
	timer := time.NewTimer(min(longPause, firstPause<<min(d.failures-1, 10)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-d.closing:
	}
	return d.stopped(ctx)
}

func (d *drainer) recovered() {
	if d.failures > 0 {
		d.log.Info("the spool is being drained again", zap.Int("failures", d.failures))
	}
	d.failures = 0
}

// idle waits for more. Without anything to see to it sets no timer.
func (d *drainer) idle(ctx context.Context) error {
	var due <-chan time.Time
	if wait := d.tendDue(); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-d.more:
	case <-due:
		d.tend()
		d.tended = time.Now()
	case <-ctx.Done():
	case <-d.closing:
	}
	return d.stopped(ctx)
}

func (s *Spool) waitsSince(received time.Time) {
	s.mu.Lock()
	s.oldest = received.UnixMilli()
	s.mu.Unlock()
}

func (s *Spool) advance(upTo uint64) {
	s.mu.Lock()
	s.drained.Store(upTo)
	if upTo >= s.durable.Load() {
		s.oldest = 0
	}
	s.mu.Unlock()
	s.tellEmptied()
}

// tellEmptied wakes WaitDrained.
func (s *Spool) tellEmptied() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Pending() {
		close(s.emptied)
		s.emptied = make(chan struct{})
	}
}
