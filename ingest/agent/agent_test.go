package agent

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/agent/crawlers"
)

const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"

func TestPeople(t *testing.T) {
	for _, p := range people {
		a := read(p[1])
		require.Equal(t, p[0], a.Device+" / "+a.Browser+" / "+a.OS, p[1])
		require.False(t, a.Bot, p[1])
	}
}

func samples(t testing.TB) []string {
	text, err := os.ReadFile("crawlers/testdata/samples.txt")
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// All samples of the list are marked; all but HTTP libraries and what people's browsers say, too, as robots.
func TestRobots(t *testing.T) {
	bots := 0
	for _, sample := range samples(t) {
		a := read(sample)
		require.NotEmpty(t, a.Kind, sample)
		if a.Bot {
			bots++
			require.Equal(t, "bot", a.Device)
			continue
		}
		c, _ := crawlers.Default().Find(sample)
		require.True(t, c.Kind == "http-library" || doubtful[c.Pattern], sample)
	}
	require.Greater(t, bots, 2000)
}

func TestMachinesOnNoList(t *testing.T) {
	for userAgent, kind := range map[string]string{
		"Mozilla/5.0 (compatible; Barracuda Sentinel (EE))":                                                         "scanner",
		"Mozilla/4.0 (compatible; ms-office; MSOffice 16)":                                                          "scanner",
		"Microsoft Office Existence Discovery":                                                                      "scanner",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0 Safari/537.36": "browser-automation",
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)":                                                "social-preview",
		"Twitterbot/1.0": "social-preview",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)": "ai-crawler",
		"Mozilla/5.0 (compatible; AcmeNewBot/0.1)":                                                               "unlisted",
	} {
		a := read(userAgent)
		require.Equal(t, kind, a.Kind, userAgent)
		require.True(t, a.Bot, userAgent)
	}
}

func TestVersionNamesTheList(t *testing.T) {
	require.Regexp(t, `^\d+\+crawlers-\d+\.\d+\.\d+$`, Version())
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r := NewReader()
	for i := range 2*most + 100 {
		r.Read(fmt.Sprint("agent ", i))
		require.LessOrEqual(t, len(r.young), most)
		require.LessOrEqual(t, len(r.aged), most)
		if i%1000 == 0 {
			require.Equal(t, "Chrome", r.Read(chrome).Browser) // in use, so it stays
		}
	}
	_, young := r.young[chrome]
	_, aged := r.aged[chrome]
	require.True(t, young || aged, "what is in use was forgotten")
	r.Read(strings.Repeat("x", longest+1))
	require.NotContains(t, r.young, strings.Repeat("x", longest+1))
}

// A remembered user agent must not keep alive the request that it is a piece of.
func TestNoPieceOfARequestIsKept(t *testing.T) {
	body := strings.Repeat(" ", 1<<10) + chrome
	given := body[1<<10:]
	from, to := uintptr(unsafe.Pointer(unsafe.StringData(body))), uintptr(unsafe.Pointer(unsafe.StringData(body)))+uintptr(len(body))
	r := NewReader()
	require.Equal(t, "Chrome", r.Read(given).Browser)
	for kept, a := range r.young {
		require.Equal(t, given, kept)
		for _, text := range []string{kept, a.Browser, a.OS, a.Device, a.Kind} {
			at := uintptr(unsafe.Pointer(unsafe.StringData(text)))
			require.False(t, at >= from && at < to, "%q is a piece of the request", text)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	list := samples(b)
	r := NewReader()
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Read(chrome)
		}
	})
	b.Run("new_person", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			read(people[i%len(people)][1])
		}
	})
	b.Run("new_robot", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			read(list[i%len(list)])
		}
	})
}
