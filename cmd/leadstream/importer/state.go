package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// State is how far a file was imported.
type State struct {
	File     string `json:"file"`
	Identity string `json:"identity"` // of the file's content and the map's: another of either begins anew
	Rows     int64  `json:"rows"`     // read, and either accepted, refused or passed over for good
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"` // by the map, or by the collectors
	Skipped  int64  `json:"skipped"` // by the map's skip
	Done     bool   `json:"done"`
}

// statePath is where the state of this file lies.
func statePath(dir, file string) (string, error) {
	whole, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(whole))
	return filepath.Join(dir, filepath.Base(file)+"-"+hex.EncodeToString(sum[:6])), nil
}

// identity tells a file from what may lie at its path tomorrow: its size, its first and its last 64 KiB; and the map.
func identity(file, mapFile string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", info.Size())
	const edge = 64 << 10
	for _, at := range []int64{0, max(0, info.Size()-edge)} {
		if _, err := io.Copy(h, io.NewSectionReader(f, at, edge)); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(mapFile)
	if err != nil {
		return "", err
	}
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func readState(path string) (State, error) {
	var s State
	text, err := os.ReadFile(path + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("the state of the last run: %s.json: %w (remove it, or use --restart: rows count once)", path, err)
	}
	return s, nil
}

// write puts the state in place of the old one, whole or not at all.
func (s State) write(path string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path+".json")
}
