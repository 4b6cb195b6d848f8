package insight

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
)

// The product's own promise: 50 leads in a stage from which 60 of 200 past leads were won.
func TestFiftyLeadsAtThirtyPercentReadFifteenWithinTenAndTwenty(t *testing.T) {
	b := BetaBinomial{Open: 50, Matured: 200, Won: 60}
	require.InDelta(t, 15, b.Mean(), 0.1)
	require.Equal(t, []uint64{10, 20}, b.Quantiles(0.1, 0.9))
}

func TestThinHistoryWidensTheBand(t *testing.T) {
	b := BetaBinomial{Open: 50, Matured: 20, Won: 6}
	require.InDelta(t, 15.5, b.Mean(), 0.1)
	require.Equal(t, []uint64{8, 23}, b.Quantiles(0.1, 0.9))
}

// The walk by ratios must be the distribution, term by term.
func TestQuantilesAreThoseOfTheExactDistribution(t *testing.T) {
	for _, b := range []BetaBinomial{{50, 200, 60}, {1, 0, 0}, {7, 3, 3}, {300, 40, 0}, {2000, 9, 4}} {
		alpha, beta := b.posterior()
		var below float64
		cdf := make([]float64, b.Open+1)
		for k := range cdf {
			n, k64 := float64(b.Open), float64(k)
			choose := logGamma(n+1) - logGamma(k64+1) - logGamma(n-k64+1)
			below += math.Exp(choose + logBeta(k64+alpha, n-k64+beta) - logBeta(alpha, beta))
			cdf[k] = below
		}
		require.InDelta(t, 1, below, 1e-9)
		for _, p := range []float64{0.001, 0.1, 0.5, 0.9, 0.999} {
			k := b.Quantile(p)
			require.GreaterOrEqual(t, cdf[k], p-1e-9, "%+v at %g", b, p)
			if k > 0 {
				require.Less(t, cdf[k-1], p+1e-9, "%+v at %g", b, p)
			}
		}
	}
}

func TestQuantilesOfNobodyAreZero(t *testing.T) {
	require.Equal(t, []uint64{0, 0, 0}, BetaBinomial{Matured: 10, Won: 3}.Quantiles(0.1, 0.5, 0.9))
	require.Zero(t, BetaBinomial{}.Mean())
}

func TestQuantileNeverExceedsTheOpenLeads(t *testing.T) {
	require.Equal(t, uint64(5), BetaBinomial{Open: 5, Matured: 100, Won: 100}.Quantile(1))
	require.Equal(t, uint64(1_000_000), BetaBinomial{Open: 1_000_000, Matured: 9, Won: 9}.Quantile(1))
}

// An 80 % band must hold the truth about 80 % of the time, with much history and with little. The chance is drawn anew each
// run: the promise is over all the stages and teams that will ever ask.
func TestBandHoldsWhatItPromises(t *testing.T) {
	source := rand.NewPCG(7, 11)
	rng := rand.New(source)
	for _, matured := range []uint64{20, 200} {
		const runs, open = 4000, 50
		var band, plugIn int
		for range runs {
			truth := 0.1 + 0.4*rng.Float64()
			past := uint64(distuv.Binomial{N: float64(matured), P: truth, Src: source}.Rand())
			wins := distuv.Binomial{N: open, P: truth, Src: source}.Rand()
			q := BetaBinomial{Open: open, Matured: matured, Won: past}.Quantiles(0.1, 0.9)
			if float64(q[0]) <= wins && wins <= float64(q[1]) {
				band++
			}
			rate := float64(past) / float64(matured)
			half := 1.2816 * math.Sqrt(open*rate*(1-rate))
			if math.Abs(wins-open*rate) <= half {
				plugIn++
			}
		}
		require.InDelta(t, 0.82, float64(band)/runs, 0.04, "m = %d", matured)
		if matured == 20 {
			require.Less(t, float64(plugIn)/runs, 0.70, "the plug-in band is why this one exists")
		}
	}
}
