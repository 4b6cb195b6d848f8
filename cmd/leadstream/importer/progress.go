package importer

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress is a bar on a terminal, and a line now and then elsewhere.
type progress struct {
	out   io.Writer
	bar   bool
	began time.Time
	last  time.Time
	drawn bool
}

const barWidth = 30

func (p *progress) show(r *run) {
	every := 10 * time.Second
	if p.bar {
		every = 200 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	p.line(r)
}

func (p *progress) line(r *run) {
	share := 1.0
	if r.source.size > 0 {
		share = min(1, float64(r.source.read)/float64(r.source.size))
	}
	text := fmt.Sprintf("%3.0f %% of the file, row %d: %d accepted, %d refused, %.0f rows/s",
		share*100, r.state.Rows, r.state.Accepted, r.state.Refused, float64(r.state.Rows)/max(0.001, time.Since(p.began).Seconds()))
	if !p.bar {
		fmt.Fprintln(p.out, "import:", text)
		return
	}
	full := int(share * barWidth)
	fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), text)
	p.drawn = true
}

// say prints a line above the bar.
func (p *progress) say(text string) {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) end(r *run) {
	p.line(r)
	if p.drawn {
		fmt.Fprintln(p.out)
		p.drawn = false
	}
}
