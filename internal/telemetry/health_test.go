package telemetry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChecksRunSideBySideAndASlowOneIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		health := NewHealth()
		for i := range 5 {
			health.Register(fmt.Sprintf("good-%d", i), func(context.Context) error { time.Sleep(500 * time.Millisecond); return nil })
		}
		health.Register("deaf", func(context.Context) error { time.Sleep(time.Hour); return nil }) // heeds no context
		health.Register("heeding", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		began := time.Now()
		results, ready := health.Check(t.Context())
		require.Equal(t, checkTimeout, time.Since(began))
		require.False(t, ready)
		require.Len(t, results, 7)
		require.Equal(t, Result{Name: "deaf", Error: "no answer within 900ms"}, results[0])
		require.Equal(t, Result{Name: "good-0", OK: true}, results[1])
		require.False(t, results[6].OK)
		time.Sleep(2 * time.Hour) // let the deaf one end, as the bubble demands
	})
}
