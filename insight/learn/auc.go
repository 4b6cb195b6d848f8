package learn

import (
	"math"
	"slices"
)

// Area is the area under the receiver operating curve: the chance that a lead that won scored higher than one that did not,
// ties counting half. Low and High are its 95 % interval.
type Area struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Won   int     `json:"won"`
	Lost  int     `json:"not_won"`
}

// Chance tells whether the interval holds 0.5: then the score may be no better than a coin.
func (a Area) Chance() bool { return a.Low <= 0.5 }

const z95 = 1.959963984540054

// AUC has no answer without at least two of either kind. The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics
// 1988), by midranks (Sun and Xu, IEEE Signal Processing Letters 2014); the interval is made on the logit scale, which keeps it
// inside 0..1 and its coverage near the ends.
func AUC(scores []float64, won []bool) (Area, bool) {
	p, ok := place(scores, won)
	if !ok {
		return Area{}, false
	}
	a := Area{Value: p.auc, Won: len(p.won), Lost: len(p.lost)}
	a.Low, a.High = logitInterval(p.auc, math.Sqrt(p.covariance(p)), len(p.won)+len(p.lost))
	return a, true
}

// Difference is how much larger the first score's area is than the second's, over the same leads.
type Difference struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Compare is DeLong's test of two scores over the same leads: their areas go up and down together, so that a small difference
// can be certain where two separate intervals would overlap.
func Compare(first, second []float64, won []bool) (Difference, bool) {
	a, ok := place(first, won)
	b, also := place(second, won)
	if !ok || !also {
		return Difference{}, false
	}
	d := a.auc - b.auc
	half := z95 * math.Sqrt(max(0, a.covariance(a)+b.covariance(b)-2*a.covariance(b)))
	return Difference{d, d - half, d + half}, true
}

// placements say of each lead which share of the other kind it is right about.
type placements struct {
	auc       float64
	won, lost []float64
}

func place(scores []float64, won []bool) (placements, bool) {
	var both, up, down []float64
	for i, s := range scores {
		both = append(both, s)
		if won[i] {
			up = append(up, s)
		} else {
			down = append(down, s)
		}
	}
	if len(up) < 2 || len(down) < 2 {
		return placements{}, false
	}
	m, n := float64(len(up)), float64(len(down))
	all, inUp, inDown := midranks(both), midranks(up), midranks(down)
	p := placements{}
	nextUp, nextDown := 0, 0
	for i := range scores {
		if won[i] {
			share := (all[i] - inUp[nextUp]) / n
			p.won, p.auc = append(p.won, share), p.auc+share/m
			nextUp++
		} else {
			p.lost = append(p.lost, 1-(all[i]-inDown[nextDown])/m)
			nextDown++
		}
	}
	return p, true
}

// covariance of two areas over the same leads; of one with itself, its variance.
func (p placements) covariance(q placements) float64 {
	return covariance(p.won, q.won)/float64(len(p.won)) + covariance(p.lost, q.lost)/float64(len(p.lost))
}

func covariance(a, b []float64) float64 {
	meanA, meanB := mean(a), mean(b)
	sum := 0.0
	for i := range a {
		sum += (a[i] - meanA) * (b[i] - meanB)
	}
	return sum / float64(len(a)-1)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// midranks are the places from 1, the mean place where values are equal.
func midranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case v[a] < v[b]:
			return -1
		case v[a] > v[b]:
			return 1
		}
		return a - b
	})
	ranks := make([]float64, len(v))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && v[order[to]] == v[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return ranks
}

// logitInterval falls back on the plain one at 0 and 1, where a logit has no value; an area of exactly 1 is then known as well
// as its size allows (the rule of three).
func logitInterval(p, se float64, n int) (low, high float64) {
	if p <= 0 || p >= 1 || se == 0 {
		width := max(z95*se, 3/float64(n))
		return max(0, p-width), min(1, p+width)
	}
	logit, half := math.Log(p/(1-p)), z95*se/(p*(1-p))
	return 1 / (1 + math.Exp(half-logit)), 1 / (1 + math.Exp(-half-logit))
}
