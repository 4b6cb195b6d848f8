package ingest

import (
	"context"
	"errors"
	"fmt"
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
	return &producer{client: client, timeout: cfg.ProduceTimeout}, nil
}

// letters is what one request hands over.
type letters struct {
	events []*pb.Event
	dead   []*pb.DeadLetter
}

// produce returns nil when the broker has acknowledged every record, and not before.
func (p *producer) produce(ctx context.Context, records []spool.Record) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	// One result a record, and room for all: a promise must never wait for a request that has given up.
	results := make(chan error, len(records))
	for _, r := range records {
		p.client.TryProduce(ctx, forKafka(r), func(_ *kgo.Record, err error) { results <- err })
	}
	for range records {
		select {
		case err := <-results:
			if errors.Is(err, kgo.ErrMaxBuffered) {
				return errBusy
			}
			if err != nil {
				return fmt.Errorf("%w: %w", errBrokerAway, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errBrokerAway, ctx.Err())
		}
	}
	return nil
}

// drain is produce for the spool: it waits as long as the client thinks that the records may yet arrive, since giving up would
// only send them twice, and it tells those that no broker will ever take from the rest.
func (p *producer) drain(ctx context.Context, records []spool.Record) error {
	type result struct {
		i   int
		err error
	}
	results := make(chan result, len(records))
	for i, r := range records {
		p.client.Produce(ctx, forKafka(r), func(_ *kgo.Record, err error) { results <- result{i, err} })
	}
	var away error
	var refused spool.Refused
	for range records {
		select {
		case r := <-results:
			switch {
			case r.err == nil:
			case errors.Is(r.err, kerr.MessageTooLarge), errors.Is(r.err, kerr.InvalidRecord):
				refused.Index, refused.Why = append(refused.Index, r.i), r.err
			default:
				away = r.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if away != nil {
		return fmt.Errorf("%w: %w", errBrokerAway, away)
	}
	if len(refused.Index) > 0 {
		return &refused
	}
	return nil
}

func forKafka(r spool.Record) *kgo.Record {
	return &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value}
}

// encode makes the records: a visitor's events share a key, hence a partition, hence an order.
func encode(l letters) ([]spool.Record, error) {
	records := make([]spool.Record, 0, len(l.events)+len(l.dead))
	for _, e := range l.events {
		value, err := proto.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.EventId, err)
		}
		key := schemas.EventKey(e.Site, e.AnonymousId, e.UserId)
		records = append(records, spool.Record{Topic: schemas.TopicEvents, Key: []byte(key), Value: value})
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

// ready asks whether the broker answers.
func (p *producer) ready(ctx context.Context) error {
	if err := p.client.Ping(ctx); err != nil {
		return fmt.Errorf("the broker does not answer: %w", err)
	}
	return nil
}

// close waits for what is under way; it is called when no request is left to wait for it.
func (p *producer) close(ctx context.Context) error {
	defer p.client.Close()
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("%d events were still on their way to the broker; none of them was answered 2xx: %w", p.client.BufferedProduceRecords(), err)
	}
	return nil
}

// abandon lets go of the broker when the service could not start.
func (p *producer) abandon() { p.client.Close() }
