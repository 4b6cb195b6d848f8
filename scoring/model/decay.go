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
	return a.under(scaleAt(t, h))
}

// scale is what an instant does to every sum of one half-life: a factor
// power * 2^-(whole+1), with power in (1, 2].
type scale struct {
	whole int32
	power float64
}

func scaleAt(t int64, h float64) scale {
	whole, fraction := halfLives(t, h)
	return scale{whole, exp2(1 - fraction)}
}

func (a accumulator) under(s scale) float64 {
	return math.Ldexp(float64(a.m*s.power), int(a.e)-int(s.whole)-1)
}

// moment is an instant at which many sums are read: rules that share a half-life
// share its scale. The rest are worked out one by one.
type moment struct {
	at     int64
	n      int
	lives  [6]float64
	scales [6]scale
}

// read is acc.at(moment), the same bits.
func (t *moment) read(a accumulator, h float64) float64 {
	if h == 0 || a.m == 0 {
		return a.m
	}
	for i := range t.n {
		if t.lives[i] == h {
			return a.under(t.scales[i])
		}
	}
	s := scaleAt(t.at, h)
	if t.n < len(t.lives) {
		t.lives[t.n], t.scales[t.n] = h, s
		t.n++
	}
	return a.under(s)
}

// exponent is an accumulator's whose newest value is of that day.
func exponent(day int32, halfLife float64) int32 {
	whole, _ := halfLives((int64(day)+1)*msDay, halfLife)
	return whole
}
