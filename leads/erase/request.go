package erase

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Request is one erasure until it is finished: a file in the data folder, because a request that was accepted must survive a
// kill. The file goes with the last step, and with it the last list of the person's ids.
type Request struct {
	ID      string            `json:"id"`
	Lead    string            `json:"lead"` // the one that was asked for; Person has all
	Person  Person            `json:"person"`
	AskedAt time.Time         `json:"asked_at"`
	AskedBy string            `json:"asked_by"`
	Removed map[string]uint64 `json:"removed"` // rows by table, all rounds together
}

// margin is how long after the request what is received is still erased. The owner of a lead hears of the request a moment
// later; what it has folded by then must not be of two persons, the erased and the new one.
const margin = 5 * time.Second

// Until is the instant up to which everything that was received is erased.
func (r *Request) Until() time.Time { return r.AskedAt.Add(margin) }

func newRequest(lead string, p Person, by string, now time.Time) *Request {
	return &Request{ID: newID(), Lead: lead, Person: p, AskedAt: now.UTC().Truncate(time.Millisecond), AskedBy: by, Removed: map[string]uint64{}}
}

// newID is random: one made from the lead's id would name it.
func newID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// folder keeps requests.
type folder string

const requestSuffix = ".request.json"

func (f folder) path(id string) string { return filepath.Join(string(f), id+requestSuffix) }

// save makes the file appear whole or not at all, and returns when it is on disk.
func (f folder) save(r *Request) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("erase: keep the request: %w (the folder %s must be writable)", err, string(f))
		}
	}()
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	draft, err := os.OpenFile(f.path(r.ID)+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft.Name(), f.path(r.ID)); err != nil {
		return err
	}
	return f.sync()
}

// remove forgets a finished request.
func (f folder) remove(id string) error {
	if err := os.Remove(f.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("erase: %w", err)
	}
	return f.sync()
}

func (f folder) sync() error {
	dir, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// load reads what an earlier run left, the oldest first.
func (f folder) load() ([]*Request, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("erase: %w", err)
	}
	var all []*Request
	var faults []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), requestSuffix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(string(f), e.Name()))
		r := new(Request)
		if err == nil {
			err = json.Unmarshal(text, r)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("erase: %s: %w; an erasure is in it: mend the file or ask again", e.Name(), err))
			continue
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Request) int { return a.AskedAt.Compare(b.AskedAt) })
	return all, errors.Join(faults...)
}
