package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// suggest ends an "unknown key" fault: the sibling that was probably meant, else the same word elsewhere, else what is there.
func suggest(root, here *section, path, key string) string {
	if near := Nearest(key, here.keys); near != "" {
		return fmt.Sprintf("; did you mean %q?", join(path, near))
	}
	var elsewhere []string
	root.walk("", func(full string, _ reflect.Type) {
		if full == key || strings.HasSuffix(full, "."+key) {
			elsewhere = append(elsewhere, full)
		}
	})
	if len(elsewhere) == 1 {
		return fmt.Sprintf("; did you mean %q?", elsewhere[0])
	}
	return "; known here: " + strings.Join(here.keys, ", ")
}

// walk calls visit for every key that has a fixed path, sections and lists included; it does not enter lists and maps.
func (s *section) walk(path string, visit func(full string, t reflect.Type)) {
	for _, key := range s.keys {
		full, t := join(path, key), s.fields[key].typ
		visit(full, t)
		if t.Kind() == reflect.Struct && !isScalar(t) {
			mustDescribe(t).walk(full, visit)
		}
	}
}

// Nearest returns the known word closest to word, or "" when none is close enough to be a slip of the fingers:
// at most one edit in three letters, two at least for words of four and more.
func Nearest(word string, known []string) string {
	allowed := max(1, len(word)/3)
	if len(word) >= 4 {
		allowed = max(2, allowed)
	}
	best, distance := "", allowed+1
	for _, candidate := range known {
		if d := edits(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits counts insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
func edits(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// scalarKeys lists the keys that one word, or a comma separated list, can set.
func (s *section) scalarKeys() map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	s.walk("", func(full string, t reflect.Type) { keys[full] = t })
	return keys
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
