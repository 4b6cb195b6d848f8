package learn

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Least is how much has to be there before anything is learned. Below it intervals are so wide that any set of points would
// pass; better to say so.
type Least struct {
	Leads    int // examples in all
	Won      int // of the older part, which learns; and as many that did not
	Judging  int // won, and not won, of the newer part, which judges
	Exposed  int // leads that met a rule before its weight is believed
	WonAmong int // wins among them
}

// DefaultLeast follows the practice of ten or more outcomes for what is estimated, and of 25 exposed for an association.
var DefaultLeast = Least{Leads: 200, Won: 40, Judging: 15, Exposed: 25, WonAmong: 5}

// NotEnough is too little to learn from: everything that lacks, with how much there is and how much is asked.
type NotEnough struct{ Lacks []string }

func (n *NotEnough) Error() string {
	text := "not enough data:"
	for i, lack := range n.Lacks {
		if i > 0 {
			text += ";"
		}
		text += " " + lack
	}
	return text
}

// ErrNoSignal says that the learned weights did no better than chance on the newest leads.
var ErrNoSignal = errors.New("no signal: on the newest leads the learned weights are not surely better than chance")

// Learned is what came of it.
type Learned struct {
	Model   Logistic `json:"logistic"`
	Penalty float64  `json:"penalty"`
	// Examples that learned, and that judged; the newest of the former chose the penalty.
	Older    int       `json:"older_leads"`
	Newer    int       `json:"newest_leads"`
	Features []Feature `json:"features"`
	// On the newer part: the regression's area, and that of its whole points.
	Area       Area        `json:"area"`
	PointsArea Area        `json:"points_area"`
	Calibrated Calibration `json:"calibration"`
	Deciles    []Decile    `json:"deciles"` // by points
}

// Feature is the evidence for one weight, from the older part.
type Feature struct {
	Name        string  `json:"rule"`
	Exposed     int     `json:"met"` // leads with a value above 0
	Won         int     `json:"won"` // those of them that won
	RateExposed float64 `json:"rate_met"`
	RateOthers  float64 `json:"rate_others"`
	// Odds ratio with its 95 % interval, a half added to each cell (Haldane and Anscombe); associated, not proved. All 0 where
	// everybody or nobody met the rule: there is nothing to compare.
	Odds        float64 `json:"odds"`
	OddsLow     float64 `json:"odds_low"`
	OddsHigh    float64 `json:"odds_high"`
	Coefficient float64 `json:"coefficient"`
	Points      int     `json:"points"`   // round(10 b/bmax)
	Believed    bool    `json:"believed"` // enough leads met it
}

// NewestShare is the part, by landmark, that judges; and of the rest, that chooses the penalty.
const NewestShare = 0.3

// penalties are tried from the largest: of two that do as well the larger stands.
var penalties = []float64{10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001}

