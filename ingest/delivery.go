package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"leadstream/ingest/spool"
)

//	           Direct               the broker acknowledges
//	deliver -----------> producer -------------------------> 2xx
//	   |                    | it does not     ^
//	   |                    v                 | Drain, in order, later
//	   `--- backlog ----> spool ------------------> 2xx, as soon as it is on disk

// delivery keeps events: in the broker, or on disk until the broker has them. Without a spool it is the producer alone.
type delivery struct {
	*producer
	spool *spool.Spool // nil = none
	log   *zap.Logger
	stop  context.CancelFunc // of Drain
	ended chan error
}

var errSpoolFailed = errors.New("the spool could not keep the events")

// lastDrain is how long a stop waits for the backlog. What is left is on disk, and the next start's first work.
const lastDrain = 2 * time.Second

func newDelivery(cfg Config, d Deps) (*delivery, error) {
	p, err := newProducer(cfg, d.KafkaOpts)
	if err != nil {
		return nil, err
	}
	way := &delivery{producer: p, log: d.Log.Named("spool")}
	if cfg.Spool.Dir == "" {
		return way, nil
	}
	if way.spool, err = spool.Open(cfg.Spool, spool.Deps{Log: way.log, Registry: d.Registry, Now: d.Now}); err != nil {
		p.abandon()
		return nil, fmt.Errorf("ingest.spool.dir: %w", err)
	}
	if way.spool.Pending() {
		way.log.Info("events of the last run wait in the spool; they go to the broker first", zap.String("dir", cfg.Spool.Dir))
	}
	return way, nil
}

// start lets the spool drain.
func (d *delivery) start() {
	if d.spool == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background()) // the end of requests is not the end of this
	d.stop, d.ended = stop, make(chan error, 1)
	go func() { d.ended <- d.spool.Drain(ctx, d.drain) }()
}

// deliver returns nil when every event and dead letter is kept, and not before: by all in-sync replicas of the broker, or by
// the disk, while the broker is away, refuses, or has not got yet what came before.
// With spooled, by the disk in any case. A *spool.Refused names records that no broker will ever take; the others are kept then.
func (d *delivery) deliver(ctx context.Context, l letters, spooled bool) error {
	p := parcels.Get().(*parcel)
	err := p.pack(l)
	if err != nil || len(p.records) == 0 {
		p.free()
		return err
	}
	if d.spool == nil || !spooled && d.spool.Direct() {
		p.sending.load(p.records)
		err = d.produce(ctx, p.sending)
		if err == nil {
			p.free()
		}
		if err == nil || d.spool == nil {
			return err
		}
		// why it failed is told by Drain, which now meets the same broker
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	err = d.spool.Append(ctx, p.records...)
	if err != nil && !errors.Is(err, spool.ErrFull) {
		return fmt.Errorf("%w: %w", errSpoolFailed, err)
	}
	return err
}

// ready: events can be kept while there is room on disk, whatever the broker does.
func (d *delivery) ready(ctx context.Context) error {
	if d.spool != nil {
		return d.spool.Room()
	}
	return d.producer.ready(ctx)
}

// close is called when no request is left. In this order: 1. what waits may still get to the broker, for a moment, 2. the spool
// is closed with the rest in it, 3. the broker is let go.
func (d *delivery) close(ctx context.Context) error {
	if d.spool == nil {
		return d.producer.close(ctx)
	}
	moment, cancel := context.WithTimeout(ctx, lastDrain)
	defer cancel()
	if d.spool.WaitDrained(moment) != nil {
		d.log.Info("events wait in the spool; the next start hands them to the broker")
	}
	d.stop()
	err := <-d.ended
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	err = errors.Join(err, d.spool.Close())
	d.producer.abandon() // each record it may still hold was acknowledged, is in the spool, or was answered 503
	return err
}

// abandon lets go of everything when the service could not start.
func (d *delivery) abandon() {
	d.producer.abandon()
	if d.spool != nil {
		_ = d.spool.Close() // nothing was put in
	}
}
