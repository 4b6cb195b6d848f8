package embedded

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeNPM puts an `npm` first on PATH that does what the script says. The network is not for tests;
// that the real npm works is proved by every test that starts a server on a fresh machine.
func fakeNPM(t *testing.T, script string) (calls string) {
	t.Helper()
	bin := t.TempDir()
	calls = filepath.Join(bin, "calls")
	body := "#!/bin/sh\necho \"$@\" >> " + calls + "\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(bin, "npm"), []byte(body), 0o755))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return calls
}

// install writes a package of the right length, sparse, and slowly enough that others come meanwhile.
func install(t *testing.T, size string) string {
	lib, err := pinnedLibrary()
	require.NoError(t, err)
	return "test -s package-lock.json || exit 9\nmkdir -p node_modules/" + lib.pkg + "\nsleep 0.3\ntruncate -s " + size + " node_modules/" + lib.pkg + "/libchdb.so\n"
}

const wholeSize = "566330096"

func TestTheLibraryIsFetchedOnceByTheLockFile(t *testing.T) {
	calls := fakeNPM(t, install(t, wholeSize))
	cache := t.TempDir()
	var progress bytes.Buffer
	path, err := FetchLibrary(t.Context(), cache, &progress)
	require.NoError(t, err)
	require.FileExists(t, path)
	require.Contains(t, progress.String(), "fetching @chdb/lib-linux-x64-gnu")
	require.Contains(t, progress.String(), "176 MB to download")
	require.Contains(t, progress.String(), "once; it is then kept in "+cache)

	progress.Reset()
	again, err := FetchLibrary(t.Context(), cache, &progress)
	require.NoError(t, err)
	require.Equal(t, path, again)
	require.Empty(t, progress.String(), "a cached library is nothing to tell")
	said, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.Equal(t, "ci --ignore-scripts --no-audit --no-fund --no-progress\n", string(said))
	left, err := filepath.Glob(filepath.Join(cache, "*.staging"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestProcessesThatFetchAtOnceFetchOnce(t *testing.T) {
	calls := fakeNPM(t, install(t, wholeSize))
	cache := t.TempDir()
	paths := make([]string, 4)
	var wait sync.WaitGroup
	for i := range paths {
		wait.Go(func() {
			if _, words := play(t, "fetch", cache); len(words) == 1 {
				paths[i] = words[0]
			}
		})
	}
	wait.Wait()
	for _, path := range paths {
		require.Equal(t, paths[0], path)
	}
	said, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(said), "\n"))
}

// A crash in the middle of an unpack, or a full disk, leaves a short file: it is not loaded.
func TestACutLibraryIsFetchedAgain(t *testing.T) {
	fakeNPM(t, install(t, wholeSize))
	cache := t.TempDir()
	lib, err := pinnedLibrary()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(lib.path(cache)), 0o755))
	require.NoError(t, os.WriteFile(lib.path(cache), []byte("cut"), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Dir(lib.path(cache))+".staging/node_modules", 0o755))
	path, err := FetchLibrary(t.Context(), cache, &bytes.Buffer{})
	require.NoError(t, err)
	require.True(t, lib.intact(path))
}

func TestWhatIsMissingIsSaidWithTheThreeWaysOut(t *testing.T) {
	ways := func(err error) {
		t.Helper()
		require.ErrorContains(t, err, "no ClickHouse to start")
		require.ErrorContains(t, err, "npm can fetch libchdb")
		require.ErrorContains(t, err, "clickhouse binary on PATH")
		require.ErrorContains(t, err, "set clickhouse.addr")
	}
	fakeNPM(t, "echo 'npm warn something'\necho 'npm error code EINTEGRITY' >&2\nexit 1\n")
	cache := t.TempDir()
	_, err := FetchLibrary(t.Context(), cache, &bytes.Buffer{})
	ways(err)
	require.ErrorContains(t, err, "EINTEGRITY")

	t.Setenv("PATH", t.TempDir())
	_, err = FetchLibrary(t.Context(), cache, &bytes.Buffer{})
	ways(err)
	require.ErrorContains(t, err, "npm is not on PATH")
}

func TestAPackageOfAnotherLengthIsRefused(t *testing.T) {
	fakeNPM(t, install(t, "1000"))
	cache := t.TempDir()
	_, err := FetchLibrary(t.Context(), cache, &bytes.Buffer{})
	require.ErrorContains(t, err, "is not 566330096 bytes long")
	require.NoDirExists(t, filepath.Join(cache, "node_modules"))
}

// Two lock files name the library: the clone's, for tools that look there, and the one inside the
// binary. They must not drift apart.
func TestBothLockFilesPinTheSame(t *testing.T) {
	type lockFile struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	read := func(path string) (out lockFile) {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(body, &out))
		return out
	}
	root, own := read("../../package-lock.json"), read("npm/package-lock.json")
	for platform, lib := range builds {
		key := "node_modules/" + lib.pkg
		require.NotEmpty(t, own.Packages[key].Integrity, platform)
		require.True(t, strings.HasPrefix(own.Packages[key].Integrity, "sha512-"), platform)
		require.Equal(t, root.Packages[key], own.Packages[key], platform)
	}
	for _, path := range []string{"../../package-lock.json", "npm/package-lock.json"} {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(body), "resolved", "a lock file names no registry, so that a mirror works")
	}
}

func TestCacheDirFollowsTheEnvironment(t *testing.T) {
	want := t.TempDir()
	t.Setenv(CacheEnv, want)
	dir, err := CacheDir()
	require.NoError(t, err)
	require.Equal(t, want, dir)
	t.Setenv(CacheEnv, "")
	dir, err = CacheDir()
	require.NoError(t, err)
	require.Equal(t, "leadstream", filepath.Base(dir))
	require.Contains(t, builds, runtime.GOOS+"/"+runtime.GOARCH, "this test machine has a build")
}
