package ingest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

const dayMs = 24 * 60 * 60 * 1000

// visitors makes the pseudonyms of visitors who allow no lasting id: equal within a UTC day, and after it nobody can find
// the way back, because the day's salt is random, is never written down, and is forgotten. The price: a restart begins new
// pseudonyms, and each of several collectors makes its own.
type visitors struct {
	mu    sync.Mutex
	salts [2]daySalt // today's, and the other side of the last midnight, for requests that straddle it
}

type daySalt struct {
	day  int64
	salt [32]byte
}

func newVisitors() *visitors { return &visitors{salts: [2]daySalt{{day: -1}, {day: -1}}} }

// pseudonym is an anonymous id that no browser was given; c: keeps it apart from those that were.
func (v *visitors) pseudonym(atMs int64, site, ip, userAgent string) string {
	salt := v.salt(atMs / dayMs)
	mac := hmac.New(sha256.New, salt[:])
	for _, part := range [...]string{site, ip, userAgent} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return "c:" + hex.EncodeToString(mac.Sum(nil)[:12])
}

func (v *visitors) salt(day int64) [32]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.salts {
		if s.day == day {
			return s.salt
		}
	}
	oldest := 0
	if v.salts[1].day < v.salts[0].day {
		oldest = 1
	}
	v.salts[oldest].day = day
	rand.Read(v.salts[oldest].salt[:]) // never fails: it ends the process first
	return v.salts[oldest].salt
}
