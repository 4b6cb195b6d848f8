package learn

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func coin(rng *rand.Rand, n int, rate float64) (scores []float64, won []bool) {
	for range n {
		scores = append(scores, float64(rng.IntN(40))) // many ties
		won = append(won, rng.Float64() < rate)
	}
	return scores, won
}

// The area is the share of pairs in the right order, ties half.
func TestAreaIsTheShareOfPairsInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		scores, won := coin(rng, 10+rng.IntN(200), 0.3)
		right, pairs := 0.0, 0.0
		for i := range scores {
			for j := range scores {
				if won[i] && !won[j] {
					pairs++
					switch {
					case scores[i] > scores[j]:
						right++
					case scores[i] == scores[j]:
						right += 0.5
					}
				}
			}
		}
		if a, ok := AUC(scores, won); ok {
			require.InDelta(t, right/pairs, a.Value, 1e-12)
			require.True(t, a.Low <= a.Value && a.Value <= a.High, "%+v", a)
		}
	}
}

// Of 2000 meaningless scores about 95 % have an interval that holds a half.
func TestNoiseIsCalledNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	holds := 0
	for range 2000 {
		scores, won := coin(rng, 300, 0.1)
		if a, ok := AUC(scores, won); ok && a.Low <= 0.5 && a.High >= 0.5 {
			holds++
		}
	}
	require.InDelta(t, 0.95, float64(holds)/2000, 0.02)
}

func TestAreaAtTheEnds(t *testing.T) {
	scores, won := []float64{1, 2, 3, 4, 5, 6}, []bool{false, false, false, true, true, true}
	a, ok := AUC(scores, won)
	require.True(t, ok)
	require.Equal(t, 1.0, a.Value)
	require.Less(t, a.Low, 0.7, "six leads prove little")
	_, ok = AUC(scores, make([]bool, 6))
	require.False(t, ok, "nobody won")
	_, ok = AUC(nil, nil)
	require.False(t, ok)
}

// Two scores over the same leads are told apart where their own intervals overlap.
func TestCompareUsesThatTheLeadsAreTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var good, worse []float64
	var won []bool
	for range 1500 {
		w := rng.Float64() < 0.2
		v := rng.NormFloat64() + 0.8*truth(w)
		good, worse, won = append(good, v), append(worse, v+0.6*rng.NormFloat64()), append(won, w)
	}
	a, _ := AUC(good, won)
	b, _ := AUC(worse, won)
	require.Less(t, a.Low, b.High, "alone they overlap")
	d, ok := Compare(good, worse, won)
	require.True(t, ok)
	require.InDelta(t, a.Value-b.Value, d.Value, 1e-12)
	require.Greater(t, d.Low, 0.0)
	same, _ := Compare(good, good, won)
	require.Zero(t, same.Value)
	require.InDelta(t, 0, same.High, 1e-6)
}

func TestLiftSharesTies(t *testing.T) {
	scores, won := make([]float64, 100), make([]bool, 100)
	for i := range 20 {
		won[i*5] = true // all scores are equal
	}
	for _, d := range Lift(scores, won) {
		require.InDelta(t, 10, d.Leads, 1e-9)
		require.InDelta(t, 1, d.Lift, 1e-9)
	}
	for i := range scores {
		scores[i] = truth(won[i])
	}
	list := Lift(scores, won)
	require.InDelta(t, 5, list[0].Lift, 1e-9)
	require.InDelta(t, 5, list[1].Lift, 1e-9)
	require.Zero(t, list[2].Won)
	require.Nil(t, Lift(scores[:5], won[:5]), "too few for tenths")
}

func TestCalibration(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var chances, boast []float64
	var won []bool
	for range 5000 {
		p := rng.Float64()
		chances, boast, won = append(chances, p), append(boast, min(1, p+0.3)), append(won, rng.Float64() < p)
	}
	c := Calibrate(chances, won)
	require.Len(t, c.Bins, 10)
	require.InDelta(t, 1./6, c.Brier, 0.01) // E p(1-p) of a uniform p
	require.InDelta(t, 0.25, c.Base, 0.01)
	for _, b := range c.Bins {
		require.InDelta(t, b.Told, b.Happened.Rate, 0.06)
	}
	require.Greater(t, Calibrate(boast, won).Brier, c.Brier+0.03, "who promises too much is found")
	require.Len(t, Calibrate(make([]float64, 50), won[:50]).Bins, 1, "equal chances stay together")
}
