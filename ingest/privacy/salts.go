package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Salts makes the pseudonyms of visitors who allow no lasting id: equal within a UTC day, and unequal the next.
//
// The salt of a day is random and lies in a file, so that a restart begins no new visitors. It is deleted, and forgotten, ten
// minutes after the day's end; then nobody can make the day's pseudonyms again, whatever addresses he guesses. A collector that
// does not run then deletes it when it starts.
//
// With a shared secret there are no files: the salt is made of the secret and the day. Several collectors then agree, and whoever
// has the secret can make every day's pseudonyms, forwards and backwards.
type Salts struct {
	dir    string // empty = memory alone
	secret []byte
	log    *zap.Logger

	mu   sync.Mutex
	days map[int64][sha256.Size]byte // UTC days since 1970
}

const (
	dayMs = 24 * 60 * 60 * 1000
	// grace is how long after midnight a request of the day before may still come to its pseudonym.
	grace = 10 * time.Minute
)

// OpenSalts prepares the folder, and deletes what a stopped collector left in it. An empty dir means memory alone.
func OpenSalts(dir, secret string, log *zap.Logger, now time.Time) (*Salts, error) {
	s := &Salts{dir: dir, log: log, days: map[int64][sha256.Size]byte{}}
	if secret != "" {
		s.secret, s.dir = []byte(secret), ""
	}
	if s.dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("ingest.privacy.dir: %w (name a folder that this process may write to, or none)", err)
	}
	if _, err := s.load(now.UnixMilli() / dayMs); err != nil {
		return nil, fmt.Errorf("ingest.privacy.dir: %w (name a folder that this process may write to, or none)", err)
	}
	return s, s.Forget(now)
}

// Run forgets days that are over until ctx ends.
func (s *Salts) Run(ctx context.Context, now func() time.Time) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Forget(now()); err != nil {
				s.log.Error("the salt of a day that is over could not be deleted; its pseudonyms can still be made again", zap.Error(err))
			}
		}
	}
}

// Pseudonym is an anonymous id that no browser was given; c: keeps it apart from those that were.
func (s *Salts) Pseudonym(atMs int64, site string, about ...string) string {
	salt := s.salt(atMs / dayMs)
	mac := hmac.New(sha256.New, salt[:])
	for _, part := range append([]string{site}, about...) {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return "c:" + hex.EncodeToString(mac.Sum(nil)[:12])
}

func (s *Salts) salt(day int64) [sha256.Size]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	salt, ok := s.days[day]
	if ok {
		return salt
	}
	var err error
	switch {
	case s.secret != nil:
		mac := hmac.New(sha256.New, s.secret)
		mac.Write([]byte("leadstream day\x00" + date(day)))
		mac.Sum(salt[:0])
	case s.dir == "":
		rand.Read(salt[:]) // never fails: it ends the process first
	default:
		if salt, err = s.load(day); err != nil {
			s.log.Error("the day's salt cannot be kept; a restart will begin new pseudonyms", zap.Error(err))
			rand.Read(salt[:])
		}
	}
	s.days[day] = salt
	return salt
}

// Forget deletes the salts of days that ended more than ten minutes ago.
func (s *Salts) Forget(now time.Time) error {
	first := now.Add(-grace).UnixMilli() / dayMs
	s.mu.Lock()
	for day := range s.days {
		if day < first {
			delete(s.days, day)
		}
	}
	s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var faults []error
	for _, entry := range names {
		if day, ok := strings.CutPrefix(entry.Name(), "salt-"); ok && day[:min(len(day), len(time.DateOnly))] < date(first) {
			faults = append(faults, os.Remove(filepath.Join(s.dir, entry.Name())))
		}
	}
	return errors.Join(faults...)
}

// load reads the day's salt, or makes it. In this order: 1. it is on disk, 2. it has its name, 3. it is used; so no pseudonym
// outlives a power cut that its salt does not.
func (s *Salts) load(day int64) (salt [sha256.Size]byte, err error) {
	name := filepath.Join(s.dir, "salt-"+date(day))
	for {
		text, err := os.ReadFile(name)
		if err == nil && len(text) == len(salt) {
			return [sha256.Size]byte(text), nil
		}
		if err == nil {
			return salt, fmt.Errorf("%s: has %d bytes, not %d: remove it, and the day begins new pseudonyms", name, len(text), len(salt))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return salt, err
		}
		if err := s.create(name); err != nil && !errors.Is(err, fs.ErrExist) {
			return salt, err
		}
	}
}

// create never replaces: another process of the folder may have been first.
func (s *Salts) create(name string) error {
	var salt [sha256.Size]byte
	rand.Read(salt[:])
	f, err := os.CreateTemp(s.dir, filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(salt[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil {
		return err
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func date(day int64) string { return time.UnixMilli(day * dayMs).UTC().Format(time.DateOnly) }
