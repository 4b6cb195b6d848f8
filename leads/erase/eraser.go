package erase

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"leadstream/leads/owner"
)

// Config is what the roof knows of the other roles.
type Config struct {
	Dir                  string        // where requests wait until they are finished
	ScoringGroups        []string      // of every track, and
	SinkGroup            string        // of the sink: their progress tells that nothing more can come
	Marked               time.Duration // after so long every sink has read the marks
	SpoolKept, StateKept time.Duration // how long files of the collectors and of scoring keep what they had
}

// Eraser accepts requests and finishes them, one after the other.
type Eraser struct {
	cfg     Config
	db      driver.Conn
	kafka   *kgo.Client
	admin   *kadm.Client
	owners  *owner.Teller
	log     *zap.Logger
	metrics *metrics
	wake    chan struct{}

	mu   sync.Mutex
	open []*Request // the first is being worked on
}

// New starts nothing. The client is the eraser's to close.
func New(cfg Config, db driver.Conn, client *kgo.Client, log *zap.Logger, registry prometheus.Registerer) *Eraser {
	return &Eraser{cfg: cfg, db: db, kafka: client, admin: kadm.NewClient(client), owners: owner.New(client), log: log.Named("erase"), metrics: newMetrics(registry), wake: make(chan struct{}, 1)}
}

// Close lets go of an eraser that is not run.
func (e *Eraser) Close() { e.kafka.Close() }

// Ask accepts an erasure: when it returns, the request is on disk and will be finished. Asking again while it is open gives
// the same request.
func (e *Eraser) Ask(ctx context.Context, lead, by string) (*Request, error) {
	if r := e.pending(lead); r != nil {
		return r, nil
	}
	person, err := Find(ctx, e.db, lead)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := newRequest(lead, person, by, time.Now())
	if err := folder(e.cfg.Dir).save(r); err != nil {
		return nil, err
	}
	e.open = append(e.open, r)
	e.metrics.open.Set(float64(len(e.open)))
	e.metrics.requests.Inc()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return r, nil
}

// pending is the open request of a lead, if there is one.
func (e *Eraser) pending(lead string) *Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.open {
		if slices.Contains(r.Person.LeadIDs, lead) {
			return r
		}
	}
	return nil
}

// Open tells whether a request is not finished yet.
func (e *Eraser) Open(request string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.open, func(r *Request) bool { return r.ID == request })
}

// retryPause is how long a request waits after a store was away, and between two looks at how far the others are.
const (
	retryPause = 5 * time.Second
	lookPause  = 500 * time.Millisecond
)

// Run finishes what earlier runs left, then what is asked for, until ctx ends.
func (e *Eraser) Run(ctx context.Context) {
	defer e.kafka.Close()
	left, err := folder(e.cfg.Dir).load()
	if err != nil {
		e.log.Error("an open erasure cannot be read", zap.Error(err))
	}
	e.mu.Lock()
	e.open = append(left, e.open...)
	e.mu.Unlock()
	for {
		e.mu.Lock()
		e.metrics.open.Set(float64(len(e.open)))
		var next *Request
		if len(e.open) > 0 {
			next = e.open[0]
		}
		e.mu.Unlock()
		if next == nil {
			select {
			case <-ctx.Done():
				return
			case <-e.wake:
				continue
			}
		}
		if err := e.finish(ctx, next); err != nil && ctx.Err() == nil {
			e.metrics.failures.Inc()
			e.log.Error("an erasure is not finished; it is tried again", zap.String("request", next.ID), zap.Error(err))
			wait(ctx, retryPause)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// finish does one request from its first step; all of them bear to be done twice.
func (e *Eraser) finish(ctx context.Context, r *Request) error {
	if err := mark(ctx, e.db, r); err != nil {
		return err
	}
	told, err := e.command(ctx, r)
	if err != nil {
		return err
	}
	settling, err := e.settling(ctx, told)
	if err != nil {
		return err
	}
	if _, err := e.clean(ctx, r); err != nil { // now, so that nobody sees the person any longer than needed
		return err
	}
	if err := e.settle(ctx, r, settling); err != nil {
		return err
	}
	for {
		remaining, err := e.clean(ctx, r)
		if err != nil {
			return err
		}
		if remaining == 0 {
			break
		}
		if !wait(ctx, retryPause) {
			return ctx.Err()
		}
	}
	return e.close(ctx, r)
}

// settle waits until nothing of the person can become a row any more.
func (e *Eraser) settle(ctx context.Context, r *Request, s *settling) error {
	told := time.Now()
	for said := ""; ; {
		waitingFor, err := e.done(ctx, s)
		if err != nil {
			return err
		}
		if waitingFor == "" && time.Since(r.AskedAt) >= e.cfg.Marked {
			return nil
		}
		if waitingFor != "" && waitingFor != said && time.Since(told) > retryPause {
			said = waitingFor
			e.log.Info("an erasure waits until what is on the way has passed", zap.String("request", r.ID), zap.String("role", waitingFor))
		}
		if !wait(ctx, lookPause) {
			return ctx.Err()
		}
	}
}

// clean removes the person's rows from every table, searches again, and notes both.
func (e *Eraser) clean(ctx context.Context, r *Request) (remaining uint64, err error) {
	all, err := tables(ctx, e.db)
	if err != nil {
		return 0, err
	}
	var rows []Evidence
	for _, t := range all {
		removed, err := t.clean(ctx, e.db, r.Person, r.Until())
		if err != nil {
			return 0, err
		}
		left, err := t.count(ctx, e.db, r.Person, r.Until())
		if err != nil {
			return 0, err
		}
		r.Removed[t.name] += removed - min(left, removed)
		remaining += left
		rows = append(rows, Evidence{Store: "table " + t.name, FinishedAt: now(), Removed: r.Removed[t.name], Remaining: left, Searched: true, Detail: "rows by lead, visitor and user id"})
	}
	if err := folder(e.cfg.Dir).save(r); err != nil { // the counts of a round survive a kill
		return 0, err
	}
	return remaining, note(ctx, e.db, r, rows...)
}

// close notes what can only be waited for, and forgets the request.
func (e *Eraser) close(ctx context.Context, r *Request) error {
	rows, err := e.topicEvidence(ctx, r.AskedAt)
	if err != nil {
		return err
	}
	for store, kept := range map[string]time.Duration{"spool of the collectors": e.cfg.SpoolKept, "snapshots of scoring": e.cfg.StateKept} {
		gone := r.AskedAt.Add(kept)
		rows = append(rows, Evidence{Store: store, FinishedAt: now(), GoneBy: &gone, Detail: "files that are written anew; until then nothing in them becomes a row or a score again"})
	}
	total := Evidence{Store: finishedStore, FinishedAt: now(), Searched: true, Detail: "finished: every table was searched after all that was on the way had passed"}
	for _, n := range r.Removed {
		total.Removed += n
	}
	if err := note(ctx, e.db, r, append(rows, total)...); err != nil {
		return err
	}
	if err := folder(e.cfg.Dir).remove(r.ID); err != nil {
		return err
	}
	e.mu.Lock()
	e.open = slices.DeleteFunc(e.open, func(o *Request) bool { return o.ID == r.ID })
	e.mu.Unlock()
	e.metrics.seconds.Observe(time.Since(r.AskedAt).Seconds())
	e.log.Info("an erasure is finished", zap.String("request", r.ID), zap.Duration("took", time.Since(r.AskedAt)))
	return nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// wait is false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
