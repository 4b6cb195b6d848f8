package dedup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// newSecret is for this run only.
func (w *Window) newSecret() error {
	_, _ = rand.Read(w.secret[:]) // never fails
	return nil
}

// readSecret finds the folder's secret, or makes one. With another one the files beside it mean nothing: they are removed.
func (w *Window) readSecret() error {
	path := filepath.Join(w.cfg.Dir, "secret")
	text, err := os.ReadFile(path)
	if err == nil && len(text) == len(w.secret) {
		copy(w.secret[:], text)
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = w.newSecret()
	f, err := os.CreateTemp(w.cfg.Dir, "secret-*")
	if err != nil {
		return err
	}
	_, err = f.Write(w.secret[:])
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// secretName tells secrets apart without telling them.
func (w *Window) secretName() uint64 {
	sum := sha256.Sum256(append([]byte("leadstream dedup secret\x00"), w.secret[:]...))
	return binary.LittleEndian.Uint64(sum[:])
}
