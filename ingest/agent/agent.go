// Package agent reads user agents: device, browser, system, and whether a machine sent it.
//
// Browser and system come from mileusna/useragent; the apps that hold a browser, those of China above all, and the device, are
// ours. Robots come from package crawlers, mail scanners from a list here. docs/decisions has the
// measurements.
package agent

import (
	"strings"
	"sync"

	"leadstream/ingest/agent/crawlers"
)

// Agent is what a user agent means.
type Agent struct {
	Device  string // desktop, mobile, tablet, bot; empty = not told
	Browser string // Chrome, Safari, WeChat, ...
	OS      string // Windows, macOS, iOS, Android, HarmonyOS, Linux, ChromeOS, ...
	// Kind of machine, empty for people: crawlers' words, scanner for the links of mails, unlisted for those that only call
	// themselves one.
	Kind string
	Bot  bool // a machine that reads for no one: not to be scored
}

// Version names what Read decides by: our own rules' number, and the release of the list of robots. The library's is in go.mod.
func Version() string { return "2+crawlers-" + crawlers.Default().Version() }

// Reader remembers what user agents mean. A site sees a few thousand different ones and each of them thousands of times; reading
// a new one costs some microseconds, a known one a tenth of one. It may be used by many at once.
type Reader struct {
	mu          sync.RWMutex
	young, aged map[string]Agent
}

// most is how many user agents a generation holds; both together take 4 MB at most, as longer ones are not kept.
const (
	most    = 4096
	longest = 512
)

// NewReader also reads the list of robots, so that the first visitor does not wait for it.
func NewReader() *Reader {
	crawlers.Default()
	return &Reader{young: map[string]Agent{}}
}

// Read tells what the user agent means.
func (r *Reader) Read(userAgent string) Agent {
	r.mu.RLock()
	known, ok := r.young[userAgent]
	old, was := r.aged[userAgent]
	r.mu.RUnlock()
	switch {
	case ok:
		return known
	case was:
		known = old
	default:
		known = read(userAgent)
	}
	if len(userAgent) > longest {
		return known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// Two generations: what is used again in time moves on, the rest goes with the older one. Nearly a queue of the least
	// recently used, and most reads take no exclusive lock.
	if len(r.young) >= most {
		r.young, r.aged = map[string]Agent{}, r.young
	}
	// A copy: decoders hand out pieces of the request, and a key would hold all 20 MiB of it.
	r.young[strings.Clone(userAgent)] = known
	return known
}

func read(userAgent string) Agent {
	lower := strings.ToLower(userAgent)
	a := Agent{Device: device(lower)}
	a.Browser, a.OS = browser(userAgent, lower)
	if a.Kind, a.Bot = machine(userAgent, lower); a.Bot {
		a.Device = "bot"
	}
	a.Browser, a.OS = strings.ToValidUTF8(a.Browser, ""), strings.ToValidUTF8(a.OS, "") // pieces of a text may end within a letter
	return a
}
