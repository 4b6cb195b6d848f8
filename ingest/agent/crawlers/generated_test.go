//go:build clients

package crawlers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is committed is what the generator makes of the package. Needs npm, as the tests with other tools' clients do.
func TestRealClientsListIsGenerated(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "npm"), os.DirFS("npm")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "testdata"), 0o755))
	binary := filepath.Join(dir, "generate")
	out, err := exec.Command("go", "build", "-o", binary, "./generate").CombinedOutput()
	require.NoError(t, err, string(out))
	run := exec.Command(binary)
	run.Dir = dir
	out, err = run.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"list.tsv", "list.LICENSE", "testdata/samples.txt"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run make generate", name)
	}
}
