package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A crash, a slow restart, and a stop that loses patience meanwhile: the new
// child must not outlive the stop, nor the stop wait for it for ever.
func TestAChildThatIsBeingStartedIsKilledAsWell(t *testing.T) {
	held, err := os.Create(filepath.Join(t.TempDir(), "LOCK"))
	require.NoError(t, err)
	defer held.Close()
	start := func() *process {
		child, err := startProcess("sleep", []string{"600"}, filepath.Join(t.TempDir(), "log"), held)
		require.NoError(t, err)
		return child
	}
	first, second := start(), start()
	server := &ClickHouse{child: first, done: make(chan struct{})}
	go func() { // what supervise does
		<-first.done
		time.Sleep(150 * time.Millisecond)
		server.mu.Lock()
		server.child = second
		server.mu.Unlock()
		<-second.done
		close(server.done)
	}()
	gone := make(chan struct{})
	go func() { server.killUntilGone(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(time.Minute):
		second.kill()
		t.Fatal("the second child was never killed")
	}
}
