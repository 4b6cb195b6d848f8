// Package daemon runs the parts of a process and stops them in an order that loses nothing.
//
// Parts are listed in the order of the path: what takes in first, then what it feeds, servers that all of them lean on last.
// They start from the end of the list and stop from its beginning, one after another: a part is told to stop only when the
// one that feeds it has drained, so that what it was handed last still finds its way.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Part is one thing that runs for as long as the process does.
type Part struct {
	Name string

	// Run works until ctx ends, then drains and returns; nil and context.Canceled both mean "drained". Returning before
	// that, with or without an error, stops the whole process: half a path is a path that loses things.
	Run func(ctx context.Context) error
}

// ErrForced is returned when a second signal came while parts were still draining. Their Run may still be going on: the
// caller should exit at once.
var ErrForced = errors.New("forced to stop before everything was drained")

// Run starts the parts and returns when all of them have ended: nil after an orderly stop. A stop begins with the first
// SIGINT or SIGTERM, the end of ctx, or a part that ends by itself. Each part then has grace to drain. The first error comes
// first in what is returned; each names its part.
func Run(ctx context.Context, log *zap.Logger, grace time.Duration, parts ...Part) error {
	signals := make(chan os.Signal, 2) // two, so that an impatient second Ctrl-C is not dropped
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return run(ctx, log, grace, signals, parts)
}

// running is a part that was started.
type running struct {
	Part
	stop  context.CancelFunc
	ended chan struct{}
	err   error // valid once ended is closed
}

// group is one Run.
type group struct {
	log     *zap.Logger
	grace   time.Duration
	signals <-chan os.Signal
	parts   []*running
	errs    []error
}

func run(ctx context.Context, log *zap.Logger, grace time.Duration, signals <-chan os.Signal, parts []Part) error {
	g := &group{log: log, grace: grace, signals: signals, parts: make([]*running, len(parts))}
	fallen := make(chan *running, len(parts))
	for i := len(parts) - 1; i >= 0; i-- {
		g.parts[i] = start(ctx, parts[i], fallen)
	}
	defer func() {
		for _, p := range g.parts {
			p.stop()
		}
	}()
	if len(parts) > 0 {
		g.wait(ctx, fallen)
		g.stopAll()
	}
	return errors.Join(g.errs...)
}

// start gives the part a context of its own that the end of ctx does not reach: if it did, all parts would stop at once and
// the order with them.
func start(ctx context.Context, part Part, fallen chan<- *running) *running {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &running{Part: part, stop: stop, ended: make(chan struct{})}
	go func() {
		err := part.Run(own)
		if own.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil
		}
		p.err = err
		close(p.ended)
		fallen <- p
	}()
	return p
}

// wait returns when it is time to stop.
func (g *group) wait(ctx context.Context, fallen <-chan *running) {
	select {
	case s := <-g.signals:
		g.log.Info("stopping: draining in the order of the path; a second signal stops at once", zap.Stringer("signal", s))
	case <-ctx.Done():
		g.log.Info("stopping: the caller asked for it")
	case p := <-fallen:
		err := p.err
		if err == nil {
			err = errors.New("ended although nothing asked it to")
		}
		p.err = nil // reported here; stopAll must not report it again
		g.errs = append(g.errs, fmt.Errorf("%s: %w", p.Name, err))
		g.log.Info("stopping: a part ended", zap.String("part", p.Name))
	}
}

// stopAll ends the parts one by one, from the head of the path.
func (g *group) stopAll() {
	for _, p := range g.parts {
		began := time.Now()
		p.stop()
		timer := time.NewTimer(g.grace)
		select {
		case <-p.ended:
			if p.err != nil {
				g.errs = append(g.errs, fmt.Errorf("%s: %w", p.Name, p.err))
			}
			g.log.Debug("stopped", zap.String("part", p.Name), zap.Duration("took", time.Since(began)))
		case <-timer.C:
			g.errs = append(g.errs, fmt.Errorf("%s: not drained after %v; left behind", p.Name, g.grace))
		case <-g.signals:
			g.errs = append(g.errs, fmt.Errorf("%s: %w", p.Name, ErrForced))
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
