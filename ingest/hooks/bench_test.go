package hooks

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkReceive is a delivery verified and read, by source.
func BenchmarkReceive(b *testing.B) {
	for _, c := range []struct{ kind, name, file string }{
		{"meta", "page-feed", "page-feed.json"}, {"wechat", "text", "text.xml"}, {"wecom", "contact-added", "contact-added.xml"}, {"generic", "market", "market.json"},
	} {
		b.Run(c.kind, func(b *testing.B) {
			body, err := os.ReadFile("testdata/" + c.kind + "/" + c.file)
			require.NoError(b, err)
			h := hookFor(b, c.kind, c.name)
			r := signed(b, h, string(body))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Receive(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
