package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fileOf(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// nested writes key: value as the YAML file has it.
func nested(key, value string) string {
	var b strings.Builder
	for depth, name := range strings.Split(key, ".") {
		if depth > 0 {
			b.WriteString("\n" + strings.Repeat("  ", depth))
		}
		b.WriteString(name + ":")
	}
	return b.String() + " " + value + "\n"
}

// One value, one meaning: the file, the environment and the command line must not read it differently.
func TestAllSourcesReadAValueAlike(t *testing.T) {
	for key, values := range map[string][]string{
		"intake.listen":    {":8080", "::1", "a b", "true", "8080", "1e3", "0x1F", "1_000", "~tilde"},
		"intake.timeout":   {"100ms", "7d", "1h30m", "0", "30", "soon", "1.5h"},
		"intake.max_body":  {"64MiB", "4096", "1.5KiB", "0x10", "1_000", "-1", "1e6"},
		"intake.debug":     {"true", "false", "yes", "1", "True"},
		"store.ratio":      {"0.5", "1", "1e-3", ".5", "2", "-0.1", "0x1p-2", "half", ".inf", "inf", "0.1_1"},
		"store.shards":     {"0", "255", "256", "-1", "0x10", "0o7", "010", "1_0", "1.0", "13"},
		"store.batch.rows": {"1", "100000", "100001", "+7", "007", "0b11", "9223372036854775808"},
	} {
		for _, value := range values {
			var results []string
			for _, opts := range []Options{
				{File: fileOf(t, nested(key, value))},
				{Prefix: "APP", Env: []string{EnvName("APP", key) + "=" + value}},
				{Set: []string{key + "=" + value}},
			} {
				c := defaults()
				_, err := Load(c, opts)
				text := ""
				if err != nil {
					_, text, _ = strings.Cut(err.Error(), key+": ") // the places differ, the reason must not
					require.NotEmpty(t, text, "%v", err)
				}
				results = append(results, fmt.Sprintf("%+v %s", c, text))
			}
			require.Equal(t, results[0], results[1], "file and environment: %s=%s", key, value)
			require.Equal(t, results[0], results[2], "file and command line: %s=%s", key, value)
		}
	}
}

// Every key, misspelt by one letter in every way a finger slips, is refused by name, and the right one is offered.
func TestEveryMisspeltKeyIsRefusedAndTheRightOneOffered(t *testing.T) {
	s := mustDescribe(reflect.TypeFor[tree]())
	tried := 0
	for key := range s.scalarKeys() {
		path, name := "", key
		if cut := strings.LastIndex(key, "."); cut >= 0 {
			path, name = key[:cut+1], key[cut+1:]
		}
		for i := range name {
			for _, slip := range []string{name[:i] + name[i+1:], name[:i] + "q" + name[i+1:], name[:i] + "q" + name[i:]} {
				wrong := path + slip
				_, err := Load(defaults(), Options{File: fileOf(t, nested(wrong, "1"))})
				require.ErrorContains(t, err, fmt.Sprintf("%s: unknown key; did you mean %q?", wrong, key))
				_, err = Load(defaults(), Options{Set: []string{wrong + "=1"}})
				require.ErrorContains(t, err, fmt.Sprintf("--set: %s: unknown key; did you mean %q?", wrong, key))
				name := EnvName("APP", wrong)
				_, err = Load(defaults(), Options{Prefix: "APP", Env: []string{name + "=1"}})
				require.ErrorContains(t, err, fmt.Sprintf("%s: unknown variable; did you mean %s?", name, EnvName("APP", key)))
				tried++
			}
		}
	}
	require.Greater(t, tried, 100)
}

func TestOddYAMLIsRefusedNotGuessedAt(t *testing.T) {
	for text, want := range map[string]string{
		"- a\n- b\n":                              ":1:1: must be a section of keys (got a list)",
		"just words\n":                            ":1:1: must be a section of keys (got a single value)",
		"intake: &a\n  listen: *a\n":              "intake.listen: must be a single value (got keys)",
		"intake:\n  listen: &a *a\n":              "is not YAML: ",
		"~: c\n":                                  ":1:1: a key must be one plain word",
		"? {a: b}\n: c\n":                         "is not YAML: ",
		"intake:\n\tlisten: x\n":                  "is not YAML: ",
		"intake:\n  doors: [{name: a}, [b]]\n":    "intake.doors[1]: must be a section of keys (got a list)",
		"workers:\n":                              "workers: must be a map of named entries (got nothing); write {} for none",
		"workers: {a: {size: x}, a: {size: 2}}\n": "workers.a: stands here a second time, first in line 1",
		"intake:\n  origins: [a, [b]]\n":          "intake.origins[1]: must be a single value (got a list)",
	} {
		_, err := Load(defaults(), Options{File: fileOf(t, text)})
		require.ErrorContains(t, err, want, "%s", text)
	}
}

func TestTagsAndAnchorsOfWholeValuesAreRead(t *testing.T) {
	c := defaults()
	_, err := Load(c, Options{File: fileOf(t, `
intake:
  listen: &addr !!str 8080
  origins: [*addr, "b"]
  doors: []
store:
  password: |
    two
    lines
  level: 'high'
workers: {}
`)})
	require.NoError(t, err)
	require.Equal(t, "8080", c.Intake.Listen)
	require.Equal(t, []string{"8080", "b"}, c.Intake.Origins)
	require.Empty(t, c.Intake.Doors, "the default list is replaced, not kept beside")
	require.Empty(t, c.Workers)
	require.Equal(t, "two\nlines\n", c.Store.Password.Reveal())
}
