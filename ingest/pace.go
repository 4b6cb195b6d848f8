package ingest

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leadstream/ingest/protocol"
)

// pace holds sources to their rate. A request is let in while its source owes no more than a burst, and is then charged for
// every event in it: how many those are is known only when the body has been read, which is what the limit is to spare us.
//
// Above the rate, whoever can come again is told when: 429. A beacon cannot, so it is taken all the same, up to as much again,
// and kept by the spool rather than by the broker, which then goes on serving those within their rate. As much again, and no
// more, because what makes a beacon is in the sender's hands.
type pace struct {
	cfg     RateConfig
	spool   bool        // there is one
	sources [2]*buckets // usual; beacons beyond it
	limited map[limitedBy]prometheus.Counter
}

// limitedBy are the labels of a request above its rate.
type limitedBy struct{ by, how string }

// keyPace is the buckets of one key, in its grant.
type keyPace struct {
	rate int
	mu   sync.Mutex
	full [2]bucket
}

func newPace(cfg Config, reg prometheus.Registerer) *pace {
	p := &pace{cfg: cfg.Rate, spool: cfg.Spool.Dir != "", sources: [2]*buckets{newBuckets(), newBuckets()}, limited: map[limitedBy]prometheus.Counter{}}
	limited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_rate_limited_total",
		Help: "Requests above a rate limit, by whose it is (ip, key), and how they ended: refused with 429, or taken to the spool since they were beacons.",
	}, []string{"by", "how"})
	for _, by := range []string{"ip", "key"} {
		for _, how := range []string{"refused", "spooled"} {
			p.limited[limitedBy{by, how}] = limited.WithLabelValues(by, how)
		}
	}
	reg.MustRegister(limited)
	return p
}

// charged is what a request has been let in by, and is charged for later.
type charged struct {
	source  netip.Prefix // invalid = nobody asked about the address
	byIP    bool
	key     *keyPace
	beacon  bool // it cannot come again
	spooled bool // it is above a rate
	now     int64
}

func (p *pace) begin(r *http.Request, received time.Time) charged {
	return charged{beacon: p.spool && lastChance(r), now: received.UnixNano()}
}

// address lets a request in by where it comes from.
func (p *pace) address(c *charged, addr netip.Addr) error {
	if p.cfg.PerIP == 0 {
		return nil
	}
	c.source, c.byIP = sourceOf(addr), true
	cost := int64(time.Second) / int64(p.cfg.PerIP)
	return p.decide(c, "ip", p.cfg.PerIP, func(of int) int64 {
		return p.sources[of].of(c.source, c.now, func(b *bucket) int64 { return b.take(c.now, cost, int64(p.cfg.Burst)) })
	})
}

// key lets a request in by the key it carries.
func (p *pace) key(c *charged, k *keyPace) error {
	if k.rate == 0 {
		return nil
	}
	c.key = k
	cost := int64(time.Second) / int64(k.rate)
	return p.decide(c, "key", k.rate, func(of int) int64 {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.full[of].take(c.now, cost, int64(p.cfg.Burst))
	})
}

func (p *pace) decide(c *charged, by string, rate int, take func(of int) int64) error {
	wait := take(0)
	if wait == 0 {
		return nil
	}
	if c.beacon && take(1) == 0 {
		p.limited[limitedBy{by, "spooled"}].Inc()
		c.spooled = true
		return nil
	}
	p.limited[limitedBy{by, "refused"}].Inc()
	seconds := (wait + int64(time.Second) - 1) / int64(time.Second)
	whose := map[string]string{"ip": "this address", "key": "this write key"}[by]
	return &tooFast{wait: seconds, Fault: fault(rateLimited, fmt.Sprintf("%s may send %d events a second: come again in %d s", whose, rate, seconds))}
}

// events charges for what a request held beyond the one event that it was let in for.
func (p *pace) events(c *charged, n int) {
	if n <= 1 {
		return
	}
	of := 0
	if c.spooled {
		of = 1
	}
	if c.byIP {
		cost := int64(n-1) * int64(time.Second) / int64(p.cfg.PerIP)
		p.sources[of].of(c.source, c.now, func(b *bucket) int64 { b.charge(c.now, cost, int64(p.cfg.Burst)); return 0 })
	}
	if c.key != nil {
		c.key.mu.Lock()
		defer c.key.mu.Unlock()
		c.key.full[of].charge(c.now, int64(n-1)*int64(time.Second)/int64(c.key.rate), int64(p.cfg.Burst))
	}
}

// tooFast is a refusal that knows when the sender may come again.
type tooFast struct {
	*protocol.Fault
	wait int64 // seconds
}

func (t *tooFast) Unwrap() error { return t.Fault }
