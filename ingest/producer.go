package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/ingest/spool"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// KafkaOption is what internal/kafka.Opts returns; the alias keeps the client's name inside this file.
type KafkaOption = kgo.Opt

var (
	errBrokerAway = errors.New("the broker did not acknowledge in time")
	errBusy       = errors.New("the buffer for events on their way to the broker is full")
)

// producer hands records to the broker and knows when they are safe. It is idempotent with acks=all: what it acknowledges is
// in all in-sync replicas, once, however often the client repeated a request underneath.
type producer struct {
	client  *kgo.Client
	timeout time.Duration
	apart   apart
}

func newProducer(cfg Config, opts []KafkaOption) (*producer, error) {
	all := append(append([]kgo.Opt{}, opts...),
		kgo.RequiredAcks(kgo.AllISRAcks()), // with idempotence, which is the default, no other value is allowed
		kgo.ProducerLinger(cfg.Linger),     // many requests share one record batch
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.MaxBufferedRecords(cfg.MaxBuffered),
		// A record that waited this long is given up, when that is safe: its sender was told 503 and will come again. With
		// no bound an outage would be followed by a burst of events that all come twice.
		kgo.RecordDeliveryTimeout(2*cfg.ProduceTimeout),
		kgo.ProduceRequestTimeout(cfg.ProduceTimeout),
		// A connection that went silent is given up after both of these together; 10 s more, the default, is ten thousand events.
		kgo.RequestTimeoutOverhead(max(time.Second, cfg.ProduceTimeout)),
	)
	client, err := kgo.NewClient(all...)
	if err != nil {
		return nil, fmt.Errorf("kafka producer: %w", err)
	}
	return &producer{client: client, timeout: cfg.ProduceTimeout, apart: apart{opts: append(all, kgo.ProducerLinger(0))}}, nil
}

// letters is what one request hands over.
type letters struct {
	events []*pb.Event
	dead   []*pb.DeadLetter
}

// sending is the records of one caller on their way to the broker: one allocation and one wake-up for all of them. A record's
// promise never waits for a caller that has given up.
type sending struct {
	records []kgo.Record
	done    chan struct{} // closed when every record has its result

	mu      sync.Mutex
	left    int
	away    error
	refused spool.Refused
}

func newSending(records []spool.Record) *sending {
	s := &sending{records: make([]kgo.Record, len(records)), done: make(chan struct{}), left: len(records)}
	for i, r := range records {
		s.records[i] = kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value}
	}
	return s
}

// acknowledged is the promise of each record.
func (s *sending) acknowledged(r *kgo.Record, err error) {
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
	if s.left--; s.left == 0 {
		close(s.done)
	}
}

// refusedForGood tells what no repetition mends.
func refusedForGood(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// outcome is valid once done is closed: nil, a *spool.Refused, or why not all are kept.
func (s *sending) outcome() error {
	switch {
	case s.away != nil:
		return s.away
	case len(s.refused.Index) > 0:
		return &s.refused
	}
	return nil
}

// produce returns nil when the broker has acknowledged every record, and not before. A *spool.Refused names those that no broker
// will ever take; all others are acknowledged then.
func (p *producer) produce(ctx context.Context, records []spool.Record) error {
	s := newSending(records)
	for i := range s.records {
		p.client.TryProduce(ctx, &s.records[i], s.acknowledged)
	}
	late := time.NewTimer(p.timeout)
	defer late.Stop()
	select {
	case <-s.done:
		return p.apart.again(ctx, s)
	case <-late.C:
		return fmt.Errorf("%w: no answer within %v", errBrokerAway, p.timeout)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errBrokerAway, ctx.Err())
	}
}

// drain is produce for the spool: it waits as long as the client thinks that the records may yet arrive, since giving up would
// only send them twice.
func (p *producer) drain(ctx context.Context, records []spool.Record) error {
	s := newSending(records)
	for i := range s.records {
		p.client.Produce(ctx, &s.records[i], s.acknowledged)
	}
	select {
	case <-s.done:
		return p.apart.again(ctx, s)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// encode makes the records: a visitor's events share a key, hence a partition, hence an order. The values of one request share
// one piece of memory.
func encode(l letters) ([]spool.Record, error) {
	records := make([]spool.Record, 0, len(l.events)+len(l.dead))
	size := 0
	for _, e := range l.events {
		size += proto.Size(e) + len(e.Site) + 1 + max(len(e.AnonymousId), len(e.UserId))
	}
	all := make([]byte, 0, size)
	for _, e := range l.events {
		key := schemas.AppendEventKey(all, e.Site, e.AnonymousId, e.UserId)
		value, err := cached.MarshalAppend(key, e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.EventId, err)
		}
		from, to := len(all), len(key)
		records = append(records, spool.Record{Topic: schemas.TopicEvents, Key: value[from:to:to], Value: value[to:len(value):len(value)]})
		all = value
	}
	for _, d := range l.dead {
		value, err := proto.Marshal(d)
		if err != nil {
			return nil, fmt.Errorf("dead letter: %w", err)
		}
		records = append(records, spool.Record{Topic: schemas.TopicDeadLetter, Value: value})
	}
	return records, nil
}

// cached lets Marshal rely on the sizes that proto.Size has just worked out: no event changes in between.
var cached = proto.MarshalOptions{UseCachedSize: true}

// ready asks whether the broker answers.
func (p *producer) ready(ctx context.Context) error {
	if err := p.client.Ping(ctx); err != nil {
		return fmt.Errorf("the broker does not answer: %w", err)
	}
	return nil
}

// close waits for what is under way; it is called when no request is left to wait for it.
func (p *producer) close(ctx context.Context) error {
	defer p.abandon()
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("%d events were still on their way to the broker; none of them was answered 2xx: %w", p.client.BufferedProduceRecords(), err)
	}
	return nil
}

// abandon lets go of the broker when the service could not start.
func (p *producer) abandon() {
	p.client.Close()
	p.apart.close()
}
