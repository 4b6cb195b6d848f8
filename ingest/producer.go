package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/ingest/spool"
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
	client   *kgo.Client
	timeout  time.Duration
	patience patience
	apart    apart
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
	return &producer{
		client: client, timeout: cfg.ProduceTimeout, patience: patience{tick: cfg.ProduceTimeout / waitTicks},
		apart: apart{opts: append(all, kgo.ProducerLinger(0))},
	}, nil
}

// produce returns nil when the broker has acknowledged every record, and not before. A *spool.Refused names those that no broker
// will ever take; all others are acknowledged then. After nil and *spool.Refused the client has let go of the records. It waits for
// the timeout whatever becomes of ctx.
func (p *producer) produce(ctx context.Context, s *sending) error {
	p.patience.begin(s)
	for i := range s.records {
		p.client.TryProduce(ctx, &s.records[i], s.promise)
	}
	<-s.done
	if s.late = !p.patience.end(s); s.late && !s.complete() {
		return fmt.Errorf("%w: no answer within %v", errBrokerAway, p.timeout)
	}
	return p.apart.again(ctx, s)
}

// drain is produce for the spool: it waits as long as the client thinks that the records may yet arrive, since giving up would
// only send them twice.
func (p *producer) drain(ctx context.Context, records []spool.Record) error {
	s := newSending()
	s.load(records)
	for i := range s.records {
		p.client.Produce(ctx, &s.records[i], s.promise)
	}
	select {
	case <-s.done:
		return p.apart.again(ctx, s)
	case <-ctx.Done():
		return ctx.Err()
	}
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
