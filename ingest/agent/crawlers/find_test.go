package crawlers

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func samples(t testing.TB) []string {
	text, err := os.ReadFile("testdata/samples.txt")
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// The package's own samples, all of them.
func TestEverySampleIsFound(t *testing.T) {
	list := samples(t)
	require.Len(t, list, 2118)
	for _, sample := range list {
		c, found := Default().Find(sample)
		require.True(t, found, sample)
		require.Regexp(t, c.Pattern, sample)
		require.NotEmpty(t, c.Kind)
	}
}

// The filter in front finds what the patterns one after the other would.
func TestTheFilterLosesNothing(t *testing.T) {
	type plain struct{ kind, pattern string }
	var all []plain
	var compiled []*regexp.Regexp
	for line := range strings.Lines(listText) {
		if kind, pattern, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && !strings.HasPrefix(line, "#") {
			all = append(all, plain{kind, pattern})
			compiled = append(compiled, regexp.MustCompile(pattern))
		}
	}
	require.Len(t, all, 1500)
	list := samples(t)
	for i := 0; i < len(list); i += 7 { // all of them take a while
		for _, text := range []string{list[i], strings.ToLower(list[i]), "x" + list[i] + "/y", list[i][:len(list[i])/2]} {
			want := plain{}
			for n, p := range compiled {
				if p.MatchString(text) {
					want = all[n]
					break
				}
			}
			got, found := Default().Find(text)
			require.Equal(t, want, plain{got.Kind, got.Pattern}, text)
			require.Equal(t, want.pattern != "", found)
		}
	}
}

// list.tsv says which release it was made of: the one that the lock pins.
func TestTheListIsThePinnedOne(t *testing.T) {
	text, err := os.ReadFile("npm/package-lock.json")
	require.NoError(t, err)
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	require.NoError(t, json.Unmarshal(text, &lock))
	pinned := lock.Packages["node_modules/crawler-user-agents"]
	require.Contains(t, listText, "\n# crawler-user-agents "+pinned.Version+" "+pinned.Integrity+"\n", "run make generate")
	require.Equal(t, pinned.Version, Default().Version())
	license, err := os.ReadFile("list.LICENSE")
	require.NoError(t, err)
	require.Contains(t, string(license), "MIT")
}

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"

func BenchmarkFind(b *testing.B) {
	list := samples(b)
	Default()
	b.Run("person", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Default().Find(chrome)
		}
	})
	b.Run("robots", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			Default().Find(list[i%len(list)])
			i++
		}
	})
	b.Run("person_joined_expression", func(b *testing.B) {
		var all []string
		for _, r := range Default().crawlers {
			all = append(all, "(?:"+r.Pattern+")")
		}
		joined := regexp.MustCompile(strings.Join(all, "|"))
		for b.Loop() {
			joined.MatchString(chrome)
		}
	})
}
