package protocol

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzInstant: the quick way reads nothing that time.Parse would not, and reads it the same.
func FuzzInstant(f *testing.F) {
	for _, text := range []string{
		"2026-03-02T10:15:30.123Z", "0000-01-01T00:00:00.000Z", "9999-12-28T23:59:59.999Z", "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z",
		"2026-03-02T24:00:00.000Z", "2026-03-02T10:60:30.123Z", "2026-03-02T10:15:60.123Z", "2026-03-02t10:15:30.123Z", "2026-03-02T10:15:30,123Z", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ms, ok := plainInstant(text)
		if !ok {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		require.Equal(t, want.UnixMilli(), ms)
	})
}

func TestTheUsualInstantIsReadTheQuickWay(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 15, 30, 123e6, time.UTC)
	ms, ok := plainInstant(at.Format("2006-01-02T15:04:05.000Z"))
	require.True(t, ok)
	require.Equal(t, at.UnixMilli(), ms)
	require.Equal(t, Instant{time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMilli(), Known}, parseInstant("2024-02-29T00:00:00.000Z"))
}
