package ingest

import (
	"strings"
	"sync"
)

// agents remembers what user agents mean. A site sees a few thousand different ones and each of them thousands of times;
// reading one costs as much as all of the rest of the pipeline.
type agents struct {
	mu   sync.RWMutex
	seen map[string]agent
}

type agent struct {
	device, browser, os string
	bot                 bool
}

// mostAgents bounds the memory to about 2 MB. When it is reached, all is forgotten: simpler than a queue, and no slower for
// real traffic, where it happens a few times a day.
const mostAgents = 4096

func newAgents() *agents { return &agents{seen: map[string]agent{}} }

func (a *agents) read(userAgent string) agent {
	a.mu.RLock()
	known, ok := a.seen[userAgent]
	a.mu.RUnlock()
	if ok {
		return known
	}
	known = readUserAgent(userAgent)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) >= mostAgents {
		clear(a.seen)
	}
	// A copy: decoders hand out pieces of the request, and a key would hold all 20 MiB of it.
	a.seen[strings.Clone(userAgent)] = known
	return known
}
