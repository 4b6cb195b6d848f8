package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScripts plays every script of testdata against the default model.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.score")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts found: %v", err)
	}
	m := Default()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range RunScript(m, file, text) {
				t.Error(f)
			}
		})
	}
}

// TestScriptsOfTheReadme: the example a reader sees first is true.
func TestScriptsOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var example []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			example = append(example, code)
		}
	}
	if len(example) < 5 {
		t.Fatalf("no example: %q", example)
	}
	for _, f := range RunScript(Default(), "README.md", []byte(strings.Join(example, "\n"))) {
		t.Error(f)
	}
	for _, key := range ScriptFields() {
		if !strings.Contains(string(text), key) {
			t.Errorf("the README does not name the field %q", key)
		}
	}
}

// TestScriptsFail: each of these lines must be caught, at its line.
func TestScriptsFail(t *testing.T) {
	for line, want := range map[string]string{
		"at":                                "want: at TIME WHAT",
		"att 0m page /":                     `(did you mean "at"?)`,
		"at soon page /":                    "is no duration",
		"at 5m page /":                      "lies before the line above",
		"at 20m paeg /":                     `(did you mean "page"?)`,
		"at 20m dwell /nowhere 5s":          "first: at TIME page /nowhere",
		"at 20m scroll /pricing":            "how far?",
		"at 20m page / what":                "want key=value",
		`at 20m page "/`:                    "not closed",
		"start 2026-01-05":                  "before the first at",
		"lead":                              "want: lead NAME",
		"expect":                            "expect what?",
		"expect 13":                         "score: 15.00, want 13",
		"expect 15.1":                       "want 15.1",
		"expect aware":                      "stage: visitor, want aware",
		"expect nirvana":                    "is no score, no stage",
		"expect grade ?1":                   "grade: ?4, want ?1",
		"expect grade":                      "grade: which?",
		"expect sub identified":             "sub-stage: anonymous, want identified",
		"expect because docs":               "it gives nothing",
		"expect because dcos":               "the model has no rule",
		"expect 15 because pricing x2":      "x1, want x2",
		"expect moves aware":                "moves: visitor, want aware",
		"expect ledger pricing dup":         `"pricing dup" is not among`,
		"expect ledger nothing":             "is not among",
		"expect refused stale":              "refused: nothing, want stale",
		"expect falls 3d visitor":           "falls: never, want in 3d",
		"expect falls soon":                 "want: expect falls",
		"expect next intent":                "next: aware, want intent",
		"expect flags applicant":            "flags: , want applicant",
		"expect 15 visitor because pricing": "",
	} {
		text := "# a comment\nat 10m page /pricing\n" + line
		failures := RunScript(Default(), "x.score", []byte(text))
		if want == "" {
			if len(failures) > 0 {
				t.Errorf("%s: %v", line, failures)
			}
			continue
		}
		if len(failures) != 1 || failures[0].Line != 3 || !strings.Contains(failures[0].Message, want) {
			t.Errorf("%s: %v, want %q", line, failures, want)
		}
	}
}
