package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every testdata/*.bad.yml says in its "# want:" lines exactly what Load answers, in order.
func TestEachBadFileIsRefusedWithItsFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yml")
	require.NoError(t, err)
	require.Greater(t, len(files), 15)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var want []string
			for line := range strings.Lines(string(text)) {
				if fault, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, "testdata/"+strings.TrimSpace(fault))
				}
			}
			require.NotEmpty(t, want, "a bad file must say what is wrong with it")
			_, err = Load(defaults(), Options{File: file})
			require.Error(t, err)
			require.Equal(t, strings.Join(want, "\n"), err.Error())
		})
	}
}

func TestEachGoodFileLoadsAndItsEffectiveFormLoadsTheSame(t *testing.T) {
	files, err := filepath.Glob("testdata/*.good.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			first := defaults()
			_, err := Load(first, Options{File: file})
			require.NoError(t, err)
			text, err := Effective(first)
			require.NoError(t, err)
			again := filepath.Join(t.TempDir(), "again.yml")
			require.NoError(t, os.WriteFile(again, text, 0o600))
			second := defaults()
			_, err = Load(second, Options{File: again})
			require.NoError(t, err, "%s", text)
			hide := func(c *tree) {
				c.Store.Password = ""
				for i := range c.Intake.Doors {
					c.Intake.Doors[i].Key = ""
				}
			}
			hide(first)
			hide(second)
			require.Equal(t, first, second)
		})
	}
}

func TestFullFileFillsEveryKindOfValue(t *testing.T) {
	c := defaults()
	report, err := Load(c, Options{File: "testdata/full.good.yml"})
	require.NoError(t, err)
	require.Equal(t, &tree{
		Intake: intake{
			Listen: "127.0.0.1:8080", Timeout: 7*24*time.Hour + 12*time.Hour, MaxBody: 512 << 10, Debug: true,
			Origins: []string{"https://a.example", "8080"},
			Doors:   []door{{Name: "front", Key: "s3cret"}, {Name: "back", Key: "from a file"}},
		},
		Store:   store{Batch: batch{Rows: 5000, Age: 250 * time.Millisecond}, Ratio: 0.25, Password: "from a file", Shards: 255, Level: "high"},
		Workers: map[string]block{"one": {Size: 3, Tags: map[string]string{"zone": "eu"}}, "two": {Size: 4, Tags: map[string]string{"zone": "eu"}}},
	}, c)
	require.Equal(t, "testdata/full.good.yml:2", report.Origins["intake.listen"])
	require.Equal(t, "testdata/full.good.yml", report.File)
}

func TestNoSourceKeepsTheDefaults(t *testing.T) {
	c := defaults()
	report, err := Load(c, Options{Prefix: "APP", Env: []string{"HOME=/x", "APPLE=1", "broken"}})
	require.NoError(t, err)
	require.Equal(t, defaults(), c)
	require.Empty(t, report.Origins)
}

func TestLaterSourcesWin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte("intake: {listen: file, timeout: 2s, origins: [file]}\n"), 0o600))
	c := defaults()
	report, err := Load(c, Options{
		Prefix: "APP", File: file,
		Env:       []string{"APP_INTAKE_LISTEN=env", "APP_INTAKE_ORIGINS=x, y", "APP_INTAKE_DEBUG=true", "APP_CONFIG=c.yml", "APP_TEST_A=1"},
		Set:       []string{"intake.listen=set=with=signs", "store.batch.rows=7", "intake.max_body=1MiB"},
		IgnoreEnv: []string{"APP_CONFIG", "APP_TEST_*"},
	})
	require.NoError(t, err)
	require.Equal(t, "set=with=signs", c.Intake.Listen)
	require.Equal(t, 2*time.Second, c.Intake.Timeout)
	require.Equal(t, []string{"x", "y"}, c.Intake.Origins)
	require.True(t, c.Intake.Debug)
	require.Equal(t, 7, c.Store.Batch.Rows)
	require.Equal(t, Size(1<<20), c.Intake.MaxBody)
	require.Equal(t, "--set", report.Origins["intake.listen"])
	require.Equal(t, "APP_INTAKE_ORIGINS", report.Origins["intake.origins"])
	require.Equal(t, file+":1", report.Origins["intake.timeout"])
}

func TestFaultsOfAllSourcesComeTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte("intake:\n  lissten: x\nstore:\n  batch: {rows: 0}\n"), 0o600))
	_, err := Load(defaults(), Options{
		Prefix: "APP", File: file,
		Env: []string{"APP_INTAKE_LISTN=x", "APP_STORE_SHARDS=900", "APP_INTAKE_DOORS=x", "APP_STORE_BATCH_AGE=-1s", "APP_STORE_BATCH=1", "APP_ZZZZZZZZZZZZZZ=1"},
		Set: []string{"store.ratio=2", "novalue", "store.ratjo=1", "workers=x", "store.password=env:NOWHERE"},
	})
	require.Equal(t, strings.ReplaceAll(strings.TrimSpace(`
FILE:2:3: intake.lissten: unknown key; did you mean "intake.listen"?
FILE:4: store.batch.rows: must be 1..100000 (got 0)
APP_INTAKE_DOORS: intake.doors: can only be set in the YAML file (it is a list)
APP_INTAKE_LISTN: unknown variable; did you mean APP_INTAKE_LISTEN?
APP_STORE_BATCH: store.batch: is a section; set one of its keys: rows, age
APP_STORE_SHARDS: store.shards: must be a whole number from 0 to 255 (got "900")
APP_ZZZZZZZZZZZZZZ: unknown variable
--set: "novalue" is not KEY=VALUE, such as telemetry.listen=127.0.0.1:9464
--set: store.ratjo: unknown key; did you mean "store.ratio"?
--set: workers: can only be set in the YAML file (it is a map of named entries)
--set: store.password: names the environment variable NOWHERE, which is not set
--set: store.ratio: must be 0..1 (got 2)
APP_STORE_BATCH_AGE: store.batch.age: must be above 0 (got -1s)`), "FILE", file), err.Error())

	var fault Fault
	require.True(t, errors.As(err, &fault))
	require.Equal(t, Fault{Where: file, Line: 2, Col: 3, Key: "intake.lissten", Text: `unknown key; did you mean "intake.listen"?`}, fault)
}

func TestADefaultCanBeAtFault(t *testing.T) {
	c := defaults()
	c.Store.Shards = 13
	_, err := Load(c, Options{})
	require.EqualError(t, err, "store.shards: must not be 13")
}

func TestAMissingFileIsOneClearFault(t *testing.T) {
	_, err := Load(defaults(), Options{File: "testdata/nowhere.yml"})
	require.EqualError(t, err, "testdata/nowhere.yml: cannot be read: no such file or directory")
}

func TestAnOverriddenListForgetsThePlacesOfItsOldElements(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte("intake:\n  origins: [a, b]\n"), 0o600))
	report, err := Load(defaults(), Options{File: file, Set: []string{"intake.origins="}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"intake": file + ":1", "intake.origins": "--set"}, report.Origins)
}

func TestMistakesOfTheProgramAreErrorsNotSilence(t *testing.T) {
	for name, dst := range map[string]any{
		"wants a pointer to a struct": tree{},
		"is not exported": &struct {
			a int `yaml:"a"`
		}{},
		"cannot be a config value": &struct {
			A chan int `yaml:"a"`
		}{},
		"must be one plain key": &struct {
			A int `yaml:"a,omitempty"`
		}{},
		"has the key \"a\" twice": &struct {
			A int `yaml:"a"`
			B int `yaml:"a"`
		}{},
		"a map[int]string cannot be a config": &struct {
			A map[int]string `yaml:"a"`
		}{},
	} {
		_, err := Load(dst, Options{})
		require.ErrorContains(t, err, name)
	}
	_, err := Load(&struct {
		A struct {
			BC int `yaml:"b_c"`
		} `yaml:"a"`
		AB struct {
			C int `yaml:"c"`
		} `yaml:"a_b"`
	}{}, Options{Prefix: "APP"})
	require.EqualError(t, err, "APP_A_B_C: stands for both a.b_c and a_b.c; one of the two keys needs another name")
}
