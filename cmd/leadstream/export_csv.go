package main

import (
	"encoding/csv"
	"io"
	"strconv"
)

// copyWithoutFormulas copies CSV and puts a quote before each text that a spreadsheet would run: a visitor chooses its name
// and the title of a page. A number keeps its minus.
func copyWithoutFormulas(to io.Writer, from io.Reader) error {
	in, out := csv.NewReader(from), csv.NewWriter(to)
	in.ReuseRecord = true
	for {
		record, err := in.Read()
		if err == io.EOF {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		for i, text := range record {
			record[i] = withoutFormula(text)
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
}

func withoutFormula(text string) string {
	if text == "" {
		return text
	}
	switch text[0] {
	case '=', '+', '-', '@', '\t', '\r':
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "'" + text
		}
	}
	return text
}
