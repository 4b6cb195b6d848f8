package protocol

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreign are the decoders of other people's clients, by the folder of their golden payloads.
var foreign = map[string]Decoder{
	"snowplow": Snowplow, "snowplow_pixel": SnowplowPixel, "snowplow_iglu": SnowplowIglu, "posthog": PostHog, "mixpanel": PostHog, "mixpanel_people": PostHogPeople,
	"ga4": GA4, "ga4_mp": GA4Measurement, "matomo": Matomo, "plausible": Plausible, "umami": Umami, "segment_pixel": SegmentPixel,
}

// request reads a *.http file: METHOD TARGET, headers, an empty line, the body as it is sent.
func request(t testing.TB, file string) Request {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	head, body, found := strings.Cut(string(text), "\n\n")
	require.True(t, found, "%s: an empty line ends the head", file)
	lines := strings.Split(head, "\n")
	_, target, _ := strings.Cut(lines[0], " ")
	address, err := url.Parse(target)
	require.NoError(t, err)
	kind, _, named := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".http"), ".")
	r := Request{Body: body, Query: address.Query(), Limits: generous}
	if named {
		r.Type = kind
	}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, "SP-Anonymous: ") {
			r.Anonymous = true
		}
	}
	return r
}

// goldenRequests are the files of a folder.
func goldenRequests(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.http"))
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	return files
}

// TestGoldenRequests decodes requests in the shape that real clients send and compares all that came out of them.
func TestGoldenRequests(t *testing.T) {
	for folder, decode := range foreign {
		for _, file := range goldenRequests(t, folder) {
			t.Run(folder+"/"+filepath.Base(file), func(t *testing.T) {
				batch, err := decode(request(t, file))
				require.NoError(t, err)
				golden := strings.TrimSuffix(file, ".http") + ".golden"
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(describe(batch)), 0o644))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				require.Equal(t, string(want), describe(batch))
			})
		}
	}
}

// BenchmarkForeign is the price of one request of each protocol, decoded.
func BenchmarkForeign(b *testing.B) {
	for _, file := range []string{"snowplow/page-view", "posthog/page-view", "mixpanel/page-view", "ga4/page-view", "matomo/page-view", "plausible/page-view", "umami/page-view"} {
		folder, _, _ := strings.Cut(file, "/")
		r := request(b, filepath.Join("testdata", file+".http"))
		b.Run(folder, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Body)))
			for b.Loop() {
				if _, err := foreign[folder](r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
