package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// world makes leads whose chance to win follows planted weights.
func world(rng *rand.Rand, n int, intercept float64, weights []float64) []Example {
	list := make([]Example, n)
	for i := range list {
		x, v := make([]float64, len(weights)), intercept
		for j, w := range weights {
			if rng.Float64() < 0.4 {
				x[j] = float64(1+rng.IntN(3)) * math.Exp2(-rng.Float64())
			}
			v += w * x[j]
		}
		list[i] = Example{At: int64(i), ID: fmt.Sprint(i), X: x, Won: rng.Float64() < 1/(1+math.Exp(-v))}
	}
	return list
}

var names = []string{"pricing", "demo", "blog", "careers"}

func TestPlantedWeightsComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	weights := []float64{0.5, 1, 0, -0.7}
	l, err := Train(names, world(rng, 20_000, -2, weights), DefaultLeast)
	require.NoError(t, err)
	for j, w := range weights {
		require.InDelta(t, w, l.Model.Coefficients[j], 0.1, names[j])
		require.InDelta(t, 10*w, float64(l.Features[j].Points), 1.01, names[j])
	}
	require.Equal(t, 10, l.Features[1].Points)
	require.Greater(t, l.Area.Low, 0.6)
	require.InDelta(t, l.Area.Value, l.PointsArea.Value, 0.01, "whole points cost little")
	require.Less(t, l.Calibrated.Brier, l.Calibrated.Base)
	for _, b := range l.Calibrated.Bins {
		require.InDelta(t, b.Told, b.Happened.Rate, 0.06)
	}
	require.Greater(t, l.Deciles[0].Lift, 2.0)
	require.Greater(t, l.Features[1].OddsLow, 1.0)
	require.Less(t, l.Features[3].OddsHigh, 1.0)
}

// Of noise nearly every run says that it is noise, and the area's interval holds a half.
func TestNoiseTeachesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	fooled, half := 0, 0
	const runs = 60
	for range runs {
		l, err := Train(names, world(rng, 800, -1.5, make([]float64, 4)), DefaultLeast)
		if err == nil {
			fooled++
		} else {
			require.ErrorIs(t, err, ErrNoSignal)
		}
		if l.Area.Low <= 0.5 && l.Area.High >= 0.5 {
			half++
		}
	}
	require.LessOrEqual(t, fooled, 5, "2.5 % are fooled by chance")
	require.GreaterOrEqual(t, half, runs-7)
}

func TestNotEnoughIsSaidWithAllThatLacks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	_, err := Train(names, world(rng, 60, -3, []float64{1, 1, 0, 0}), DefaultLeast)
	var lack *NotEnough
	require.ErrorAs(t, err, &lack)
	require.ErrorContains(t, err, "60 leads old enough to be judged, at least 200 are needed")
	require.GreaterOrEqual(t, len(lack.Lacks), 2)
	_, err = Train(names, nil, DefaultLeast)
	require.ErrorAs(t, err, &lack)
}

// What three leads met is not believed, and does not carry weight that belongs to others.
func TestARareRuleIsNotBelieved(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	examples := world(rng, 3000, -2, []float64{1, 1, 0, 0})
	for i := range examples {
		examples[i].X[2] = 0
	}
	for i := range 3 {
		examples[i].X[2], examples[i].Won = 1, true
	}
	l, err := Train(names, examples, DefaultLeast)
	require.NoError(t, err)
	require.False(t, l.Features[2].Believed)
	require.Zero(t, l.Features[2].Points)
	require.Zero(t, l.Model.Coefficients[2])
}

// What judges is never looked at before: turning all outcomes of the newest part around changes no weight.
func TestTheNewestOnlyJudge(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	examples := world(rng, 2000, -1.5, []float64{1, 0.5, 0, -0.5})
	first, err := Train(names, examples, DefaultLeast)
	require.NoError(t, err)
	for i := range examples {
		if i >= first.Older {
			examples[i].Won = !examples[i].Won
		}
	}
	second, err := Train(names, examples, DefaultLeast)
	require.ErrorIs(t, err, ErrNoSignal, "the weights are now wrong about the newest")
	require.Equal(t, first.Model, second.Model)
	require.Equal(t, first.Penalty, second.Penalty)
	require.InDelta(t, 1-first.Area.Value, second.Area.Value, 1e-9)
}

func TestTheOrderOfReadingChangesNoBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	examples := world(rng, 1000, -1.5, []float64{1, 0.5, 0, -0.5})
	for i := range examples {
		examples[i].At = int64(i / 7) // many at the same instant
	}
	first, err := Train(names, examples, DefaultLeast)
	require.NoError(t, err)
	shuffled := slices.Clone(examples)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	second, err := Train(names, shuffled, DefaultLeast)
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// A feature that separates perfectly has no finite weight without a penalty; a penalty keeps it finite.
func TestPerfectSeparationStaysFinite(t *testing.T) {
	examples := make([]Example, 100)
	for i := range examples {
		examples[i] = Example{At: int64(i), X: []float64{float64(i % 2), 1}, Won: i%2 == 1}
	}
	l, err := fit(examples, 1e-4)
	require.NoError(t, err)
	require.Greater(t, l.Coefficients[0], 5.0)
	require.Less(t, l.Coefficients[0], 40.0)
	require.Zero(t, l.Coefficients[1], "a feature that never changes has no weight")
}
