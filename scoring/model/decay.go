package model

import "math"

// accumulator is a sum of values that fade with one half-life h, kept by
// forward decay (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009):
// the value at t is m * 2^(e - t/h). Nothing has to be done as time passes, and
// e moves in whole half-lives, which is an exact change of the exponent: no
// overflow, no rounding, however many years apart the days are.
//
// h is in days; 0 means the values never fade, and then m is their plain sum.
type accumulator struct {
	m float64
	e int32
}

// Bounds of a half-life in days; 0, for ever, is apart.
const (
	minDays = 1
	maxDays = 3653
)

// halfLives splits an instant into whole half-lives since 1970 and the rest, a
// fraction in [0, 1). In whole milliseconds, because t/h as a float loses four
// digits of the fraction to the size of t.
func halfLives(t int64, h float64) (whole int32, fraction float64) {
	if !(h >= minDays && h <= maxDays) {
		h = minDays // not ours: Load and Restore refuse it, a stray ledger row must not divide by zero
	}
	period := int64(float64(h*float64(msDay)) + 0.5)
	k := t / period
	return int32(k), float64(t-k*period) / float64(period)
}

// add adds v, whose fading starts at the end of the day before endDay.
func (a *accumulator) add(v float64, endDay int64, h float64) {
	if v == 0 {
		return
	}
	if h == 0 {
		a.m += v
		return
	}
	k, fraction := halfLives(endDay*msDay, h)
	c := float64(v * exp2(fraction))
	switch {
	case a.m == 0:
		a.m, a.e = c, k
	case k > a.e:
		a.m, a.e = math.Ldexp(a.m, int(a.e)-int(k))+c, k
	default:
		a.m += math.Ldexp(c, int(k)-int(a.e))
	}
}

// at is the value at instant t, which must not lie before the last added day's end.
func (a accumulator) at(t int64, h float64) float64 {
	if h == 0 || a.m == 0 {
		return a.m
	}
	k, fraction := halfLives(t, h)
	shift := int(a.e) - int(k)
	if fraction == 0 {
		return math.Ldexp(a.m, shift)
	}
	return math.Ldexp(float64(a.m*exp2(1-fraction)), shift-1)
}
