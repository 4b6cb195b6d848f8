package model

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBadModels: every file of testdata/bad ends with the faults it must be
// refused for, all of them and no others.
func TestBadModels(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.bad.yml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	wanted := regexp.MustCompile(`(?m)^# want (.*)$`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, m := range wanted.FindAllSubmatch(text, -1) {
				want = append(want, "m.yml:"+string(m[1]))
			}
			_, err = Load(text, "m.yml")
			var faults *Faults
			if !errors.As(err, &faults) {
				t.Fatalf("loaded, or no Faults: %v", err)
			}
			got := strings.Split(err.Error(), "\n")
			for i := range max(len(got), len(want)) {
				g, w := "nothing", "nothing"
				if i < len(got) {
					g = got[i]
				}
				if i < len(want) {
					w = want[i]
				}
				if g != w {
					t.Errorf("fault %d:\n got %s\nwant %s", i, g, w)
				}
			}
		})
	}
}

// TestDefault: the built-in model is the example file, and it is whole.
func TestDefault(t *testing.T) {
	root, err := os.ReadFile("../../model.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(root, defaultFile) {
		t.Fatal("model.example.yml and scoring/model/default.yml differ: copy one over the other")
	}
	m := Default()
	if !regexp.MustCompile(`^default@[0-9a-f]{8}$`).MatchString(m.Version()) || m.Track() != "main" {
		t.Fatalf("version %q, track %q", m.Version(), m.Track())
	}
	var ids []string
	for _, s := range m.Stages() {
		ids = append(ids, s.ID)
		if s.EN == "" || s.ZH == "" || s.EN == s.ZH {
			t.Errorf("stage %s: %q, %q", s.ID, s.EN, s.ZH)
		}
	}
	if got := strings.Join(ids, " "); got != "visitor aware interest intent accepted opportunity won lost" {
		t.Fatalf("stages %s", got)
	}
	if len(m.rules) < 25 {
		t.Fatalf("%d rules", len(m.rules))
	}
	for _, r := range m.rules {
		if r.title == r.id || r.titleZH == r.title {
			t.Errorf("rule %s: %q, %q", r.id, r.title, r.titleZH)
		}
	}
}

// TestVersionIsContent: any change of the file is another version.
func TestVersionIsContent(t *testing.T) {
	a := Default().Version()
	m, err := Load(append(bytes.Clone(defaultFile), "# a comment\n"...), "x")
	if err != nil || m.Version() == a {
		t.Fatalf("%v, %v", m.Version(), err)
	}
}

func TestTooLargeModels(t *testing.T) {
	var many strings.Builder
	many.WriteString("version: 1\nname: many\nstages: [{id: a, up: 0}, {id: b, up: 1}]\nrules:\n")
	for i := range maxRules + 1 {
		fmt.Fprintf(&many, "  - {id: r%d, on: page, points: 1}\n", i)
	}
	if _, err := Load([]byte(many.String()), "m"); err == nil || !strings.Contains(err.Error(), "257 rules are too many, 256 is the most") {
		t.Fatal(err)
	}
	if _, err := Load(bytes.Repeat([]byte("#"), maxFile+1), "m"); err == nil || !strings.Contains(err.Error(), "1 MiB is the most") {
		t.Fatal(err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]int64{
		"15s": 15 * msSecond, "5m": 5 * msMinute, "7d": 7 * msDay, "1d12h": 36 * msHour, "2w": 14 * msDay, "0s": 0, "3ms": 3,
	} {
		got, err := parseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "7", "d", "7 d", "-1d", "1.5d", "99999999999d", "7x", "4000d", "1d1", "２d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q reads as %d", text, got)
		}
	}
	if got := formatDuration(36*msHour + 5); got != "1d12h5ms" {
		t.Error(got)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"points", "limit", "half_life"}
	for word, want := range map[string]string{
		"pionts": ` (did you mean "points"?)`, "Limits": ` (did you mean "limit"?)`, "zzzz": "", "": "",
		strings.Repeat("x", 1000): "",
	} {
		if got := suggest(word, known); got != want {
			t.Errorf("suggest(%.20q) = %s, want %s", word, got, want)
		}
	}
}
