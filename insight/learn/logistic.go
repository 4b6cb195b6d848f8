package learn

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Example is one lead at its landmark.
type Example struct {
	// At is the landmark, Unix ms: it decides what is old and what is new.
	At int64
	// ID breaks ties of At, so that the split does not depend on the order of reading.
	ID string
	// X is what was known then, one value a feature.
	X   []float64
	Won bool
}

// Logistic is a fitted L2 logistic regression. Coefficients are per unit of a feature as it was given.
type Logistic struct {
	Intercept    float64   `json:"intercept"`
	Coefficients []float64 `json:"coefficients"`
}

// Value is the linear predictor.
func (l Logistic) Value(x []float64) float64 {
	v := l.Intercept
	for j, b := range l.Coefficients {
		v += b * x[j]
	}
	return v
}

// Chance is the probability of winning.
func (l Logistic) Chance(x []float64) float64 { return 1 / (1 + math.Exp(-l.Value(x))) }

// fit minimises mean log-loss + penalty/2 * |b|², b being the coefficients of features scaled to a standard deviation of 1: a
// penalty treats a rule met by everybody and a rare one alike only when their scales are. The intercept is not penalised.
// Newton's method: the objective is strictly convex, so that it ends in its one minimum.
func fit(examples []Example, penalty float64) (Logistic, error) {
	if len(examples) == 0 {
		return Logistic{}, errors.New("learn: no examples")
	}
	scales := spreads(examples)
	p := len(scales) + 1
	beta := make([]float64, p)
	row := make([]float64, p)
	for range 100 {
		gradient, hessian := make([]float64, p), mat.NewSymDense(p, nil)
		derive(examples, scales, beta, row, gradient, hessian)
		for j := 1; j < p; j++ {
			gradient[j] += penalty * beta[j]
			hessian.SetSym(j, j, hessian.At(j, j)+penalty)
		}
		var factor mat.Cholesky
		if !factor.Factorize(hessian) {
			return Logistic{}, errors.New("learn: the features cannot be told apart; a larger penalty is needed")
		}
		var step mat.VecDense
		if err := factor.SolveVecTo(&step, mat.NewVecDense(p, gradient)); err != nil {
			return Logistic{}, err
		}
		// Far from the minimum a full step may overshoot: no coefficient moves by more than 2 at once.
		largest := 0.0
		for j := range beta {
			largest = max(largest, math.Abs(step.AtVec(j)))
		}
		shrink := min(1, 2/max(largest, 1e-300))
		for j := range beta {
			beta[j] -= shrink * step.AtVec(j)
		}
		if largest < 1e-10 {
			break
		}
	}
	l := Logistic{Intercept: beta[0], Coefficients: make([]float64, p-1)}
	for j, s := range scales {
		if s > 0 {
			l.Coefficients[j] = beta[j+1] / s
		}
	}
	return l, nil
}

// derive adds up gradient and Hessian of the mean log-loss.
func derive(examples []Example, scales, beta, row, gradient []float64, hessian *mat.SymDense) {
	n := float64(len(examples))
	p := len(beta)
	upper := make([]float64, p*p)
	met := make([]int, 0, p)
	for i := range examples {
		row[0], met = 1, append(met[:0], 0)
		v := beta[0]
		for j, s := range scales {
			row[j+1] = 0
			if x := examples[i].X[j]; x != 0 && s > 0 {
				row[j+1] = x / s
				v += beta[j+1] * row[j+1]
				met = append(met, j+1)
			}
		}
		chance := 1 / (1 + math.Exp(-v))
		miss, weight := (chance-truth(examples[i].Won))/n, max(chance*(1-chance), 1e-12)/n
		for a, j := range met { // most leads meet few rules
			gradient[j] += miss * row[j]
			for _, k := range met[a:] {
				upper[j*p+k] += weight * row[j] * row[k]
			}
		}
	}
	for j := range p {
		for k := j; k < p; k++ {
			hessian.SetSym(j, k, upper[j*p+k])
		}
	}
}

// spreads are the features' standard deviations; 0 where a feature never changes, and then it has no coefficient.
func spreads(examples []Example) []float64 {
	p := len(examples[0].X)
	sums, squares := make([]float64, p), make([]float64, p)
	for i := range examples {
		for j, x := range examples[i].X {
			sums[j] += x
			squares[j] += x * x
		}
	}
	n := float64(len(examples))
	for j := range sums {
		variance := squares[j]/n - sums[j]/n*sums[j]/n
		if variance <= 1e-12*max(1, squares[j]/n) {
			variance = 0
		}
		sums[j] = math.Sqrt(variance)
	}
	return sums
}

// logLoss is the mean; chances are kept off 0 and 1, where one surprise would cost everything.
func logLoss(l Logistic, examples []Example) float64 {
	sum := 0.0
	for i := range examples {
		p := min(1-1e-9, max(1e-9, l.Chance(examples[i].X)))
		if !examples[i].Won {
			p = 1 - p
		}
		sum -= math.Log(p)
	}
	return sum / float64(len(examples))
}
