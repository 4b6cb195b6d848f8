package learn

import (
	"cmp"
	"slices"

	"leadstream/insight"
)

// Decile is a tenth of the leads, the highest scores first.
type Decile struct {
	Leads float64 `json:"leads"`
	Won   float64 `json:"won"`
	// Highest and lowest score in it.
	From float64 `json:"from"`
	To   float64 `json:"to"`
	// Its rate over everybody's: 1 is no better than any lead.
	Lift float64 `json:"lift"`
}

// Lift cuts the leads into tenths by score. Leads of equal scores cannot be told apart, so those on both sides of a cut are
// shared out evenly: an order among them would be luck, and read as skill.
func Lift(scores []float64, won []bool) []Decile {
	const tenths = 10
	order := byScore(scores)
	total, wins := float64(len(scores)), 0.0
	for _, w := range won {
		if w {
			wins++
		}
	}
	if wins == 0 || len(scores) < tenths {
		return nil
	}
	list := make([]Decile, tenths)
	size := total / tenths
	for from := 0; from < len(order); {
		to, blockWins := from, 0.0
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			if won[order[to]] {
				blockWins++
			}
			to++
		}
		for d := range list {
			low, high := max(float64(from), float64(d)*size), min(float64(to), float64(d+1)*size)
			if high <= low {
				continue
			}
			if list[d].Leads == 0 {
				list[d].From = scores[order[from]]
			}
			list[d].Leads += high - low
			list[d].Won += blockWins * (high - low) / float64(to-from)
			list[d].To = scores[order[from]]
		}
		from = to
	}
	for d := range list {
		list[d].Lift = list[d].Won / list[d].Leads / (wins / total)
	}
	return list
}

func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	return order
}

// Calibration compares chances that were told with what happened.
type Calibration struct {
	// Brier is the mean squared error, 0 the best; Base is that of telling everybody the same rate.
	Brier float64 `json:"brier"`
	Base  float64 `json:"brier_of_the_rate"`
	Bins  []Bin   `json:"bins"`
}

// Bin is a row of the reliability table: leads that were told about the same chance.
type Bin struct {
	Leads    int              `json:"leads"`
	Told     float64          `json:"told"`
	Happened insight.Interval `json:"happened"`
}

// Calibrate makes up to ten bins of about equal size; equal chances are never parted.
func Calibrate(chances []float64, won []bool) Calibration {
	n := len(chances)
	if n == 0 {
		return Calibration{}
	}
	c := Calibration{}
	rate := 0.0
	for i, p := range chances {
		c.Brier += (p - truth(won[i])) * (p - truth(won[i])) / float64(n)
		rate += truth(won[i]) / float64(n)
	}
	c.Base = rate * (1 - rate)
	order := byScore(chances)
	slices.Reverse(order)
	for from := 0; from < n; {
		to, wins, told := from, 0.0, 0.0
		for to < n && (to-from < (n+9)/10 || chances[order[to]] == chances[order[to-1]]) {
			wins, told = wins+truth(won[order[to]]), told+chances[order[to]]
			to++
		}
		happened, _ := insight.Wilson(uint64(wins), uint64(to-from))
		c.Bins = append(c.Bins, Bin{to - from, told / float64(to-from), happened})
		from = to
	}
	return c
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
