package protocol

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var update = flag.Bool("update", false, "write what the decoders say into testdata; read the diff before you commit it")

var generous = Limits{Events: 100, Bytes: 32 << 10}

// TestGolden decodes payloads in the shape that real clients send and compares all that came out of them.
func TestGolden(t *testing.T) {
	decoders := map[string]Decoder{"native": Native, "segment": Segment, "segment_batch": SegmentBatch}
	for folder, decode := range decoders {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(folder+"/"+filepath.Base(file), func(t *testing.T) {
				body, err := os.ReadFile(file)
				require.NoError(t, err)
				r := Request{Body: string(body), Limits: generous}
				if folder == "segment" {
					r.Type, _, _ = strings.Cut(filepath.Base(file), ".")
				}
				batch, err := decode(r)
				require.NoError(t, err)
				golden := strings.TrimSuffix(file, ".json") + ".golden"
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

// describe writes every field that is set, one a line, in the order of the schema.
func describe(b Batch) string {
	var out strings.Builder
	fmt.Fprintf(&out, "write key %q, sent %s\n", b.WriteKey, at(b.SentAt))
	for _, it := range b.Items {
		out.WriteString("\n")
		if it.Fault != nil {
			fmt.Fprintf(&out, "fault %s, raw %s\n", it.Fault, it.Raw)
			continue
		}
		fmt.Fprintf(&out, "at %s, sent %s, received %s\n", at(it.At), at(it.SentAt), at(it.ReceivedAt))
		m := it.Event.ProtoReflect()
		fields := m.Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			if !m.Has(f) {
				continue
			}
			if f.Kind() == protoreflect.BytesKind {
				fmt.Fprintf(&out, "%s: %s\n", f.Name(), m.Get(f).Bytes())
				continue
			}
			fmt.Fprintf(&out, "%s: %v\n", f.Name(), m.Get(f))
		}
	}
	return out.String()
}

func at(i Instant) string {
	switch i.State {
	case Missing:
		return "-"
	case Unreadable:
		return "?"
	}
	return fmt.Sprint(i.Ms)
}

func pixel(t *testing.T, query, referer string) Item {
	t.Helper()
	values, err := url.ParseQuery(query)
	require.NoError(t, err)
	batch, err := Pixel(Request{Query: values, Referer: referer, Limits: generous})
	require.NoError(t, err)
	require.Len(t, batch.Items, 1)
	return batch.Items[0]
}

func TestPixelReadsItsQuery(t *testing.T) {
	it := pixel(t, "key=demo&type=track&name=Mail+Opened&user_id=u-1&event_id=m-1&timestamp=2026-03-02T10:15:30Z&p.campaign=spring&p.b=%22&engaged_ms=12", "")
	require.Nil(t, it.Fault)
	require.Equal(t, "track", it.Event.Type)
	require.Equal(t, "Mail Opened", it.Event.Name)
	require.Equal(t, `{"b":"\"","campaign":"spring"}`, string(it.Event.Properties))
	require.Equal(t, uint32(12), it.Event.EngagedMs)
	require.Equal(t, "CONSENT_UNKNOWN", it.Event.Consent.String())
	require.NotContains(t, it.Raw, "demo", "a dead letter repeats no key")
}

func TestPixelWithoutAnythingIsACookielessPageView(t *testing.T) {
	it := pixel(t, "key=demo", "https://acme.example/blog")
	require.Equal(t, "page", it.Event.Type)
	require.Equal(t, "https://acme.example/blog", it.Event.Url)
	require.Equal(t, "CONSENT_COOKIELESS", it.Event.Consent.String())
}

func TestPixelTooLong(t *testing.T) {
	it := pixel(t, "p.x="+strings.Repeat("a", 40<<10), "")
	require.Equal(t, TooLarge, it.Fault.Reason)
}

func TestWholeRequestsAreRefusedOnlyWithoutEvents(t *testing.T) {
	for _, c := range []struct {
		decode Decoder
		body   string
		want   Reason
	}{
		{Native, ``, BadJSON}, {Native, `7`, BadJSON}, {Native, `"x"`, BadJSON}, {Native, `{"events":7}`, BadJSON}, {Native, `{"events":[{]}`, BadJSON},
		{Native, `[] x`, BadJSON}, {Native, `{}`, NoEvents}, {Native, `[]`, NoEvents}, {Native, `{"events":[]}`, NoEvents},
		{Native, `[` + strings.Repeat(`{},`, 100) + `{}]`, BatchTooLarge},
		{Segment, ``, BadJSON}, {Segment, `{`, BadJSON}, {Segment, `{} {}`, BadJSON},
		{SegmentBatch, `[]`, BadJSON}, {SegmentBatch, `{}`, NoEvents}, {SegmentBatch, `{"batch":null}`, BadJSON}, {SegmentBatch, `{"batch":[]}`, NoEvents},
		{SegmentBatch, `{"batch":[` + strings.Repeat(`{},`, 100) + `{}]}`, BatchTooLarge},
	} {
		_, err := c.decode(Request{Body: c.body, Limits: generous})
		require.ErrorContains(t, err, string(c.want)+": ", "%.60s", c.body)
	}
}

func TestSingleEventsAreRefusedAlone(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)
	for body, want := range map[string]Reason{
		`7`: NotAnObject, `null`: NotAnObject, `{"type":"track","properties":"x"}`: BadProperties, `{"traits":[]}`: BadProperties,
		`{"properties":` + deep + `}`: TooDeep, `{"properties":{"x":"` + strings.Repeat("a", 33<<10) + `"}}`: TooLarge,
	} {
		batch, err := Native(Request{Body: `[{"type":"page"},` + body + `,{"type":"page"}]`, Limits: generous})
		require.NoError(t, err)
		require.Len(t, batch.Items, 3)
		require.Nil(t, batch.Items[0].Fault)
		require.Equal(t, want, batch.Items[1].Fault.Reason)
		require.Equal(t, body, batch.Items[1].Raw)
		require.Nil(t, batch.Items[2].Fault)
	}
}

func TestInstants(t *testing.T) {
	for text, want := range map[string]string{
		"": "-", " ": "-", "2026-03-02T10:15:30Z": "1772446530000", "2026-03-02T10:15:30.1239Z": "1772446530123", "2026-03-02T18:15:30+08:00": "1772446530000",
		"2026-03-02T10:15:30": "1772446530000", "2026-03-02 10:15:30": "1772446530000", "2026-03-02T10:15:30+0000": "1772446530000",
		"1772446530123": "1772446530123", "1772446530": "1772446530000", "1772446530.5": "1772446530500",
		"yesterday": "?", "NaN": "?", "1e300": "?", "-Inf": "?", "2026-13-41T00:00:00Z": "?",
	} {
		require.Equal(t, want, at(parseInstant(text)), text)
	}
}

func TestCounts(t *testing.T) {
	for text, want := range map[string]uint32{"": 0, "5": 5, "5.9": 5, "-3": 0, "1e99": 100, "1e999": 100, "NaN": 0, "Inf": 100, "x": 0} {
		require.Equal(t, want, countOf(text, 100), text)
	}
}
