package embedded

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// The pin of libchdb: npm checks what it fetches against the hash in the lock file, so the
// lock file travels inside the binary and `leadstream all` needs no clone.
var (
	//go:embed npm/package.json
	npmManifest []byte
	//go:embed npm/package-lock.json
	npmLock []byte
)

// CacheEnv names the environment variable that moves the cache folder.
const CacheEnv = "LEADSTREAM_CACHE"

// library is one platform's build of libchdb.
type library struct {
	pkg      string
	version  string
	size     int64 // bytes of libchdb.so; a shorter file is a copy that a crash cut
	download int64 // bytes on the wire, only to tell the user
}

// builds has the platforms for which a pinned build exists. Elsewhere a clickhouse binary on PATH
// or a configured DSN is the way.
var builds = map[string]library{
	"linux/amd64": {pkg: "@chdb/lib-linux-x64-gnu", size: 566_330_096, download: 176_700_000},
}

// pinnedLibrary tells which build this platform needs, at the version that the lock file names.
func pinnedLibrary() (library, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	lib, ok := builds[platform]
	if !ok {
		return library{}, missingError("npm has no pinned libchdb for " + platform)
	}
	var lock struct {
		Packages map[string]struct {
			Version string `json:"version"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(npmLock, &lock); err != nil {
		return library{}, fmt.Errorf("embedded: npm/package-lock.json: %w", err)
	}
	lib.version = lock.Packages["node_modules/"+lib.pkg].Version
	if lib.version == "" {
		return library{}, fmt.Errorf("embedded: npm/package-lock.json does not name %s", lib.pkg)
	}
	return lib, nil
}

// missingError is the one sentence for a machine without ClickHouse: what is missing, and three ways out.
func missingError(why string) error {
	return fmt.Errorf("no ClickHouse to start (%s): install Node.js so that npm can fetch libchdb once, "+
		"or put a clickhouse binary on PATH, or set clickhouse.addr in the config to a running server", why)
}

// CacheDir is where fetched libraries are kept: $LEADSTREAM_CACHE, else the user's cache folder.
// It is shared by all clones and instances of this user.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("embedded: no cache folder (%w): set %s to a folder", err, CacheEnv)
	}
	return filepath.Join(dir, "leadstream"), nil
}

// path is where the library lives in the cache; the version is in the name, so that an upgrade
// fetches beside the old one and two releases run side by side.
func (l library) path(cache string) string {
	return filepath.Join(cache, "libchdb-"+l.version+"-"+runtime.GOOS+"-"+runtime.GOARCH, "libchdb.so")
}

// intact tells whether the file is there in full length. The hash was checked by npm when it came;
// reading half a gigabyte again at every start would cost more than the start.
func (l library) intact(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == l.size
}
