package model

import (
	"errors"
	"strings"
	"testing"
)

// TestFaultsStandWhereTheyAre: however YAML writes an expression, the fault's line and column are those of the word in
// the file.
func TestFaultsStandWhereTheyAre(t *testing.T) {
	for name, when := range map[string]string{
		"plain":              `path == "/a" and wrong == 1`,
		"plain, two lines":   "path == \"/a\"\n        and wrong == 1",
		"double quotes":      `"path == \"/a\" and wrong == 1"`,
		"double, escapes":    `"path == \"\\\\\u00e4\x41\" and\twrong == 1"`,
		"double, two lines":  "\"path == \\\"/a\\\" and\n        wrong == 1\"",
		"double, joined":     "\"path == \\\"/a\\\" \\\n        and wrong == 1\"",
		"single quotes":      `'path == "it''s" and wrong == 1'`,
		"single, two lines":  "'path == \"a''b\"\n        and wrong == 1'",
		"block":              "|\n      path == \"/a\"\n        and wrong == 1",
		"folded":             ">\n      path == \"/a\"\n      and wrong == 1",
		"folded, deeper":     ">\n      path ==\n      \"/a\"\n        and\n\n      wrong == 1",
		"folded, cut":        ">-\n      path == \"/a\" and\n      wrong == 1",
		"folded, Chinese":    ">\n      path == \"价格 页\"\n      and title == \"页\" and wrong == 1",
		"block, blank first": "|\n\n      wrong == 1",
	} {
		text := "version: 1\nname: x\nrules:\n  - id: a\n    on: page\n    points: 1\n    when: " + when + "\nstages: [{id: a, up: 0}, {id: b, up: 1}]\n"
		_, err := Load([]byte(text), "m.yml")
		var faults *Faults
		if !errors.As(err, &faults) || len(faults.List) != 1 || !strings.Contains(faults.List[0].Message, `unknown name "wrong"`) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, _, _ := strings.Cut(text, "wrong")
		line := 1 + strings.Count(before, "\n")
		column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		if f := faults.List[0]; f.Line != line || f.Column != column {
			t.Errorf("%s: %d:%d, want %d:%d", name, f.Line, f.Column, line, column)
		}
	}
}
