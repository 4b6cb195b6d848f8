package sink

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	googleproto "google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// MarksEvery is how often the marks of erased leads are read: after twice that,
// no sink that reaches ClickHouse writes a row of an erased lead again.
const MarksEvery = 5 * time.Second

// erased are the leads that were erased, by the digest of their id, and until
// when (Unix ms). Their records are still in the topics, and a restart, a repeat
// or a replay would make rows of them again.
type erased struct {
	server ch.Options
	until  atomic.Pointer[map[[32]byte]int64]
}

// read brings all marks; the table is as small as the list of people who asked.
func (e *erased) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// Not cut by a stop: a greeting that breaks off ends the embedded server (internal/embedded, guard).
	greeting, over := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer over()
	client, err := ch.Dial(greeting, e.server)
	if err != nil {
		return fmt.Errorf("sink: read erased_leads: %w", err)
	}
	defer client.Close()
	marks := map[[32]byte]int64{}
	digest, at := &proto.ColFixedStr{Size: 32}, new(proto.ColInt64)
	err = client.Do(ctx, ch.Query{
		Body:   "SELECT lead_digest, max(toUnixTimestamp64Milli(until)) AS newest FROM erased_leads GROUP BY lead_digest",
		Result: proto.Results{{Name: "lead_digest", Data: digest}, {Name: "newest", Data: at}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range digest.Rows() {
				marks[[32]byte(digest.Row(i))] = at.Row(i)
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("sink: read erased_leads: %w", err)
	}
	if known := e.until.Load(); known == nil || !maps.Equal(*known, marks) { // the same map as long as nothing is new; see unmarked
		e.until.Store(&marks)
	}
	return nil
}

// unmarked takes out of a batch what was marked after its first record came: it may have waited for long while the
// one before it was written, or ClickHouse was away.
func (w *worker) unmarked(b *batch) {
	marks := w.erased.until.Load()
	if b.marks == marks {
		return
	}
	b.marks = marks
	if slices.ContainsFunc(b.records, w.erased.has) {
		before := len(b.records)
		b.without(w.erased.has)
		dropped := float64(before - len(b.records))
		w.metrics.erased.Add(dropped)
		w.metrics.pending.Sub(dropped)
	}
}

// follow reads the marks until ctx ends; the first time before anything is written.
func (w *worker) followErased(ctx context.Context) {
	told := false
	for {
		err := w.erased.read(ctx)
		if err != nil && !told && ctx.Err() == nil {
			w.log.Error("sink: the marks of erased leads cannot be read; what is known of them holds", zap.Error(err))
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(MarksEvery):
		}
	}
}

// awaitErased returns when the marks were read once: nothing may be written without them.
func (w *worker) awaitErased(ctx context.Context) {
	w.insist(ctx, func() error { return w.erased.read(ctx) })
}

// has tells whether a record is of an erased lead and from before the request.
func (e *erased) has(rec *kgo.Record) bool {
	marks := e.until.Load()
	if marks == nil || len(*marks) == 0 || rec.Attrs.IsControl() {
		return false
	}
	lead, _, _ := strings.Cut(string(rec.Key), "/") // a further track's is behind the lead
	if rec.Topic == schemas.TopicEvents {
		lead = schemas.NewLeadID(string(rec.Key)).String()
	}
	until, known := (*marks)[sha256.Sum256([]byte(lead))]
	return known && receivedBy(rec, until)
}

// receivedBy reads the record's time. What cannot be read goes on, to be refused with its reason.
func receivedBy(rec *kgo.Record, until int64) bool {
	switch rec.Topic {
	case schemas.TopicEvents:
		m := new(pb.Event)
		return googleproto.Unmarshal(rec.Value, m) == nil && m.ReceivedAt <= until
	case schemas.TopicLedger:
		m := new(pb.LedgerRow)
		return googleproto.Unmarshal(rec.Value, m) == nil && m.ReceivedAt <= until
	case schemas.TopicStages:
		m := new(pb.StageRow)
		return googleproto.Unmarshal(rec.Value, m) == nil && m.At <= until
	case schemas.TopicLeads:
		m := new(pb.LeadRecord)
		return googleproto.Unmarshal(rec.Value, m) == nil && m.ReceivedAt <= until
	}
	return false
}
