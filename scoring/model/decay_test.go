package model

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigExp2 is 2^x to 100 bits: the whole part is a shift, the fraction is a
// product of square roots of two.
func bigExp2(x *big.Float) *big.Float {
	whole, _ := x.Int(nil)
	if x.Sign() < 0 {
		whole.Sub(whole, big.NewInt(1))
	}
	f := new(big.Float).SetPrec(160).Sub(x, new(big.Float).SetInt(whole))
	out := new(big.Float).SetPrec(160).SetInt64(1)
	root := new(big.Float).SetPrec(160).SetInt64(2)
	half := big.NewFloat(0.5)
	for range 100 {
		root.Sqrt(root)
		if f.Cmp(half) >= 0 {
			out.Mul(out, root)
			f.Sub(f, half)
		}
		f.Mul(f, big.NewFloat(2))
	}
	return out.SetMantExp(out, int(whole.Int64()))
}

func TestExp2(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 2000 {
		f := rng.Float64()
		switch i {
		case 0:
			f = 0
		case 1:
			f = 1
		case 2:
			f = math.Nextafter(1, 0)
		}
		want, _ := bigExp2(new(big.Float).SetPrec(160).SetFloat64(f)).Float64()
		got := exp2(f)
		if ulp := math.Nextafter(want, 3) - want; math.Abs(got-want) > 2*ulp {
			t.Fatalf("exp2(%v) = %v, want %v", f, got, want)
		}
	}
	if exp2(0) != 1 || exp2(1) != 2 {
		t.Fatalf("exp2(0), exp2(1) = %v, %v", exp2(0), exp2(1))
	}
}

// TestAccumulator compares forward decay with the definition, in 100 bits, over a
// century and over half-lives from a day to years.
func TestAccumulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, h := range []float64{0, 1, 1.5, 7, 14, 30, 365.25} {
		for range 8 {
			var acc accumulator
			sum := func(at int64) *big.Float { return new(big.Float).SetPrec(160) }(0)
			day := int64(18000)
			type paid struct {
				v   float64
				end int64
			}
			var all []paid
			for range 100 {
				day += rng.Int64N(400)
				v := float64(rng.IntN(200) - 60)
				acc.add(v, day, h)
				all = append(all, paid{v, day})
			}
			at := day*msDay + rng.Int64N(30*msDay)
			size := 0.0
			for _, p := range all {
				term := new(big.Float).SetPrec(160).SetFloat64(p.v)
				if h > 0 {
					age := new(big.Float).SetPrec(160).SetInt64(p.end*msDay - at)
					age.Quo(age, new(big.Float).SetInt64(msDay))
					age.Quo(age, big.NewFloat(h))
					term.Mul(term, bigExp2(age))
				}
				sum.Add(sum, term)
				f, _ := term.Float64()
				size += math.Abs(f)
			}
			want, _ := sum.Float64()
			if got := acc.at(at, h); math.Abs(got-want) > 1e-12*max(size, 1e-300) {
				t.Fatalf("half-life %v: %v, want %v", h, got, want)
			}
		}
	}
}

// TestAccumulatorHalves: after each half-life exactly half is left.
func TestAccumulatorHalves(t *testing.T) {
	var acc accumulator
	acc.add(24, 20000, 7)
	v := acc.at(20000*msDay, 7)
	if math.Abs(v-24) > 1e-14 {
		t.Fatalf("at the end of its day: %v", v)
	}
	for n := int64(1); n < 100; n++ {
		got := acc.at((20000+7*n)*msDay, 7)
		if want := math.Ldexp(v, -int(n)); math.Abs(got-want) > want*1e-12 {
			t.Fatalf("after %d half-lives: %v, want %v", n, got, want)
		}
	}
	if got := acc.at(2_000_000*msDay, 7); got != 0 {
		t.Fatalf("after 5000 years %v is left", got)
	}
}

func TestNeverFades(t *testing.T) {
	var acc accumulator
	acc.add(-40, 20000, 0)
	acc.add(5, 20500, 0)
	if got := acc.at(latest, 0); got != -35 {
		t.Fatalf("%v, want -35", got)
	}
}
