package scoring

import (
	"leadstream/internal/embedded/embeddedtest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// read returns a topic's committed records, by partition and offset.
func (r *rig) read(topic string) []*kgo.Record {
	r.t.Helper()
	return embeddedtest.Committed(r.t, r.addrs, topic)
}
