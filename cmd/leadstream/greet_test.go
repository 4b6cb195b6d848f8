package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/telemetry"
)

// A part that takes its time, such as scoring with a large state to restore, is waited for, and named meanwhile.
func TestReadinessIsWaitedFor(t *testing.T) {
	var out bytes.Buffer
	b := &base{health: telemetry.NewHealth(), log: telemetry.NewLogger(telemetry.DefaultConfig().Log, &out)}
	asked := 0
	b.health.Register("scoring", func(context.Context) error {
		if asked++; asked < 4 {
			return errors.New("restoring")
		}
		return nil
	})
	require.NoError(t, b.awaitReady(t.Context(), time.Nanosecond))
	require.Equal(t, 4, asked)
	require.Contains(t, out.String(), "scoring")
	require.Contains(t, out.String(), "restoring")

	asked = -1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.awaitReady(ctx, time.Hour), context.DeadlineExceeded, "it ends with its context")
}
