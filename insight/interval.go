package insight

import "math"

// Interval is a rate with the range that the data allow.
type Interval struct {
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.959963984540054

// Wilson is the 95 % score interval of k successes in n trials. Unlike the textbook k/n ± 1.96·se it stays inside 0..1 and
// keeps its coverage where a funnel lives: small n, small k. It has no answer for n = 0.
func Wilson(k, n uint64) (Interval, bool) {
	if n == 0 || k > n {
		return Interval{}, false
	}
	size, p := float64(n), float64(k)/float64(n)
	scale := 1 + z95*z95/size
	centre := (p + z95*z95/(2*size)) / scale
	half := z95 / scale * math.Sqrt(p*(1-p)/size+z95*z95/(4*size*size))
	low, high := centre-half, centre+half
	// Exactly 0 and 1 at the ends, where rounding would say 0.9999999999999999.
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return Interval{Rate: p, Low: low, High: high}, true
}
