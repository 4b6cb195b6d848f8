package insight

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table prints the funnel for a terminal.
func (f Funnel) table(w io.Writer) error {
	t := table{{"stage", "", "now", "entered", "judged", "went on", "conversion", "95 % interval", ""}}
	for _, s := range f.Stages {
		rate, between := "-", ""
		if s.Conversion != nil {
			rate, between = percent(s.Conversion.Rate), percent(s.Conversion.Low)+" to "+percent(s.Conversion.High)
		}
		t = append(t, []string{s.Stage.EN, s.Stage.ZH, count(s.Open), count(s.Entered), count(s.Matured), count(s.Reached), rate, between, note(s.Note)})
	}
	return t.write(w, f.Note)
}

// table prints the forecast for a terminal.
func (f Forecast) table(w io.Writer) error {
	value := "value"
	if f.Currency != "" {
		value += " " + f.Currency
	}
	t := table{{"stage", "", "open", "won of", "past", "wins", "80 % band", value, "80 % band", ""}}
	for _, s := range append(append([]StageForecast{}, f.Stages...), f.Total) {
		won, past := count(s.Won), count(s.Matured)
		if s.Stage.ID == "" { // the total
			won, past = "", ""
		}
		t = append(t, []string{
			s.Stage.EN, s.Stage.ZH, count(s.Open), won, past,
			s.Wins.middle(1), s.Wins.ends(), s.Value.middle(0), s.Value.ends(), note(s.Note),
		})
	}
	return t.write(w, f.Note)
}

func (b *Band) middle(decimals int) string {
	if b == nil {
		return "-"
	}
	return grouped(b.Mean, decimals)
}

func (b *Band) ends() string {
	if b == nil {
		return ""
	}
	return grouped(b.P10, 0) + " to " + grouped(b.P90, 0)
}

func note(t *Text) string {
	if t == nil {
		return ""
	}
	return t.EN
}

func percent(rate float64) string { return fmt.Sprintf("%.1f %%", 100*rate) }

// grouped writes 1234567 as 1,234,567.
func grouped(v float64, decimals int) string {
	text := fmt.Sprintf("%.*f", decimals, v)
	whole, fraction, _ := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// table is rows of cells; the first is the heading. The first two and the last column stand left, numbers right.
type table [][]string

func (t table) write(w io.Writer, note Text) error {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	var b strings.Builder
	for _, row := range t {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-columns(cell))
			if i < 2 || i == len(row)-1 {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if note != (Text{}) {
		fmt.Fprintf(&b, "\n%s\n%s\n", note.EN, note.ZH)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columns is the width on a terminal, where a Chinese character takes two cells.
func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x2e80 {
			n++
		}
	}
	return n
}
