package ingest

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"leadstream/internal/config"
)

// RateConfig bounds how many events a second a source may send. Nothing is bounded by default, on purpose: a limit that is
// wrong costs events that nobody can ask for again, and behind a balancer that trusted_proxies does not name all visitors
// together are one address.
type RateConfig struct {
	PerIP  int           `yaml:"per_ip"`  // events a second of one address (IPv6: of one /64); 0 = any number. Secret keys are exempt
	PerKey int           `yaml:"per_key"` // events a second of one key of a site; 0 = any number. A site may say its own: rate
	Burst  time.Duration `yaml:"burst"`   // what a source has not used in this time may come at once
}

// Validate reports every fault.
func (c RateConfig) Validate() error {
	var p config.Problems
	p.Check(c.PerIP >= 0 && c.PerIP <= mostRate, "per_ip", "must be 0..%d events a second, 0 = no limit (got %d)", mostRate, c.PerIP)
	p.Check(c.PerKey >= 0 && c.PerKey <= mostRate, "per_key", "must be 0..%d events a second, 0 = no limit (got %d)", mostRate, c.PerKey)
	p.Check(c.Burst >= time.Second && c.Burst <= time.Hour, "burst", "must be 1s..1h (got %v)", c.Burst)
	return p.Err()
}

const mostRate = 10_000_000

// bucket is a token bucket in one number: the time at which it will be full again, in Unix nanoseconds. Absent or in the past
// means full, so that a forgotten bucket is a full one (the generic cell rate algorithm, ITU-T I.371).
type bucket int64

// take charges a cost in nanoseconds, unless more than burst is owed already: then it says how long to wait, and charges nothing.
func (b *bucket) take(now, cost, burst int64) (wait int64) {
	if wait = int64(*b) - now - burst; wait > 0 {
		return wait
	}
	b.charge(now, cost, burst)
	return 0
}

// charge never lets a source owe more than two bursts: nobody is told to wait longer than one.
func (b *bucket) charge(now, cost, burst int64) {
	*b = bucket(min(max(int64(*b), now)+cost, now+2*burst))
}

// buckets are those of all addresses, in bounded memory.
type buckets struct {
	seed   maphash.Seed
	shards [16]bucketShard
}

type bucketShard struct {
	mu   sync.Mutex
	full map[netip.Prefix]*bucket
}

// mostBuckets bounds a shard; all together are 65,536 sources in about 8 MB. When more are busy at once, some are forgotten,
// hence forgiven: whoever owns that many addresses is not held by counting addresses.
const mostBuckets = 4096

func newBuckets() *buckets {
	all := &buckets{seed: maphash.MakeSeed()}
	for i := range all.shards {
		all.shards[i].full = map[netip.Prefix]*bucket{}
	}
	return all
}

// of calls use with the bucket of a source, alone with it.
func (all *buckets) of(source netip.Prefix, now int64, use func(*bucket) int64) int64 {
	shard := &all.shards[maphash.Comparable(all.seed, source)%uint64(len(all.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	b := shard.full[source]
	if b == nil {
		if len(shard.full) >= mostBuckets {
			shard.forget(now)
		}
		b = new(bucket)
		shard.full[source] = b
	}
	return use(b)
}

// forget drops every full bucket, and an eighth of all if that gave no room: a sweep is then paid by 512 newcomers.
func (s *bucketShard) forget(now int64) {
	for source, b := range s.full {
		if int64(*b) <= now {
			delete(s.full, source)
		}
	}
	for source := range s.full {
		if len(s.full) <= mostBuckets/8*7 {
			return
		}
		delete(s.full, source)
	}
}

// sourceOf is what one subscriber owns: an IPv4 address, or the /64 that every home has.
func sourceOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address is known: all such requests are one source
	}
	return prefix
}

// lastChance tells a request whose sender cannot try again: an image, a ping, or navigator.sendBeacon. Browsers since 2023 say
// how a request was made (beacons are no-cors, fetch is not); of older ones, text/plain is what beacons carry.
func lastChance(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return true
	}
	if mode := header(r, "Sec-Fetch-Mode"); mode != "" {
		return mode == "no-cors"
	}
	kind := header(r, "Content-Type")
	return strings.HasPrefix(kind, "text/plain") || strings.HasPrefix(kind, "text/ping")
}
