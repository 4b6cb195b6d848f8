package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree puts all that is below dir on the disk. kfake never does, so without it
// a power cut could take from the log what two runs ago wrote: the collectors'
// spool replays from one place, and a log that lost more than one run's end would
// not grow back in the order that scoring's fence counts on (scoring/fence.go).
func syncTree(dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (entry.IsDir() || entry.Type().IsRegular()) {
			err = syncFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil // retention took it meanwhile
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("embedded: sync the broker's log: %w", err)
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
