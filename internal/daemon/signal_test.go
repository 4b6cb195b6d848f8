package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// The tests below send real signals to a real process: this test binary, which TestMain turns into a daemon.
func TestMain(m *testing.M) {
	drain, asDaemon := os.LookupEnv("DAEMON_TEST_DRAIN")
	if !asDaemon {
		os.Exit(m.Run())
	}
	pause, err := time.ParseDuration(drain)
	if err != nil {
		panic(err)
	}
	err = Run(context.Background(), zap.NewNop(), time.Hour, Part{Name: "only", Run: func(ctx context.Context) error {
		fmt.Println("up")
		<-ctx.Done()
		fmt.Println("draining")
		time.Sleep(pause)
		fmt.Println("drained")
		return nil
	}})
	switch {
	case errors.Is(err, ErrForced):
		os.Exit(7)
	case err != nil:
		os.Exit(1)
	}
	os.Exit(0)
}

// child is the daemon, and the lines it says.
func child(t *testing.T, drain string) (*exec.Cmd, func() string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DAEMON_TEST_DRAIN="+drain)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	next := func() string {
		if lines.Scan() {
			return lines.Text()
		}
		return "EOF"
	}
	require.Equal(t, "up", next())
	return cmd, next
}

func TestOneSignalDrainsAndExitsZero(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd, next := child(t, "1ms")
		require.NoError(t, cmd.Process.Signal(sig))
		require.Equal(t, "draining", next())
		require.Equal(t, "drained", next())
		require.Equal(t, "EOF", next())
		require.NoError(t, cmd.Wait())
	}
}

func TestTwoSignalsExitAtOnceWithAnError(t *testing.T) {
	cmd, next := child(t, "1h")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "draining", next())
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Equal(t, "EOF", next())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 7, exit.ExitCode())
}
