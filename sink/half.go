package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// half is where a batch is cut in two. The server reads, sorts and writes a block in one thread: a catching-up sink
// that sends all events in one block keeps one of its connections, and a core of the server's, idle. What is quiet never
// comes to half a batch and stays one block, one part.
type half struct {
	rows, bytes int // half of what a batch may hold; 0: never cut
	at          int // the first record of the later half; 0: not reached
}

// cutBatch is a batch that is cut where the config lets two connections write at once.
func cutBatch(cfg Config) *batch {
	b := newBatch()
	if cfg.Connections > 1 {
		b.half.rows, b.half.bytes = max(1, cfg.Batch.Rows/2), int(cfg.Batch.Bytes)/2
	}
	return b
}

// reached is told what the batch holds, before each record.
func (h *half) reached(records, bytes int) {
	if h.at == 0 && h.rows > 0 && (records >= h.rows || bytes >= h.bytes) {
		h.at = records
	}
}

// recordsOf are those that the block's rows were made from.
func (b *batch) recordsOf(t table) []*kgo.Record {
	switch {
	case b.half.at > 0 && t == table(b.events):
		return b.records[:b.half.at]
	case t == table(b.later):
		return b.records[b.half.at:]
	}
	return b.records
}

// tookOther tells of a half whether the other one is in ClickHouse: then it is not the table that is wrong.
func (b *batch) tookOther(t table) bool {
	return t == table(b.events) && b.written[b.later] || t == table(b.later) && b.written[b.events]
}

// token names a block for ClickHouse's deduplication: the same records in the same table give the same token, so that
// an insert whose answer was lost is not written twice when it is sent again. A half is named by its own records: cut
// elsewhere it is another block, and must not be taken for this one.
func (b *batch) token(t table) string {
	spans := b.spans
	if b.half.at > 0 && (t == table(b.events) || t == table(b.later)) {
		spans = map[partition]span{}
		for _, rec := range b.recordsOf(t) {
			extend(spans, rec)
		}
	}
	parts := make([]string, 0, len(spans))
	for at, s := range spans {
		parts = append(parts, fmt.Sprintf("%s/%d:%d-%d@%x", at.topic, at.number, s.first, s.last, s.stamps))
	}
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(t.tableName() + "\n" + strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}
