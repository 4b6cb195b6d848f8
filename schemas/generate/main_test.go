package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The committed code is what the .proto files say today.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	to := t.TempDir()
	require.NoError(t, generate("..", to))
	fresh, err := filepath.Glob(filepath.Join(to, "*.pb.go"))
	require.NoError(t, err)
	require.Len(t, fresh, 4)
	for _, path := range fresh {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join("..", "pb", filepath.Base(path)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have), "schemas/pb/%s is not what the .proto files say: run `make generate`", filepath.Base(path))
	}
}

func TestBrokenProtoIsNamed(t *testing.T) {
	from := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(from, "event.proto"), []byte("syntax = \"proto3\"; message {"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(from, "score.proto"), []byte("syntax = \"proto3\";"), 0o644))
	require.ErrorContains(t, generate(from, t.TempDir()), "event.proto")
}
