package insight

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reference values: Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (Wilson without continuity correction).
func TestWilsonMatchesTheLiterature(t *testing.T) {
	for _, c := range []struct {
		k, n      uint64
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0.0000, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		got, ok := Wilson(c.k, c.n)
		require.True(t, ok)
		require.InDelta(t, c.low, got.Low, 5e-5, "%d of %d", c.k, c.n)
		require.InDelta(t, c.high, got.High, 5e-5, "%d of %d", c.k, c.n)
	}
}

func TestWilsonHasNoAnswerWithoutTrials(t *testing.T) {
	_, ok := Wilson(0, 0)
	require.False(t, ok)
	_, ok = Wilson(3, 2)
	require.False(t, ok, "more successes than trials is a fault upstream, not a rate")
}

func TestWilsonStaysInsideZeroAndOne(t *testing.T) {
	for n := uint64(1); n < 200; n++ {
		none, _ := Wilson(0, n)
		all, _ := Wilson(n, n)
		require.Zero(t, none.Low)
		require.Equal(t, 1.0, all.High)
		require.Less(t, none.High, 1.0)
		require.Greater(t, all.Low, 0.0)
	}
}

func TestWilsonCoversTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, truth := range []float64{0.02, 0.1, 0.3, 0.5} {
		const runs, n = 4000, 60
		var covered int
		for range runs {
			var k uint64
			for range n {
				if rng.Float64() < truth {
					k++
				}
			}
			if got, _ := Wilson(k, n); got.Low <= truth && truth <= got.High {
				covered++
			}
		}
		require.InDelta(t, 0.95, float64(covered)/runs, 0.045, "truth %g", truth)
	}
}
