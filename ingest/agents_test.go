package ingest

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A remembered user agent must not keep alive the request that it is a piece of.
func TestAgentsKeepNoPieceOfARequest(t *testing.T) {
	body := strings.Repeat(" ", 1<<10) + chrome
	given := body[1<<10:]
	a := newAgents()
	require.Equal(t, "Chrome", a.read(given).browser)
	require.Len(t, a.seen, 1)
	for kept := range a.seen {
		require.Equal(t, given, kept)
		require.NotSame(t, unsafe.StringData(given), unsafe.StringData(kept))
	}
	require.Equal(t, a.read(given), a.read(chrome))
	require.Len(t, a.seen, 1)
}
