package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"leadstream/insight"
)

// bar tells how far something is: drawn in place on a terminal, a line every few seconds in a log.
type bar struct {
	to       io.Writer
	what     string
	total    uint64
	done     func() int64
	terminal bool
	began    time.Time
	stop     chan struct{}
	stopped  chan struct{}
}

// startBar watches done until end is called.
func startBar(to io.Writer, what string, total uint64, done func() int64) *bar {
	b := &bar{to: to, what: what, total: total, done: done, began: time.Now(), stop: make(chan struct{}), stopped: make(chan struct{})}
	if f, ok := to.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	go b.run()
	return b
}

func (b *bar) run() {
	defer close(b.stopped)
	every := 5 * time.Second
	if b.terminal {
		every = 100 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			if b.terminal {
				fmt.Fprintf(b.to, "\r\x1b[K%s", b.line(time.Now()))
			} else {
				fmt.Fprintln(b.to, b.line(time.Now()))
			}
		}
	}
}

// line is `events  [#########...........]  45 %  900,000 of 2,000,000  340,000/s  3s left`.
func (b *bar) line(now time.Time) string {
	const width = 20
	done := max(0, b.done())
	share := 0.0
	if b.total > 0 {
		share = min(1, float64(done)/float64(b.total))
	}
	drawn := ""
	if b.terminal {
		full := int(share * width)
		drawn = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]  "
	}
	seconds := max(0.001, now.Sub(b.began).Seconds())
	speed, left := float64(done)/seconds, ""
	if speed > 0 && share > 0.02 {
		left = fmt.Sprintf("  %s left", time.Duration(max(0, float64(b.total)-float64(done))/speed*float64(time.Second)).Round(time.Second))
	}
	return fmt.Sprintf("%s  %s%.0f %%  %s of %s  %s/s%s", b.what, drawn, 100*share, insight.Grouped(float64(done)), insight.Grouped(float64(b.total)), insight.Grouped(speed), left)
}

// end says the last line.
func (b *bar) end() {
	close(b.stop)
	<-b.stopped
	if b.terminal {
		fmt.Fprint(b.to, "\r\x1b[K")
	}
	took := time.Since(b.began)
	fmt.Fprintf(b.to, "%s: %s in %s, %s/s\n", b.what, insight.Grouped(float64(b.done())), took.Round(10*time.Millisecond), insight.Grouped(float64(b.done())/max(0.001, took.Seconds())))
}
