package sink

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// batch is what is written between two commits: records on one side, the
// columns of every table on the other. It is pure: it knows no clock and
// nobody to talk to.
type batch struct {
	// A batch that is large is so by its events: the later half goes into a block of its own, from half on.
	events, later *block[eventRow]
	half          half

	identities *block[eventRow]
	deals      *block[dealRow]
	signals    *block[signalRow]
	ledger     *block[pb.LedgerRow]
	stages     *block[pb.StageRow]
	leads      *block[leadRow]

	// Only the newest revision of a lead and track is worth a row; the columns
	// are filled when the batch is sealed.
	newest map[leadKey]int
	states []*leadRow

	// Kept until the commit, so that a block which ClickHouse refuses can be
	// built again in parts, until the one bad row stands alone.
	records []*kgo.Record
	refused []refusedRecord
	spans   map[partition]span
	bytes   int
	born    time.Time
	// The marks of erased leads that were known when the first record came.
	marks   *map[[32]byte]int64
	clamped clamps
	sealed  bool
	// Blocks that are in ClickHouse already: a retry does not send them again.
	written map[table]bool
	// What is known of blocks that ClickHouse did not take as a whole.
	singling map[table]*singling
}

type refusedRecord struct {
	*kgo.Record
	why *refusal
}

// partition is one partition of one topic.
type partition struct {
	topic  string
	number int32
}

// span is the offsets of one partition in a batch, both ends included.
type span struct {
	first, last int64
	epoch       int32
	// A hash of the records' timestamps. Offsets alone come again with other
	// records: in a topic made anew, or behind the cut of a broker that lost its end.
	stamps uint64
	end    *kgo.Record // the last one
}

func newBatch() *batch {
	b := &batch{newest: map[leadKey]int{}, spans: map[partition]span{}, written: map[table]bool{}, singling: map[table]*singling{}}
	c := &b.clamped
	b.later = newEventBlock(c)
	b.events, b.identities, b.deals, b.signals = newEventBlock(c), newIdentityBlock(c), newDealBlock(c), newSignalBlock(c)
	b.ledger, b.stages, b.leads = newLedgerBlock(c), newStageBlock(c), newLeadBlock(c)
	return b
}

// tables are in the order of what people wait for: a salesperson's list first.
func (b *batch) tables() []table {
	return []table{b.leads, b.stages, b.ledger, b.events, b.later, b.identities, b.deals, b.signals}
}

func (b *batch) empty() bool { return len(b.spans) == 0 }

// reset keeps the columns' memory for the next batch.
func (b *batch) reset() {
	for _, t := range b.tables() {
		t.reset()
	}
	clear(b.newest)
	clear(b.states)
	clear(b.records)
	clear(b.refused)
	clear(b.spans)
	clear(b.written)
	clear(b.singling)
	b.states, b.records, b.refused = b.states[:0], b.records[:0], b.refused[:0]
	b.bytes, b.born, b.clamped, b.sealed, b.half.at = 0, time.Time{}, clamps{}, false, 0
}

// add takes one record, which becomes rows, or a refusal, or (a transaction's
// marker) nothing but an offset to commit.
func (b *batch) add(rec *kgo.Record, now time.Time) {
	b.pass(rec, now)
	if rec.Attrs.IsControl() {
		return
	}
	b.half.reached(len(b.records), b.bytes)
	b.records = append(b.records, rec)
	b.bytes += len(rec.Key) + len(rec.Value)
	if why := b.addRows(rec); why != nil {
		b.refused = append(b.refused, refusedRecord{rec, why})
	}
}

// without builds the batch again from the records that are not dropped; the offsets stay.
func (b *batch) without(dropped func(*kgo.Record) bool) {
	records, spans, born := slices.DeleteFunc(slices.Clone(b.records), dropped), maps.Clone(b.spans), b.born
	b.reset()
	for _, rec := range records {
		b.add(rec, born)
	}
	b.spans, b.born = spans, born
}

