package apachekafka

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded"
)

func TestThePinNamesTheRelease(t *testing.T) {
	require.Regexp(t, `^4\.\d+\.\d+$`, Version())
	require.Contains(t, sums, "  kafka_2.13-"+Version()+".jar\n")
	require.Regexp(t, regexp.MustCompile(`^([0-9a-f]{64}  [\w.-]+\.jar\n)+$`), sums)
}

func TestAJarThatIsNotThePinnedOneIsRefused(t *testing.T) {
	dir := t.TempDir()
	kept := sums
	defer func() { sums = kept }()
	sums = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.jar\n" // of "a"
	write := func(name, body string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644))
	}
	require.ErrorContains(t, checkJars(dir), "missing or changed: a.jar")
	write("a.jar", "a")
	require.NoError(t, checkJars(dir))
	write("a.jar", "b")
	require.ErrorContains(t, checkJars(dir), "missing or changed: a.jar")
	write("a.jar", "a")
	write("more.jar", "whatever else would be on the class path")
	require.ErrorContains(t, checkJars(dir), "2 jars, want 1")
}

func TestWithoutMavenOneSentenceSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	var said bytes.Buffer
	_, err := Fetch(t.Context(), cache, &said)
	require.ErrorContains(t, err, "mvn is not on PATH")
	require.ErrorContains(t, err, "deploy/need java mvn")
	require.Contains(t, said.String(), "Kafka: fetching Apache Kafka "+Version())
	left, err := filepath.Glob(filepath.Join(cache, "kafka-*"))
	require.NoError(t, err)
	require.Empty(t, left, "neither half a package nor its staging folder")
}

// mavenThatSays puts a script of that name on PATH.
func mavenThatSays(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mvn"), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestAFailedFetchTellsMavensErrorsAndLeavesNothing(t *testing.T) {
	mavenThatSays(t, `echo "[INFO] Downloaded from somewhere"; echo "[ERROR] no such host"; exit 1`)
	cache := t.TempDir()
	_, err := Fetch(t.Context(), cache, new(bytes.Buffer))
	require.ErrorContains(t, err, "no such host")
	require.NotContains(t, err.Error(), "Downloaded")
	left, err := filepath.Glob(filepath.Join(cache, "kafka-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWhatMavenFetchedIsCheckedBeforeItIsKept(t *testing.T) {
	mavenThatSays(t, `mkdir jars && echo other > jars/kafka_2.13-`+Version()+`.jar`)
	cache := t.TempDir()
	_, err := Fetch(t.Context(), cache, new(bytes.Buffer))
	require.ErrorContains(t, err, "not what jars.sha256 pins")
	_, err = os.Stat(filepath.Join(cache, "kafka-"+Version()))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestACacheThatCannotBeWrittenIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Fetch(t.Context(), filepath.Join(file, "cache"), new(bytes.Buffer))
	require.ErrorContains(t, err, embedded.CacheEnv)
}

func TestFollowKeepsOnlyErrors(t *testing.T) {
	said := follow(strings.NewReader("Downloaded from a\n[ERROR] one\nnoise\n[ERROR] two\n"), new(bytes.Buffer))
	require.Equal(t, "[ERROR] one\n[ERROR] two\n", said)
}
