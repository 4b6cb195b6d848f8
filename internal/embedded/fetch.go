package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// progressEvery keeps a person on a slow line from thinking that nothing happens.
const progressEvery = 2 * time.Second

// FetchLibrary returns the path of libchdb.so, fetching it with npm when the cache does not have it.
// Several processes may call it at once: one fetches, the others wait for it. What happens is told
// to progress in plain lines; nothing is written there when the library is already cached.
func FetchLibrary(ctx context.Context, cache string, progress io.Writer) (string, error) {
	lib, err := pinnedLibrary()
	if err != nil {
		return "", err
	}
	path := lib.path(cache)
	if lib.intact(path) {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("embedded: cache folder: %w (set %s to a folder that can be written)", err, CacheEnv)
	}
	unlock, err := LockCache(ctx, filepath.Join(cache, "libchdb.lock"), "ClickHouse", progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if lib.intact(path) { // another process fetched it while this one waited
		return path, nil
	}
	if err := lib.fetch(ctx, cache, progress); err != nil {
		return "", err
	}
	return path, nil
}

// fetch runs `npm ci` in a staging folder and moves the finished package to its place in one rename:
// whoever looks sees no library or a whole one.
func (l library) fetch(ctx context.Context, cache string, progress io.Writer) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return missingError("npm is not on PATH")
	}
	final := filepath.Dir(l.path(cache))
	staging := final + ".staging" // one name: the lock is held, so what is left there is a crash's
	if err := errors.Join(os.RemoveAll(staging), os.RemoveAll(final), os.MkdirAll(staging, 0o755)); err != nil {
		return fmt.Errorf("embedded: cache folder: %w", err)
	}
	defer os.RemoveAll(staging)
	for name, body := range map[string][]byte{"package.json": npmManifest, "package-lock.json": npmLock} {
		if err := os.WriteFile(filepath.Join(staging, name), body, 0o644); err != nil {
			return fmt.Errorf("embedded: cache folder: %w", err)
		}
	}
	fmt.Fprintf(progress, "ClickHouse: fetching %s %s with npm (%d MB to download, %d MB on disk), once; it is then kept in %s\n",
		l.pkg, l.version, l.download/1e6, l.size/1e6, cache)
	if err := l.npmCI(ctx, npm, staging, progress); err != nil {
		return err
	}
	pkg := filepath.Join(staging, "node_modules", filepath.FromSlash(l.pkg))
	if so := filepath.Join(pkg, "libchdb.so"); !l.intact(so) {
		return fmt.Errorf("embedded: npm installed %s %s, but %s is not %d bytes long", l.pkg, l.version, so, l.size)
	}
	if err := os.Rename(pkg, final); err != nil {
		return fmt.Errorf("embedded: cache folder: %w", err)
	}
	fmt.Fprintf(progress, "ClickHouse: %s %s is in the cache\n", l.pkg, l.version)
	return nil
}

// npmCI installs exactly what the lock file names. npm checks the hash; --ignore-scripts, because
// nothing that was fetched needs to run here.
func (l library) npmCI(ctx context.Context, npm, dir string, progress io.Writer) error {
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return missingError("npm does not start: " + err.Error())
	}
	done := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		l.tell(dir, progress, done)
	}()
	err := cmd.Wait()
	close(done)
	<-told // progress is the caller's: nothing may be written after the return
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return missingError(fmt.Sprintf("npm ci of %s %s failed: %s", l.pkg, l.version, LastLines(out.String(), 3)))
	}
	return nil
}

// tell prints how much of the package is on disk. npm unpacks while it downloads, so the folder's
// size is the honest measure; npm's own bar needs a terminal.
func (l library) tell(dir string, progress io.Writer, done <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fmt.Fprintf(progress, "ClickHouse: %d of %d MB unpacked after %.0f s\n",
				dirSize(dir)/1e6, l.size/1e6, time.Since(began).Seconds())
		}
	}
}

// dirSize sums the files below dir; what vanishes while it looks counts nothing.
func dirSize(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// LastLines is what a tool said last, in one line: its first lines are mostly warnings about its own config.
func LastLines(out string, n int) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "; ")
}
