package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Points are round(10 b / largest b) of the very coefficients that stand beside them: neither cut off, nor of others.
func TestPointsAreRoundedFromTheCoefficients(t *testing.T) {
	up, down, minus := 0, 0, 0
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 11))
		l, err := Train(names, world(rng, 3000, -1.5, []float64{0.37, 1, 0.16, -0.45}), DefaultLeast)
		require.NoError(t, err)
		most := 0.0
		for _, b := range l.Model.Coefficients {
			most = max(most, b)
		}
		for j, f := range l.Features {
			require.Equal(t, l.Model.Coefficients[j], f.Coefficient)
			exact := 10 * f.Coefficient / most
			require.Equal(t, int(math.Round(exact)), f.Points, "%s: %v", f.Name, exact)
			switch whole, part := math.Modf(exact); {
			case exact < 0 && part < -0.5:
				minus++
			case part >= 0.5:
				up++
			case whole != exact:
				down++
			}
		}
	}
	require.True(t, up > 0 && down > 0 && minus > 0, "all three ways of rounding were seen: %d %d %d", up, down, minus)
}

// A weight far below zero takes at most 100 points, and with none above zero there is no scale to give any by.
func TestPointsHaveBounds(t *testing.T) {
	l := Learned{Model: Logistic{Coefficients: []float64{0.1, -5, 0.04}}, Features: []Feature{{Believed: true}, {Believed: true}, {}}}
	l.points()
	require.Equal(t, []int{10, -100, 0}, []int{l.Features[0].Points, l.Features[1].Points, l.Features[2].Points})
	l = Learned{Model: Logistic{Coefficients: []float64{-1}}, Features: []Feature{{Believed: true}}}
	l.points()
	require.Zero(t, l.Features[0].Points)
}

// turned is a world in which what was true of the older 70 % is not any more.
func turned(rng *rand.Rand, n int, weights []float64) []Example {
	examples := world(rng, n, -1, weights)
	_, newest := Split(examples)
	for i := range newest {
		newest[i].Won = rng.Float64() < 0.3
	}
	return examples
}

// The penalty is what the newest of the older leads want, whom the weights have not seen: a large one where those show
// that the weights do not hold, a small one where they do. The learning part itself would always want the smallest.
func TestThePenaltyIsChosenOnNewerLeads(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	weights := []float64{0.8, 1, -0.5, 0.6}
	gone := turned(rng, 2000, weights)
	learning, choosing := Split(gone)
	least, wanted := math.Inf(1), 0.0
	for _, p := range penalties {
		l, err := fit(learning, p)
		require.NoError(t, err)
		if loss := logLoss(l, learning); loss < least-1e-9 {
			least, wanted = loss, p
		}
	}
	require.Less(t, wanted, 0.01, "what learned wants as little as possible")
	got, err := choosePenalty(gone)
	require.NoError(t, err)
	require.Equal(t, penalties[0], got)
	at := func(p float64) float64 {
		l, err := fit(learning, p)
		require.NoError(t, err)
		return logLoss(l, choosing)
	}
	for _, p := range penalties[1:] {
		require.Greater(t, at(p), at(got)-1e-9)
	}
	got, err = choosePenalty(world(rng, 2000, -1, weights))
	require.NoError(t, err)
	require.Less(t, got, 0.1)
}

// And it is what Train learns with.
func TestTrainTakesTheChosenPenalty(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	examples := world(rng, 3000, -1, []float64{0.8, 1, -0.5, 0.6})
	older, _ := Split(examples)
	_, choosing := Split(older) // they are the same leads in both
	for i := range choosing {
		choosing[i].Won = rng.Float64() < 0.3
	}
	l, err := Train(names, examples, DefaultLeast)
	if err != nil {
		require.ErrorIs(t, err, ErrNoSignal)
	}
	chosen, err := choosePenalty(older)
	require.NoError(t, err)
	require.GreaterOrEqual(t, chosen, 1.0)
	require.Equal(t, chosen, l.Penalty)
	want, err := fit(older, chosen)
	require.NoError(t, err)
	require.Equal(t, want, l.Model)
}

// some has n leads, of which the first `exposed` met the rule, and of those `wonAmong` won; `wonOthers` of the others.
func some(n, exposed, wonAmong, wonOthers int) []Example {
	list := make([]Example, n)
	for i := range list {
		list[i] = Example{At: int64(i), ID: fmt.Sprint(i), X: []float64{0}}
		if i < exposed {
			list[i].X[0], list[i].Won = 1, i < wonAmong
		} else {
			list[i].Won = i-exposed < wonOthers
		}
	}
	return list
}

func TestARuleIsBelievedFromItsBoundsOn(t *testing.T) {
	for name, c := range map[string]struct {
		examples []Example
		believed bool
	}{
		"25 met it":                         {some(200, 25, 10, 40), true},
		"24 met it":                         {some(200, 24, 10, 40), false},
		"5 of them won":                     {some(1000, 30, 5, 40), true},
		"4 of them won":                     {some(1000, 30, 4, 40), false},
		"none won, 5 by chance":             {some(100, 25, 0, 20), true},
		"none won, fewer than 5 by chance":  {some(100, 25, 0, 19), false},
		"4 won, 5 by chance: it is a brake": {some(100, 25, 4, 16), true},
	} {
		f := evidence([]string{"x"}, c.examples, DefaultLeast)[0]
		require.Equal(t, c.believed, f.Believed, name)
	}
}

func TestThereIsEnoughFromTheBoundsOn(t *testing.T) {
	part := func(n, won int) []Example { return some(n, n, won, 0) }
	for name, c := range map[string]struct {
		all, older, newer []Example
		lacks             []string
	}{
		"just enough":   {part(200, 0), part(80, 40), part(30, 15), nil},
		"one lead":      {part(199, 0), part(80, 40), part(30, 15), []string{"199 leads old enough to be judged, at least 200 are needed"}},
		"one win":       {part(200, 0), part(80, 39), part(30, 15), []string{"39 of the older 70 % won, at least 40 are needed"}},
		"one loss":      {part(200, 0), part(79, 40), part(30, 15), []string{"39 of the older 70 % did not win, at least 40 are needed"}},
		"a judged win":  {part(200, 0), part(80, 40), part(30, 14), []string{"14 of the newest 30 % won, at least 15 are needed"}},
		"a judged loss": {part(200, 0), part(80, 40), part(29, 15), []string{"14 of the newest 30 % did not win, at least 15 are needed"}},
	} {
		err := DefaultLeast.check(c.all, c.older, c.newer)
		if c.lacks == nil {
			require.NoError(t, err, name)
			continue
		}
		var lack *NotEnough
		require.ErrorAs(t, err, &lack, name)
		require.Equal(t, c.lacks, lack.Lacks, name)
	}
	require.Equal(t, Least{Leads: 200, Won: 40, Judging: 15, Exposed: 25, WonAmong: 5}, DefaultLeast, "docs/model.md says so")
}
