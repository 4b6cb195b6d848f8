package insight

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// drawCount puts the Monte Carlo error of a P10 or P90 at about half a percent of rank.
const drawCount = 10_000

// drawSeed is fixed: two people who look at the same tables must read the same forecast.
const drawSeed = 0x1ead5

// manyWins is where a sum of deals is taken as normal instead of drawn one by one: a stage with a million leads must not cost
// a hundred million draws. At 256 the skew of a log-normal deal size (sigma 1) moves a P90 by less than 1 %.
const manyWins = 256

// draws are possible outcomes of one stage, or of all together: draw i of the sum is the sum of the stages' draws i.
type draws struct{ wins, value []float64 }

func newDraws() *draws {
	return &draws{wins: make([]float64, drawCount), value: make([]float64, drawCount)}
}

// drawStage plays a stage out. Each stage has a random stream of its own, so that a stage more or less does not change the others.
func drawStage(model BetaBinomial, amounts []float64, stream uint64) *draws {
	source := rand.NewPCG(drawSeed, stream)
	rng := rand.New(source)
	alpha, beta := model.posterior()
	chance := distuv.Beta{Alpha: alpha, Beta: beta, Src: source}
	average, spread := mean(amounts), deviation(amounts)
	d := newDraws()
	for i := range d.wins {
		// The open leads share one unknown chance; drawing it for each lead anew would make the band far too narrow.
		wins := distuv.Binomial{N: float64(model.Open), P: chance.Rand(), Src: source}.Rand()
		d.wins[i] = wins
		switch {
		case len(amounts) == 0:
		case wins > manyWins:
			d.value[i] = max(0, wins*average+math.Sqrt(wins)*spread*rng.NormFloat64())
		default:
			for range int(wins) {
				d.value[i] += amounts[rng.IntN(len(amounts))]
			}
		}
	}
	return d
}

func (d *draws) add(other *draws) {
	for i := range d.wins {
		d.wins[i] += other.wins[i]
		d.value[i] += other.value[i]
	}
}

// The mean is given, not averaged over the draws: it is known exactly, and exact means add up.
func (d *draws) winsBand(mean float64) Band  { return band(d.wins, mean) }
func (d *draws) valueBand(mean float64) Band { return band(d.value, mean) }

func band(values []float64, mean float64) Band {
	sorted := slices.Sorted(slices.Values(values))
	at := func(p float64) float64 { return sorted[int(p*float64(len(sorted)-1)+0.5)] }
	return Band{Mean: mean, P10: at(0.1), P50: at(0.5), P90: at(0.9)}
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func deviation(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	centre := mean(values)
	var squares float64
	for _, v := range values {
		squares += (v - centre) * (v - centre)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}
