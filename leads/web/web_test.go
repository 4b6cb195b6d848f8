package web

import (
	"bytes"
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

// Every text is used somewhere, and every text that is asked for exists: a missing one would stop the page.
func TestWordsAreWhole(t *testing.T) {
	var source strings.Builder
	require.NoError(t, fs.WalkDir(files, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		source.Write(text)
		return err
	}))
	asked := map[string]bool{}
	for _, match := range regexp.MustCompile(`\bt "([a-z0-9_]+)"`).FindAllStringSubmatch(source.String(), -1) {
		asked[match[1]] = true
		require.Contains(t, words, match[1])
	}
	for key, text := range words {
		require.NotEmpty(t, text[0], key)
		require.NotEmpty(t, text[1], key)
		built := strings.HasPrefix(key, "act_") || strings.HasPrefix(key, "cause_") || strings.HasPrefix(key, "reason_") ||
			strings.HasSuffix(key, "_short") || key == "promote" || key == "demote" || key == "move"
		require.True(t, built || asked[key], "%q is said nowhere", key)
	}
}

func TestNothingIsInline(t *testing.T) {
	require.NoError(t, fs.WalkDir(files, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		require.NotRegexp(t, `(?i)\s(style|on[a-z]+)=|<style`, string(text), name)
		// html/template takes data-on... for a script and quotes its text.
		require.NotContains(t, string(text), "data-on", name)
		return err
	}))
	script, err := fs.ReadFile(files, "static/app.js")
	require.NoError(t, err)
	require.NotRegexp(t, `innerHTML|insertAdjacentHTML|document\.write|\beval\(`, string(script), "text from visitors must stay text")
}

func TestRenderNamesWhatItCannot(t *testing.T) {
	p, err := New()
	require.NoError(t, err)
	require.ErrorContains(t, p.Render(&bytes.Buffer{}, "nothing", View{Lang: "en"}), `no page "nothing"`)
	require.ErrorContains(t, p.Render(&bytes.Buffer{}, "hot", View{Lang: "en", Data: 1}), "page hot")
	var page bytes.Buffer
	require.NoError(t, p.Render(&page, "login", View{Lang: "klingon", Active: "login", Data: struct {
		Next  string
		Wrong bool
	}{`/"><script>`, true}}))
	require.Contains(t, page.String(), "Sign in", "an unknown language is English")
	require.NotContains(t, page.String(), `"><script>`)
}

func TestChooseListensToTheReader(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de-DE,de": "en", "zh": "zh", "zh-TW,en": "zh", "en-US,zh": "en", "fr;q=1, ZH-Hans-CN;q=0.5": "zh", ";;,,": "en",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", header)
		require.Equal(t, want, Choose(httptest.NewRecorder(), r), header)
	}
}

func TestNumbersReadWell(t *testing.T) {
	require.Equal(t, "0.0", fixed(-0.04, 1))
	require.Equal(t, "-0.1", fixed(-0.06, 1))
	require.Equal(t, "+0.0", signed(-0.01))
	require.Equal(t, "−12.5", signed(-12.5))
	require.Equal(t, "+3.0", signed(3))
	require.Equal(t, "1,234,567", grouped("1234567"))
	require.Equal(t, "-123", grouped("-123"))
	require.Equal(t, "0", share(-5, 100))
	require.Equal(t, "0", share(5, 0))
	require.Equal(t, "100.00", share(500, 100))
	require.Equal(t, []int{0, 0, 1, 2, 3, 4}, []int{heat(-3), heat(4.9), heat(5), heat(25), heat(50), heat(75)})
	require.Equal(t, "59 s", reading(59_999, 0))
	require.Equal(t, "1:05 分钟", reading(65_000, 1))
	require.Equal(t, "Ω", initial(" ωmega"))
	require.Equal(t, "/leads/x?track=a%26b", link("x", "a&b"))
	_, err := dict("a")
	require.Error(t, err)
	_, err = dict(1, 2)
	require.Error(t, err)
}

// Each cause that a stage row can have is said in its own words; the fallback is for rows of a newer build.
func TestEveryCauseHasWords(t *testing.T) {
	pages, err := New()
	require.NoError(t, err)
	for _, lang := range Languages {
		said := map[string]string{}
		for _, cause := range schemas.StageCauses {
			text, err := pages.funcs(lang)["cause"].(func(string) (string, error))(cause)
			require.NoError(t, err)
			require.Empty(t, said[text], "%s is said like %s", cause, said[text])
			said[text] = cause
		}
	}
	for key := range words {
		if cause, ok := strings.CutPrefix(key, "cause_"); ok {
			require.Contains(t, schemas.StageCauses, cause)
		}
	}
}
