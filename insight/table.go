package insight

import "io"

// Grouped writes 1234567 as 1,234,567.
func Grouped(v float64) string { return grouped(v, 0) }

// WriteTable prints rows of cells under their heading, the first, for a terminal: the first two and the last column stand left,
// numbers right; a Chinese character takes two places. The notes, in English and 中文, stand below unless they are empty.
func WriteTable(w io.Writer, rows [][]string, note Text) error {
	if len(rows) == 0 {
		return nil
	}
	return table(rows).write(w, note)
}
