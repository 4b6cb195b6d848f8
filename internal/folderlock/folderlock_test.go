package folderlock

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFolderIsOneProcesss(t *testing.T) {
	dir := t.TempDir()
	held, err := Take(dir)
	require.NoError(t, err)
	_, err = Take(dir)
	require.ErrorContains(t, err, "in use by another leadstream")
	require.ErrorContains(t, err, fmt.Sprint("process ", os.Getpid()))
	require.NoError(t, held.Close())
	again, err := Take(dir)
	require.NoError(t, err, "given back")
	require.NoError(t, again.Close())
	_, err = Take(dir + "/nowhere")
	require.ErrorIs(t, err, os.ErrNotExist)
}
