package embedded

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSyncTreeBearsWhatVanishesButNotAMissingFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "b", "0.dat"), []byte("x"), 0o644))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "a", "link")))
	require.NoError(t, syncTree(dir))

	require.ErrorIs(t, syncTree(filepath.Join(dir, "absent")), fs.ErrNotExist)
	require.ErrorIs(t, syncFile(filepath.Join(dir, "a", "absent")), fs.ErrNotExist)
}
