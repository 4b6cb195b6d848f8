package embedded

import (
	"context"
	"fmt"
	"time"
)

// A server that crashes is started again: what it acknowledged is on disk, its clients connect anew
// by themselves, and a restart takes about 0.1 s. Many crashes are borne, for libchdb ends on what a
// real server only logs, and the guard cannot see all of it (a client that leaves between its
// greeting and its first word). A fault that no restart mends (disk full, data of a newer release)
// shows in a start that fails.
const (
	maxCrashes  = 60
	crashWindow = time.Minute
	pauseStep   = 20 * time.Millisecond // times the crashes of the window: a crash loop does not burn a core
)

// supervise watches the child until the server is stopped or given up.
func (c *ClickHouse) supervise() {
	defer close(c.done)
	defer c.lock.Close() // the last child is gone: the data folder is free
	if c.guard != nil {
		defer c.guard.close()
	}
	var crashes []time.Time
	for {
		child := c.current()
		<-child.done
		select {
		case <-c.stopping:
			c.err = child.err
			return
		default:
		}
		crashes = append(recent(crashes, time.Now()), time.Now())
		if len(crashes) > maxCrashes {
			c.err = fmt.Errorf("embedded: ClickHouse crashed %d times within %s: %w", len(crashes), crashWindow, reason(child))
			return
		}
		time.Sleep(time.Duration(len(crashes)-1) * pauseStep)
		c.say("warn", fmt.Sprintf("ClickHouse is started again: %v", reason(child)))
		if err := c.startChild(context.Background()); err != nil {
			c.err = fmt.Errorf("embedded: ClickHouse could not be started again after %w; then: %w", reason(child), err)
			return
		}
		c.restarts.Add(1)
	}
}

// recent keeps the crashes that still count.
func recent(crashes []time.Time, now time.Time) []time.Time {
	var kept []time.Time
	for _, at := range crashes {
		if now.Sub(at) < crashWindow {
			kept = append(kept, at)
		}
	}
	return kept
}

// reason is why a child is gone; an unasked end is a fault even when the exit code is 0.
func reason(child *process) error {
	if child.err != nil {
		return child.err
	}
	return fmt.Errorf("the ClickHouse process ended by itself: %s", child.lastWords())
}

func (c *ClickHouse) say(level, message string) {
	if c.cfg.Log != nil {
		c.cfg.Log(level, message)
	}
}
