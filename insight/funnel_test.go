package insight

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func counted(counts ...StageCount) []StageCount {
	all := make([]StageCount, len(path))
	for i, stage := range path {
		all[i].Stage = stage.ID
		for _, c := range counts {
			if c.Stage == stage.ID {
				all[i] = c
			}
		}
	}
	return all
}

func TestFunnelGivesNoBareRate(t *testing.T) {
	f := NewFunnel(scope(), counted(
		StageCount{Stage: "visitor", Open: 700, Entered: 1000, Matured: 900, Reached: 270},
		StageCount{Stage: "aware", Open: 3, Entered: 12, Matured: 10, Reached: 3},
		StageCount{Stage: "interest", Open: 5, Entered: 5, EarlyReached: 2},
		StageCount{Stage: "won", Open: 2, Entered: 2, Matured: 2},
	))
	visitor, aware, interest := f.Stages[0], f.Stages[1], f.Stages[2]
	require.InDelta(t, 0.30, visitor.Conversion.Rate, 1e-9)
	require.InDelta(t, 0.271, visitor.Conversion.Low, 1e-3)
	require.Nil(t, visitor.Note)
	require.NotNil(t, aware.Conversion)
	require.Equal(t, "only 10 leads: read the interval, not the rate", aware.Note.EN)
	require.Nil(t, interest.Conversion, "nobody is old enough")
	require.Equal(t, "no lead old enough to judge; 2 of 5 went on already", interest.Note.EN)
	require.Nil(t, f.Stages[6].Conversion, "won is an end")
	require.Nil(t, f.Stages[7].Conversion, "lost is an end")
	require.Contains(t, f.Note.EN, "30 or more days ago")
	require.Contains(t, f.Note.ZH, "满 30 天")
}

func TestFunnelOfNothingSaysSo(t *testing.T) {
	f := NewFunnel(scope(), counted())
	require.Len(t, f.Stages, len(path))
	require.Equal(t, "No lead has been seen yet.", f.Note.EN)
	young := NewFunnel(scope(), counted(StageCount{Stage: "visitor", Open: 9, Entered: 9}))
	require.Contains(t, young.Note.EN, "No lead entered its stage 30 or more days ago")
}

// Why only age matures a lead: true conversion 30 %, on average after 30 days, entries spread over the last 90 days. Leads
// that have gone on are known at once, the rest only by waiting.
func TestOnlyAgeMatures(t *testing.T) {
	const leads, truth, mean, window = 60_000, 0.3, 10.0, 30.0
	rng := rand.New(rand.NewPCG(3, 4))
	var byAge, byAgeOrLeft, all, reached, wentOn uint64
	for range leads {
		age := 90 * rng.Float64()
		converted := rng.Float64() < truth && rng.ExpFloat64()*mean < age
		all++
		if converted {
			wentOn++
		}
		if age >= window {
			byAge++
			if converted {
				reached++
			}
		}
		if age >= window || converted {
			byAgeOrLeft++
		}
	}
	byRule, _ := Wilson(reached, byAge)
	require.InDelta(t, truth, byRule.Rate, 0.01)
	leftToo, _ := Wilson(wentOn, byAgeOrLeft)
	require.Greater(t, leftToo.Low, truth+0.02, "counting who left early promises too much")
	naive, _ := Wilson(wentOn, all)
	require.Less(t, naive.High, truth-0.02, "counting who had no time promises too little")
}
