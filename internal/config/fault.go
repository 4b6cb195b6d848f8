package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with the configuration.
type Fault struct {
	Where string // file, environment name, --set, or "" when only a default is to blame
	Line  int    // 1-based; 0 outside the file
	Col   int    // 1-based; 0 where only the line matters
	Key   string // full key, such as sink.batch.rows; "" when no key is meant
	Text  string // what is wrong, and what would be right
}

// Error writes config.yml:12:5: sink.batch.rows: must be 1..100000 (got 0), leaving out what is not known.
func (f Fault) Error() string {
	var b strings.Builder
	if f.Where != "" {
		b.WriteString(f.Where)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
			if f.Col > 0 {
				fmt.Fprintf(&b, ":%d", f.Col)
			}
		}
		b.WriteString(": ")
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// Faults is every fault of one Load, the file's first and in its order. Its text has one line a fault.
type Faults struct{ List []Fault }

func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, fault := range f.List {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Fault.
func (f *Faults) Unwrap() []error {
	errs := make([]error, len(f.List))
	for i, fault := range f.List {
		errs[i] = fault
	}
	return errs
}

// joinFaults sorts, drops repeats (a section may validate its children, and so do we) and returns nil for none.
func joinFaults(list []Fault) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Fault) int {
		// Places in the file first, by line; the rest keep the order they were found in: environment, --set, defaults.
		if inFile := cmp.Compare(min(b.Line, 1), min(a.Line, 1)); inFile != 0 {
			return inFile
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(f Fault) bool {
		text := f.Error()
		repeat := seen[text]
		seen[text] = true
		return repeat
	})
	return &Faults{List: list}
}

// Problems gathers what a section's Validate finds, so that it can report everything and still read as a list of rules:
//
//	var p config.Problems
//	p.Check(c.Rows >= 1 && c.Rows <= 100_000, "batch.rows", "must be 1..100000 (got %d)", c.Rows)
//	return p.Err()
//
// Keys are relative to the section; Load puts the full key and the file's line in front.
type Problems struct{ errs []error }

// Check adds a problem with key unless ok holds.
func (p *Problems) Check(ok bool, key, format string, args ...any) {
	if !ok {
		p.errs = append(p.errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
}

// Err joins the problems, nil for none.
func (p *Problems) Err() error { return errors.Join(p.errs...) }
