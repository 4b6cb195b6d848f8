package insight

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func sizes(n int, amount float64) Deals {
	d := Deals{Currency: "EUR"}
	for range n {
		d.Amounts = append(d.Amounts, amount)
	}
	return d
}

func TestForecastReadsFifteenFromFiftyAtThirtyPercent(t *testing.T) {
	f := NewForecast(scope(), counted(StageCount{Stage: "intent", Open: 50, Matured: 200, Won: 60}), sizes(60, 10_000))
	intent := f.Stages[3]
	require.Equal(t, Band{Mean: intent.Wins.Mean, P10: 10, P50: 15, P90: 20}, *intent.Wins)
	require.InDelta(t, 15, intent.Wins.Mean, 0.1)
	require.InDelta(t, 0.3, *intent.Chance, 0.002)
	require.InDelta(t, 150_000, intent.Value.Mean, 1000)
	require.InDelta(t, 100_000, intent.Value.P10, 10_000)
	require.InDelta(t, 200_000, intent.Value.P90, 10_000)
	require.Nil(t, intent.Note)
	require.Equal(t, intent.Wins, f.Total.Wins, "one stage is the whole forecast")
}

// Research d8: deal sizes log-normal with sigma 1 and mean 10,000 give 150 k, band 82 k to 232 k.
func TestDealSizesWidenTheValueBand(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	deals := Deals{Currency: "EUR"}
	for range 4000 {
		deals.Amounts = append(deals.Amounts, 10_000*math.Exp(rng.NormFloat64()-0.5))
	}
	f := NewForecast(scope(), counted(StageCount{Stage: "intent", Open: 50, Matured: 200, Won: 60}), deals)
	require.InDelta(t, 150_000, f.Total.Value.Mean, 8_000)
	require.InDelta(t, 82_000, f.Total.Value.P10, 6_000)
	require.InDelta(t, 232_000, f.Total.Value.P90, 14_000)
}

func TestStagesSumToTheForecast(t *testing.T) {
	deals := Deals{Currency: "EUR", Amounts: []float64{500, 1000, 9000, 20_000}}
	f := NewForecast(scope(), counted(
		StageCount{Stage: "visitor", Open: 100_000, Matured: 50_000, Won: 110},
		StageCount{Stage: "interest", Open: 400, Matured: 900, Won: 80},
		StageCount{Stage: "intent", Open: 50, Matured: 200, Won: 60},
		StageCount{Stage: "opportunity", Open: 9, Matured: 12, Won: 7},
		StageCount{Stage: "won", Open: 110, Entered: 110, Matured: 110},
	), deals)
	var wins, value float64
	for _, s := range f.Stages {
		if s.Wins != nil {
			wins, value = wins+s.Wins.Mean, value+s.Value.Mean
		}
	}
	require.InDelta(t, wins, f.Total.Wins.Mean, 1e-9*wins)
	require.InDelta(t, value, f.Total.Value.Mean, 1e-9*value)
	require.Equal(t, uint64(100_459), f.Total.Open, "won leads are not open")
	require.Len(t, f.Stages, 6)
	for _, b := range []*Band{f.Total.Wins, f.Total.Value} {
		require.Less(t, b.P10, b.P50)
		require.Less(t, b.P50, b.P90)
		require.InDelta(t, b.Mean, b.P50, 0.1*b.Mean, "the draws are about the mean that is printed")
	}
}

func TestForecastIsAFunctionOfItsInput(t *testing.T) {
	input := counted(StageCount{Stage: "aware", Open: 30, Matured: 40, Won: 9}, StageCount{Stage: "intent", Open: 50, Matured: 200, Won: 60})
	deals := Deals{Amounts: []float64{1, 2, 300}}
	first := NewForecast(scope(), input, deals)
	require.Equal(t, first, NewForecast(scope(), input, deals))
	fewer := NewForecast(scope(), counted(StageCount{Stage: "intent", Open: 50, Matured: 200, Won: 60}), deals)
	require.Equal(t, first.Stages[3], fewer.Stages[3], "another stage does not change this one")
}

func TestForecastFromNothingIsNoNumber(t *testing.T) {
	f := NewForecast(scope(), counted(StageCount{Stage: "visitor", Open: 50}), Deals{})
	require.Nil(t, f.Stages[0].Wins)
	require.Nil(t, f.Total.Wins)
	require.Equal(t, "no past lead old enough: no forecast", f.Stages[0].Note.EN)
	require.Contains(t, f.Note.EN, "No forecast yet")
	require.Equal(t, uint64(50), f.Total.Open)
}

func TestThinHistoryIsPrintedWithAWarning(t *testing.T) {
	f := NewForecast(scope(), counted(StageCount{Stage: "intent", Open: 50, Matured: 12, Won: 4}), sizes(4, 100))
	require.NotNil(t, f.Stages[3].Wins)
	require.Contains(t, f.Stages[3].Note.EN, "only 12 past leads")
	require.Contains(t, f.Note.EN, "only 4 won deals")
	bare := NewForecast(scope(), counted(StageCount{Stage: "intent", Open: 50, Matured: 12, Won: 4}), Deals{})
	require.Nil(t, bare.Total.Value)
	require.Contains(t, bare.Note.EN, "no value")
}

// The shortcut for many wins must be the long way's distribution.
func TestNormalSumsAgreeWithDrawnSums(t *testing.T) {
	amounts := []float64{100, 200, 300, 5000}
	short := drawStage(BetaBinomial{Open: 1000, Matured: 10_000, Won: 3000}, amounts, 1)
	got := short.valueBand(0)
	rng := rand.New(rand.NewPCG(9, 9))
	long := newDraws()
	for i, wins := range short.wins {
		for range int(wins) {
			long.value[i] += amounts[rng.IntN(len(amounts))]
		}
	}
	want := long.valueBand(0)
	require.InEpsilon(t, want.P10, got.P10, 0.03)
	require.InEpsilon(t, want.P90, got.P90, 0.03)
}
