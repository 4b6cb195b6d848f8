// Package session finds the visit that an event belongs to, where its client has not said so.
//
// A visit ends with 30 minutes in which nothing happens, so it cannot be read off one event. A collector remembers the visits that are
// open, in bounded memory and nowhere else; yet the id of a visit is a function of the visitor and of the half hour that it began in. So
// a collector that has forgotten, was restarted, or sees the visitor for the first time because another had them before, comes to
// the same id as long as it meets the visitor within that half hour: docs/decisions has the cases.
package session

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"sync"
)

// Version is the number of this rule: it rises when an event would get another id.
const Version = "1"

// pause ends a visit, in milliseconds; it is Google's and Snowplow's, too.
const pause = 30 * 60 * 1000

// most is how many visits a generation of a shard holds. All of them, twice: a million visits in about 60 MB. Beyond that those
// that were idle longest are forgotten, and begin anew at the next half hour.
const (
	shards = 64
	most   = 8192
)

// Table remembers open visits. It may be used by many at once.
type Table struct {
	seed   maphash.Seed
	shards [shards]shard
}

// visit is one that may go on. Times are Unix ms.
type visit struct{ began, first, last int64 }

// shard has two generations: what goes on moves to the young one, what does not goes with the old one.
type shard struct {
	mu          sync.Mutex
	young, aged map[uint64]visit
	turned      int64 // when the young one was begun, by the events' clock
}

// NewTable remembers nothing.
func NewTable() *Table { return &Table{seed: maphash.MakeSeed()} }

// ID is the visit of a site's visitor that an event of this time belongs to.
func (t *Table) ID(site, visitor string, atMs int64) string {
	var hash maphash.Hash
	hash.SetSeed(t.seed)
	_, _ = hash.WriteString(site)
	_ = hash.WriteByte(0)
	_, _ = hash.WriteString(visitor)
	key := hash.Sum64()
	return name(site, visitor, t.shards[key%shards].began(key, atMs))
}

// name is s: and 96 bits of a digest: two visits never meet.
func name(site, visitor string, began int64) string {
	text := make([]byte, 0, 96)
	text = append(append(append(append(text, site...), 0), visitor...), 0)
	text = binary.BigEndian.AppendUint64(text, uint64(began/pause))
	sum := sha256.Sum256(text)
	return string(hex.AppendEncode(append(text[:0], "s:"...), sum[:12]))
}

// began tells when the event's visit began. Between two visits lie more than 30 minutes, so no two of a visitor begin in the same
// half hour.
func (s *shard) began(key uint64, at int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, known := s.young[key]
	if !known {
		v, known = s.aged[key]
	}
	switch {
	case known && at < v.first-pause:
		return at // late, of a visit before: the open one stays
	case known && at <= v.last+pause:
		v.first, v.last = min(v.first, at), max(v.last, at)
	default:
		v = visit{began: at, first: at, last: at}
	}
	s.keep(key, v)
	return v.began
}

func (s *shard) keep(key uint64, v visit) {
	if _, there := s.young[key]; !there && (s.young == nil || len(s.young) >= most || v.last > s.turned+2*pause) {
		s.young, s.aged = make(map[uint64]visit), s.young
		s.turned = v.last
	}
	s.young[key] = v
}
