package protocol

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func seed(f *testing.F, folder string) {
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(body))
	}
	for _, text := range corpus {
		f.Add(text)
	}
}

// promises are what every decoder keeps, whatever it is given.
func promises(t *testing.T, batch Batch, err error) {
	if err != nil {
		require.IsType(t, &Fault{}, err)
		require.Empty(t, batch.Items)
		return
	}
	require.NotEmpty(t, batch.Items)
	require.LessOrEqual(t, len(batch.Items), generous.Events)
	for _, it := range batch.Items {
		require.NotNil(t, it.Event)
		if it.Fault != nil {
			require.NotEmpty(t, it.Fault.Reason)
			continue
		}
		require.LessOrEqual(t, len(it.Raw), generous.Bytes)
		for _, object := range [][]byte{it.Event.Properties, it.Event.Traits} {
			if object == nil {
				continue
			}
			require.True(t, json.Valid(object), "%q", object)
			require.True(t, utf8.Valid(object))
			require.Equal(t, byte('{'), object[0])
		}
		require.LessOrEqual(t, it.Event.ScrollPct, uint32(100))
	}
}

func FuzzNative(f *testing.F) {
	seed(f, "native")
	f.Fuzz(func(t *testing.T, body string) {
		batch, err := Native(Request{Body: body, Limits: generous})
		promises(t, batch, err)
		if err == nil {
			require.True(t, json.Valid([]byte(body)))
		}
	})
}

func FuzzSegment(f *testing.F) {
	seed(f, "segment")
	seed(f, "segment_batch")
	f.Fuzz(func(t *testing.T, body string) {
		for _, decode := range []Decoder{Segment, SegmentBatch} {
			batch, err := decode(Request{Body: body, Type: "page", Limits: generous})
			promises(t, batch, err)
			if err == nil {
				require.True(t, json.Valid([]byte(body)))
			}
		}
	})
}

func FuzzPixel(f *testing.F) {
	for _, query := range []string{
		"", "key=demo", "type=track&name=x&user_id=1", "p.a=1&p.b=%00&p.=x", "timestamp=99999999999999999999&engaged_ms=-1", "a=%ff%fe&p.%ff=%ff", "&&==&;", "url=%zz",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return // refused before the decoder
		}
		batch, err := Pixel(Request{Query: values, Limits: generous})
		promises(t, batch, err)
	})
}