// Train learns on the older part and judges on the newer. A *NotEnough or ErrNoSignal comes with what is known so far.
func Train(names []string, examples []Example, least Least) (Learned, error) {
	examples = slices.Clone(examples)
	slices.SortFunc(examples, func(a, b Example) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	older, newer := Split(examples)
	out := Learned{Older: len(older), Newer: len(newer)}
	if err := least.check(examples, older, newer); err != nil {
		return out, err
	}
	out.Features = evidence(names, older, least)
	for j, f := range out.Features {
		if !f.Believed { // a weight nobody would believe must not carry what belongs to the others
			older, newer = without(older, j), without(newer, j)
		}
	}
	var err error
	if out.Penalty, err = choosePenalty(older); err != nil {
		return out, err
	}
	if out.Model, err = fit(older, out.Penalty); err != nil {
		return out, err
	}
	out.points()
	return out, out.judge(newer)
}

// Split parts examples, which stand by landmark, into the older and the newest. All of one instant stay together.
func Split(examples []Example) (older, newer []Example) {
	at := len(examples) - int(math.Round(NewestShare*float64(len(examples))))
	for at > 0 && at < len(examples) && examples[at].At == examples[at-1].At {
		at++
	}
	return examples[:at], examples[at:]
}

func (least Least) check(all, older, newer []Example) error {
	var lacks []string
	want := func(have, want int, what string) {
		if have < want {
			lacks = append(lacks, fmt.Sprintf("%d %s, at least %d are needed", have, what, want))
		}
	}
	want(len(all), least.Leads, "leads old enough to be judged")
	want(wins(older), least.Won, "of the older 70 % won")
	want(len(older)-wins(older), least.Won, "of the older 70 % did not win")
	want(wins(newer), least.Judging, "of the newest 30 % won")
	want(len(newer)-wins(newer), least.Judging, "of the newest 30 % did not win")
	if lacks != nil {
		return &NotEnough{lacks}
	}
	return nil
}

func wins(examples []Example) (n int) {
	for i := range examples {
		if examples[i].Won {
			n++
		}
	}
	return n
}

// without takes a feature out, by making it say nothing.
func without(examples []Example, j int) []Example {
	out := slices.Clone(examples)
	for i := range out {
		out[i].X = slices.Clone(out[i].X)
		out[i].X[j] = 0
	}
	return out
}

// choosePenalty learns on the older of the older and looks at the newest of them: never at what judges in the end.
func choosePenalty(older []Example) (best float64, err error) {
	learning, choosing := Split(older)
	if wins(learning) == 0 || wins(choosing) == 0 {
		return penalties[0], nil
	}
	least := math.Inf(1)
	for _, penalty := range penalties {
		l, err := fit(learning, penalty)
		if err != nil {
			return 0, err
		}
		if loss := logLoss(l, choosing); loss < least-1e-9 {
			least, best = loss, penalty
		}
	}
	return best, nil
}

// points are whole numbers, 10 for the strongest weight.
func (l *Learned) points() {
	most := 0.0
	for _, b := range l.Model.Coefficients {
		most = max(most, b)
	}
	for j := range l.Features {
		f := &l.Features[j]
		f.Coefficient = l.Model.Coefficients[j]
		if f.Believed && most > 0 {
			f.Points = int(max(-100, math.Round(10*f.Coefficient/most)))
		}
	}
}

func (l *Learned) judge(newer []Example) error {
	values, chances, whole := make([]float64, len(newer)), make([]float64, len(newer)), make([]float64, len(newer))
	won := make([]bool, len(newer))
	for i := range newer {
		values[i], chances[i], won[i] = l.Model.Value(newer[i].X), l.Model.Chance(newer[i].X), newer[i].Won
		for j, f := range l.Features {
			whole[i] += float64(f.Points) * newer[i].X[j]
		}
	}
	l.Area, _ = AUC(values, won) // check has seen enough of either kind
	l.PointsArea, _ = AUC(whole, won)
	l.Calibrated, l.Deciles = Calibrate(chances, won), Lift(whole, won)
	if l.PointsArea.Chance() {
		return ErrNoSignal
	}
	return nil
}

func evidence(names []string, older []Example, least Least) []Feature {
	list := make([]Feature, len(names))
	total := wins(older)
	for j, name := range names {
		f := Feature{Name: name}
		for i := range older {
			if older[i].X[j] > 0 {
				f.Exposed++
				if older[i].Won {
					f.Won++
				}
			}
		}
		others, wonOthers := len(older)-f.Exposed, total-f.Won
		f.RateExposed, f.RateOthers = rate(f.Won, f.Exposed), rate(wonOthers, others)
		a, b := float64(f.Won)+.5, float64(f.Exposed-f.Won)+.5
		c, d := float64(wonOthers)+.5, float64(others-wonOthers)+.5
		se := math.Sqrt(1/a + 1/b + 1/c + 1/d)
		if f.Exposed > 0 && others > 0 {
			f.Odds = a * d / (b * c)
			f.OddsLow, f.OddsHigh = f.Odds*math.Exp(-z95*se), f.Odds*math.Exp(z95*se)
		}
		// A rule that takes points is met by few winners: as many wins as expected by chance would do, too.
		expected := float64(total) * float64(f.Exposed) / float64(max(1, len(older)))
		f.Believed = f.Exposed >= least.Exposed && max(float64(f.Won), expected) >= float64(least.WonAmong)
		list[j] = f
	}
	return list
}

func rate(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}
