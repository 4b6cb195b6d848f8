package config

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestSizesReadAndWriteTheSameNumber(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "4096": 4096, "1B": 1, "64MiB": 64 << 20, "64 MiB": 64 << 20, "1.5KiB": 1536, "1GB": 1e9, "2kB": 2000, "2KB": 2000, "3TiB": 3 << 40,
		"9223372036854775807": math.MaxInt64, // a float could not hold it
	} {
		var s, again Size
		require.NoError(t, s.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, s, text)
		require.NoError(t, again.UnmarshalText([]byte(s.String())), s.String())
		require.Equal(t, s, again, s.String())
	}
	for _, text := range []string{"", "MiB", "-1", "1e3", "1.5B", "0.3KiB", "64M", "64 mib", "NaN", "9223372036854775808", "9999999TiB", "1.2.3", "0x10"} {
		var s Size
		require.ErrorIs(t, s.UnmarshalText([]byte(text)), errSize, text)
	}
}

func TestDurationsKnowDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "100ms": 100 * time.Millisecond, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "-5s": -5 * time.Second, "65535d": 65535 * 24 * time.Hour,
	} {
		d, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, d, text)
	}
	for _, text := range []string{"", "5", "d", "-1d", "1d-2h", "1d2d", "65536d", "1d2562047h", "soon"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	type holder struct {
		Word Secret `json:"word" yaml:"word"`
	}
	h := holder{"hunter2"}
	asJSON, err := json.Marshal(h)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(h)
	require.NoError(t, err)
	effective, err := Effective(&h)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(h), fmt.Sprintf("%v %+v %#v %s %q", h, h, h, h.Word, h.Word), fmt.Sprintf("%#v", h.Word), string(asJSON), string(asYAML), string(effective),
	} {
		require.NotContains(t, text, "hunter2")
		require.Contains(t, text, redacted)
	}
	require.Equal(t, "hunter2", h.Word.Reveal())
	require.Empty(t, Secret("").String(), "not set can be told from set")
}

func TestSecretsComeFromWhereTheyAreKept(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	full, empty := write("full", "from a file\r\n"), write("empty", "\n")
	for raw, want := range map[string]string{"plain": "plain", "env:WORD": "from env", "file:" + full: "from a file", "": ""} {
		c := defaults()
		_, err := Load(c, Options{Set: []string{"store.password=" + raw}, Env: []string{"WORD=from env"}})
		require.NoError(t, err, raw)
		require.Equal(t, want, c.Store.Password.Reveal(), raw)
	}
	_, err := Load(defaults(), Options{Set: []string{"store.password=file:" + empty}})
	require.EqualError(t, err, "--set: store.password: names the file "+empty+", which is empty")
	_, err = Load(defaults(), Options{Set: []string{"store.password=env:WORD"}, Env: []string{"WORD="}})
	require.EqualError(t, err, "--set: store.password: names the environment variable WORD, which is not set")
}

func TestASecretInAMapIsResolvedInPlace(t *testing.T) {
	c := struct {
		Keys map[string]door `yaml:"keys"`
	}{map[string]door{"a": {Name: "a", Key: "env:WORD"}}}
	_, err := Load(&c, Options{Env: []string{"WORD=w"}})
	require.NoError(t, err)
	require.Equal(t, Secret("w"), c.Keys["a"].Key)
}

func TestAnyTextTypeIsAValue(t *testing.T) {
	c := struct {
		Addr netip.AddrPort `yaml:"addr"`
	}{}
	_, err := Load(&c, Options{Set: []string{"addr=127.0.0.1:80"}})
	require.NoError(t, err)
	text, err := Effective(&c)
	require.NoError(t, err)
	require.Equal(t, "addr: 127.0.0.1:80\n", string(text))
	_, err = Load(&c, Options{Set: []string{"addr=here"}})
	require.ErrorContains(t, err, `--set: addr: not an ip:port (got "here")`)
}

func TestEffectiveIsTheConfigInForce(t *testing.T) {
	c := defaults()
	_, err := Load(c, Options{File: "testdata/full.good.yml"})
	require.NoError(t, err)
	text, err := Effective(c)
	require.NoError(t, err)
	require.Equal(t, `intake:
  listen: 127.0.0.1:8080
  timeout: 180h0m0s
  max_body: 512KiB
  origins:
    - https://a.example
    - "8080"
  doors:
    - name: front
      key: "***"
    - name: back
      key: "***"
  debug: true
store:
  batch:
    rows: 5000
    age: 250ms
  ratio: 0.25
  password: "***"
  shards: 255
  level: high
workers:
  one:
    size: 3
    tags:
      zone: eu
  two:
    size: 4
    tags:
      zone: eu
`, string(text))
	_, err = Effective(3)
	require.ErrorContains(t, err, "wants a struct")
}

func TestNearestFindsSlipsOfTheFingersOnly(t *testing.T) {
	known := []string{"listen", "timeout", "max_body", "tls", "id"}
	for word, want := range map[string]string{
		"listne": "listen", "Listen": "listen", "lisen": "listen", "time_out": "timeout", "maxbody": "max_body", "tsl": "tls", "if": "id",
		"": "", "x": "", "tables": "", "completely": "", "timestamp": "",
	} {
		require.Equal(t, want, Nearest(word, known), word)
	}
	require.Equal(t, 2, edits("ab", ""))
	require.Equal(t, 1, edits("ab", "ba"))
}

// Whatever an operator's file holds, the answer is a config or a list of faults that all name their place.
func FuzzLoadNeverPanics(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("intake: &a [*a]\nworkers: {x: *a}\n? [a]: b\n!!str store: ~\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "f.yml")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		c := defaults()
		if _, err := Load(c, Options{File: file}); err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		_, err := Effective(c)
		require.NoError(t, err)
	})
}
