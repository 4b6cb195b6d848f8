package insight

import "strconv"

// records are the funnel as CSV: raw numbers, empty where there is none.
func (f Funnel) records() [][]string {
	out := [][]string{{"stage", "stage_en", "stage_zh", "open", "entered", "matured", "reached_next", "conversion", "conversion_low", "conversion_high"}}
	for _, s := range f.Stages {
		rate := []string{"", "", ""}
		if s.Conversion != nil {
			rate = []string{number(s.Conversion.Rate), number(s.Conversion.Low), number(s.Conversion.High)}
		}
		line := []string{s.Stage.ID, s.Stage.EN, s.Stage.ZH, count(s.Open), count(s.Entered), count(s.Matured), count(s.Reached)}
		out = append(out, append(line, rate...))
	}
	return out
}

// records are the forecast as CSV; the last line is the total.
func (f Forecast) records() [][]string {
	out := [][]string{{"stage", "stage_en", "stage_zh", "open", "matured", "won", "chance",
		"wins_mean", "wins_p10", "wins_p50", "wins_p90", "value_mean", "value_p10", "value_p50", "value_p90", "currency"}}
	for _, s := range append(append([]StageForecast{}, f.Stages...), f.Total) {
		chance := ""
		if s.Chance != nil {
			chance = number(*s.Chance)
		}
		line := []string{s.Stage.ID, s.Stage.EN, s.Stage.ZH, count(s.Open), count(s.Matured), count(s.Won), chance}
		line = append(line, s.Wins.csv()...)
		line = append(line, s.Value.csv()...)
		out = append(out, append(line, f.Currency))
	}
	return out
}

func (b *Band) csv() []string {
	if b == nil {
		return []string{"", "", "", ""}
	}
	return []string{number(b.Mean), number(b.P10), number(b.P50), number(b.P90)}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
func count(n uint64) string   { return strconv.FormatUint(n, 10) }
