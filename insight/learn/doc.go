// Package learn judges a score against what happened, and learns weights from it.
//
// Reads     examples: what was known of a lead at a landmark, and whether it won later
// Writes    areas under the curve, calibration, lift, coefficients; as values it returns
// Promises  what chooses is older than what judges: the newest examples are only looked at to
//
//	judge. The same examples give the same bits, whatever their order
//
// Refuses   to learn from too little (*NotEnough says of what), or from what holds no signal
//
// It is pure: it knows no model, table or clock.
package learn
