package scoring

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"leadstream/scoring/model"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

const (
	// transactionTimeout is how long readers of committed records can be held up
	// by a worker that died without a successor to end its transaction.
	transactionTimeout = 10 * time.Second
	// maxBuffered is how many output records a transaction may have in flight;
	// the client's default of 50,000 blocks above 240,000 events/s.
	maxBuffered = 200_000
	// timerGrace lets events that were received just before a timer's instant be
	// folded first; they need a commit of the collector's batch and a poll of ours.
	timerGrace = 300 * time.Millisecond
	// A session that failed is begun again after pause, then twice that and so on;
	// one that failed patience times in a row without living for a minute is handed
	// to the operator. 15 s in all: a cluster needs 10 to put a dead broker aside.
	pause    = time.Second
	patience = 5
)

// ballastBytes are never touched and so cost no memory, but the collector counts them:
// with a small state it would else run after every few MB that pass through, a tenth of
// all CPU. The price is up to as many bytes of garbage.
const ballastBytes = 64 << 20

// Deps is what a worker needs from outside.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
	// KafkaOpts say how to reach the brokers: seeds, TLS, SASL, client id.
	KafkaOpts []kgo.Opt
	Model     *model.Model
	// Track is the model's, if it is a further one beside the first; empty for the first,
	// whose names and records are those of an installation with one track.
	Track string
	// History is asked when a published model has to score history anew; without it such a
	// model is taken up like a changed file.
	History History
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
}

// Worker folds events into scores.
type Worker struct {
	cfg     Config
	track   string // "" = the first
	log     *zap.Logger
	metrics *metrics
	kafka   []kgo.Opt
	wanted  atomic.Pointer[model.Model] // what partitions go over to
	history History
	apply   applier // of a test; nil is the model's own
	now     func() time.Time
	pause   time.Duration
	live    atomic.Pointer[session]
}

// New checks the configuration and makes a worker that does nothing yet.
func New(cfg Config, deps Deps) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("scoring: %w", err)
	}
	if deps.Model == nil {
		return nil, errors.New("scoring: no model: give Deps.Model")
	}
	if deps.Track != "" && deps.Track != deps.Model.Track() {
		return nil, fmt.Errorf("scoring: the worker of track %q was given a model of track %q", deps.Track, deps.Model.Track())
	}
	w := &Worker{cfg: cfg.of(deps.Track), track: deps.Track, log: deps.Log, kafka: deps.KafkaOpts, history: deps.History, now: deps.Now, pause: pause}
	w.wanted.Store(deps.Model)
	if w.log == nil {
		w.log = zap.NewNop()
	}
	if w.now == nil {
		w.now = time.Now
	}
	w.metrics = newMetrics(deps.Registry, deps.Model)
	return w, nil
}

// Use makes another model the one that runs, from each partition's next transaction on.
// What was folded keeps the value it had; days that are still open are counted anew.
func (w *Worker) Use(m *model.Model) {
	w.metrics.preset(m)
	w.wanted.Store(m)
}

// Refused tells the worker that a model was meant for it and has faults: the running one
// stays, and an alert fires until one without comes.
func (w *Worker) Refused(is bool) {
	if is {
		w.metrics.modelRefused.Set(1)
	} else {
		w.metrics.modelRefused.Set(0)
	}
}

// Run works until ctx ends, then finishes the open transaction, writes
// snapshots, leaves the group and returns nil.
//
// After an error nothing in memory can be trusted (a transaction may or may not
// stand), so the session is thrown away and begun again from the changelog,
// just as a new process would. It returns the error when that keeps failing. A stop
// that comes upon one is a stop: the next owner does the transaction again.
func (w *Worker) Run(ctx context.Context) error {
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	for failures := 0; ; {
		began := time.Now()
		err := w.session(ctx)
		var fatal *fatalError
		if err == nil || errors.As(err, &fatal) {
			return err
		}
		if ctx.Err() != nil {
			w.log.Warn("scoring: stopped with a transaction that could not be ended: whoever reads on does it again", zap.Error(err))
			return nil
		}
		if failures++; time.Since(began) > time.Minute {
			failures = 1
		}
		if failures >= patience {
			return fmt.Errorf("scoring: %d sessions in a row failed, the last: %w", failures, err)
		}
		w.metrics.restarts.Inc()
		wait := w.pause << (failures - 1)
		w.log.Warn("scoring: session failed, beginning again from the changelog", zap.Error(err), zap.Duration("after", wait))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// session runs one session from start to end.
func (w *Worker) session(ctx context.Context) error {
	s, err := newSession(ctx, w)
	if ctx.Err() != nil && err != nil {
		return nil // told to stop before there was anything to finish
	}
	if err != nil {
		return err
	}
	w.live.Store(s)
	defer w.live.Store(nil)
	return s.run(ctx)
}

// Ready tells whether the worker has its partitions and their state.
func (w *Worker) Ready(context.Context) error {
	s := w.live.Load()
	if s == nil {
		return errors.New("scoring: not connected")
	}
	if !s.ready.Load() {
		return errors.New("scoring: waiting for partitions, or restoring their state")
	}
	return nil
}

// fatalError is one that beginning again cannot mend.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }
