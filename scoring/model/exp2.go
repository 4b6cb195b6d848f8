package model

import "math"

// exp2 is 2^f for 0 <= f <= 1, by our own hand because a score must have the
// same bits on every machine: math.Exp2 is assembly on arm64, and a compiler may
// fuse a*b+c there unless the product is written float64(a*b).
//
// 2^f = 2^(i/32) * 2^r with |r| <= 1/64: a table, and a polynomial whose first
// dropped term is below 5e-21. Within 2 units in the last place of the true value.
func exp2(f float64) float64 {
	i := int(math.Floor(float64(f*32) + 0.5))
	r := f - float64(i)/32 // exact: both are multiples of 2^-53 close to each other
	p := exp2Poly[6]
	for n := 5; n >= 0; n-- {
		p = float64(p*r) + exp2Poly[n]
	}
	t := exp2Table[i]
	return t + float64(t*float64(p*r))
}

// exp2Table[i] is 2^(i/32), correctly rounded.
var exp2Table = [33]float64{
	0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0,
	0x1.11301d0125b51p+0, 0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0,
	0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0, 0x1.306fe0a31b715p+0,
	0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
	0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0,
	0x1.6247eb03a5585p+0, 0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0,
	0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0, 0x1.8ace5422aa0dbp+0,
	0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
	0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0,
	0x1.cb720dcef9069p+0, 0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0,
	0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0, 0x1.0000000000000p+1,
}

// exp2Poly[n] is ln(2)^(n+1) / (n+1)!.
var exp2Poly = [7]float64{
	0x1.62e42fefa39efp-1,
	0x1.ebfbdff82c58fp-3,
	0x1.c6b08d704a0c0p-5,
	0x1.3b2ab6fba4e77p-7,
	0x1.5d87fe78a6731p-10,
	0x1.430912f86c787p-13,
	0x1.ffcbfc588b0c7p-17,
}