// pass takes a record of which only the offset is wanted.
func (b *batch) pass(rec *kgo.Record, now time.Time) {
	if b.empty() {
		b.born = now
	}
	extend(b.spans, rec)
}

func extend(spans map[partition]span, rec *kgo.Record) {
	at := partition{rec.Topic, rec.Partition}
	s, ok := spans[at]
	if !ok {
		s.first = rec.Offset
	}
	s.last, s.epoch, s.end = rec.Offset, rec.LeaderEpoch, rec
	s.stamps = 31*s.stamps + uint64(rec.Timestamp.UnixMilli())
	spans[at] = s
}

func (b *batch) addRows(rec *kgo.Record) *refusal {
	switch rec.Topic {
	case schemas.TopicEvents:
		row, why := readEvent(rec)
		if why == nil {
			b.addEvent(row)
		}
		return why
	case schemas.TopicLedger:
		row, why := readLedger(rec)
		if why == nil {
			b.ledger.add(row, freshFrom(rec, row.ReceivedAt))
		}
		return why
	case schemas.TopicStages:
		row, why := readStage(rec)
		if why == nil {
			// A transition has no received_at; when the scorer wrote it is the nearest.
			b.stages.add(row, rec.Timestamp.UnixMilli())
		}
		return why
	case schemas.TopicLeads:
		row, why := readLead(rec)
		if row != nil {
			b.addLead(row)
		}
		return why
	}
	return refuse(reasonUndecodable, "topic %q is not one of the sink's", rec.Topic)
}

// addEvent fills events, and the side table that the event's type feeds.
func (b *batch) addEvent(row *eventRow) {
	if b.half.at > 0 {
		b.later.add(row, row.ReceivedAt)
	} else {
		b.events.add(row, row.ReceivedAt)
	}
	switch row.Type {
	case "identify", "alias":
		if row.AnonymousId != "" && row.UserId != "" {
			b.identities.add(row, row.ReceivedAt)
		}
	case "crm":
		b.deals.add(&dealRow{row, readFacts(row.props)}, row.ReceivedAt)
	case "market":
		b.signals.add(&signalRow{row, readFacts(row.props)}, row.ReceivedAt)
	}
}

func (b *batch) addLead(row *leadRow) {
	at, known := b.newest[row.key()]
	switch {
	case !known:
		b.newest[row.key()] = len(b.states)
		b.states = append(b.states, row)
	case row.Revision >= b.states[at].Revision:
		b.states[at] = row
	}
}

// seal fills the lead columns; nothing may be added afterwards.
func (b *batch) seal() {
	if b.sealed {
		return
	}
	b.sealed = true
	for _, row := range b.states {
		b.leads.add(row, row.ReceivedAt)
	}
}

// offsets are what to commit: the next record of every partition.
func (b *batch) offsets() map[string]map[int32]kgo.EpochOffset {
	next := map[string]map[int32]kgo.EpochOffset{}
	for at, s := range b.spans {
		if next[at.topic] == nil {
			next[at.topic] = map[int32]kgo.EpochOffset{}
		}
		next[at.topic][at.number] = kgo.EpochOffset{Epoch: s.epoch, Offset: s.last + 1}
	}
	return next
}

// receiptRange is the oldest and newest received_at of the events behind the rows.
func (b *batch) receiptRange() (oldest, newest int64, ok bool) {
	for _, t := range b.tables() {
		for _, at := range t.receivedAt() {
			if !ok || at < oldest {
				oldest = at
			}
			newest, ok = max(newest, at), true
		}
	}
	return oldest, newest, ok
}

func (b *batch) table(name string) table {
	i := slices.IndexFunc(b.tables(), func(t table) bool { return t.tableName() == name })
	return b.tables()[i]
}

// freshFrom is what a row's age is counted from: the event's receipt, but the record itself where history
// is told anew.
func freshFrom(rec *kgo.Record, receivedAt int64) int64 {
	for _, h := range rec.Headers {
		if h.Key == schemas.HeaderAgain {
			return rec.Timestamp.UnixMilli()
		}
	}
	return receivedAt
}
