package scoring

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// The embedded broker commits partition by partition. When it is killed in
// between, leads may stand whose ledger rows, stage rows or dead letters do not,
// and the fence would keep their events from being read again. So every record of
// leads also says how many rows its transaction wrote and where they begin, and a
// restore looks whether they are there. If not, the transaction is not believed:
// its leads are left out, and the events are read again from the fence below it.
//
// Only the last transaction of a changelog can be torn, because a broker that
// was killed is restored from before anything else is written. What follows a
// torn one says on what it builds (builtOn), so that a later restore leaves the
// torn one out as well.

// rowsHeader is the record header that says it.
const rowsHeader = "rows"

// rowTopics are the topics that are written besides leads.
var rowTopics = [3]string{schemas.TopicLedger, schemas.TopicStages, schemas.TopicDeadLetter}

// rowPlaces is an offset, or a number of records, of each of them.
type rowPlaces [len(rowTopics)]int64

// rowTopic is the topic's place in rowTopics, -1 for another topic.
func rowTopic(topic string) int {
	for i, t := range rowTopics {
		if t == topic {
			return i
		}
	}
	return -1
}

func (a *rowPlaces) raise(b rowPlaces) {
	for i := range a {
		a[i] = max(a[i], b[i])
	}
}

// rows is what one transaction of a partition wrote besides leads.
type rows struct {
	builtOn     int64     // the offset in leads up to which its state was read or written
	from, count rowPlaces // its rows: not before, and so many
	sent        sentRows  // to other partitions, over routed
}

// header writes the numbers as varints: some ten bytes.
func (r rows) header() kgo.RecordHeader {
	b := binary.AppendUvarint(nil, uint64(r.builtOn))
	for i := range r.from {
		b = binary.AppendUvarint(b, uint64(r.from[i]))
		b = binary.AppendUvarint(b, uint64(r.count[i]))
	}
	b = append(b, r.sent...)
	return kgo.RecordHeader{Key: rowsHeader, Value: b}
}

// readRows finds a record's rows; a record of an older version has none.
func readRows(headers []kgo.RecordHeader) (r rows, ok bool) {
	for _, h := range headers {
		if h.Key != rowsHeader {
			continue
		}
		b, fine := h.Value, true
		next := func() int64 {
			v, n := binary.Uvarint(b)
			if n <= 0 {
				fine = false
				return 0
			}
			b = b[n:]
			return int64(v)
		}
		r.builtOn = next()
		for i := range r.from {
			r.from[i], r.count[i] = next(), next()
		}
		r.sent = sentRows(b)
		return r, fine
	}
	return rows{}, false
}

// written is one transaction's leads, as the changelog has them.
type written struct {
	fence   fence
	rows    rows
	known   bool  // it says what its rows are
	first   int64 // offset of its first record
	records []*kgo.Record
}

// restorer puts the changelog's transactions over what was known, each as soon
// as the next one has begun; the last one waits to be believed.
type restorer struct {
	*session
	parts map[int32]*partition
	last  map[int32]*written
	lanes map[int32]chan *written
	work  sync.WaitGroup
}

func newRestorer(s *session, parts map[int32]*partition) *restorer {
	return &restorer{session: s, parts: parts, last: map[int32]*written{}, lanes: map[int32]chan *written{}}
}

// believed hands a transaction to its partition's lane: to read leads takes longer
// than to fetch them, and partitions need not wait for one another.
func (r *restorer) believed(p *partition, w *written) {
	lane := r.lanes[p.num]
	if lane == nil {
		lane = make(chan *written, 16)
		r.lanes[p.num] = lane
		r.work.Go(func() {
			for w := range lane {
				r.apply(p, w)
			}
		})
	}
	lane <- w
}

// finish waits until all that was believed is applied.
func (r *restorer) finish() {
	for num, lane := range r.lanes {
		close(lane)
		delete(r.lanes, num)
	}
	r.work.Wait()
}

// take gathers one record of the changelog.
func (r *restorer) take(rec *kgo.Record) {
	p := r.parts[rec.Partition]
	p.changelog = rec.Offset + 1
	if rec.Attrs.IsControl() || !r.wrote(rec) {
		return
	}
	last := r.last[p.num]
	if last != nil && slices.EqualFunc(last.records[0].Headers, rec.Headers, sameHeader) {
		last.records = append(last.records, rec) // the same transaction, without reading what it says
		return
	}
	w := &written{fence: readFence(rec.Headers), first: rec.Offset}
	w.rows, w.known = readRows(rec.Headers)
	switch {
	case last == nil:
	case last.fence == w.fence && last.rows == w.rows:
		last.records = append(last.records, rec)
		return
	case w.known && w.rows.builtOn <= last.first:
		// A restore before this one found it torn, and this is how it was done again.
		r.log.Info("scoring: a torn transaction is left out, as it was before", zap.Int32("partition", p.num), zap.Int64("offset", last.first))
	default:
		r.believed(p, last)
	}
	w.records = append(w.records, rec)
	r.last[p.num] = w
}

func sameHeader(a, b kgo.RecordHeader) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }

// apply puts a transaction's leads over what was known.
func (r *restorer) apply(p *partition, w *written) {
	p.fence.raise(w.fence)
	for _, rec := range w.records {
		if err := r.restoreLead(p, rec); err != nil {
			r.metrics.unreadable.Inc()
			r.log.Error("scoring: a lead's record cannot be read; the lead starts from nothing",
				zap.Int32("partition", rec.Partition), zap.Int64("offset", rec.Offset), zap.ByteString("lead", rec.Key), zap.Error(err))
		}
	}
}

func (r *restorer) restoreLead(p *partition, rec *kgo.Record) error {
	if rec.Value == nil { // erased
		id, err := schemas.LeadOfRecord(rec.Key)
		if err == nil {
			p.leads.forget(id)
		}
		return err
	}
	receivedAt, err := p.leads.restore(p.model, rec.Value)
	if err == nil {
		p.watermark = max(p.watermark, receivedAt)
	}
	return err
}

// believe applies the last transactions, or leaves out those that are torn.
func (r *restorer) believe(ctx context.Context) error {
	starts, ends, err := bounds(ctx, r.admin, rowTopics[:]...)
	if err != nil {
		return err
	}
	torn := map[int32]bool{}
	for i := range rowTopics {
		if err := r.missing(ctx, i, starts, ends, torn); err != nil {
			return err
		}
	}
	if err := r.unsent(ctx, torn); err != nil {
		return err
	}
	r.finish() // leaveOut looks at what is there
	defer r.finish()
	for num, p := range r.parts {
		for i, topic := range rowTopics {
			p.rows.from[i] = offsetOf(ends, topic, num)
		}
		switch w := r.last[num]; {
		case w == nil:
		case torn[num]:
			r.leaveOut(p, w)
		default:
			r.believed(p, w)
		}
	}
	return nil
}

// missing marks the partitions whose last transaction has fewer rows in one
// topic than it wrote. A broker that commits all at once is not asked.
func (r *restorer) missing(ctx context.Context, i int, starts, ends kadm.ListedOffsets, torn map[int32]bool) error {
	if !r.cfg.FreshTransactionalID {
		return nil
	}
	topic, found := rowTopics[i], map[int32]int64{}
	var tail *tail
	tail = r.newTail(topic, func(rec *kgo.Record) {
		if rec.Attrs.IsControl() || !r.wrote(rec) {
			return
		}
		if found[rec.Partition]++; found[rec.Partition] >= r.last[rec.Partition].rows.count[i] {
			delete(tail.until, rec.Partition) // enough: what comes after may be hidden, and long to wait for
		}
	})
	asked := map[int32]int64{}
	for num, w := range r.last {
		// Rows that retention took were there.
		if w.known && w.rows.count[i] > 0 && w.rows.from[i] >= offsetOf(starts, topic, num) {
			asked[num] = w.rows.count[i]
			tail.add(num, w.rows.from[i], offsetOf(ends, topic, num))
		}
	}
	if err := tail.read(ctx); err != nil {
		return err
	}
	for num, count := range asked {
		if found[num] < count {
			torn[num] = true
			r.log.Warn("scoring: a killed broker kept a transaction's leads without its rows; it is done again from its events",
				zap.String("topic", topic), zap.Int32("partition", num), zap.Int64("rows", count), zap.Int64("found", found[num]))
		}
	}
	return nil
}

// leaveOut keeps the state from before the transaction, and makes its events be
// read again. Readers have seen its records, so the next revisions are above them.
func (r *restorer) leaveOut(p *partition, w *written) {
	r.metrics.torn.Inc()
	p.rewind, p.changelog = true, w.first
	for _, rec := range w.records {
		lead := new(pb.LeadRecord)
		if rec.Value == nil || proto.Unmarshal(rec.Value, lead) != nil {
			continue
		}
		id, err := schemas.LeadOfRecord(rec.Key)
		if err != nil {
			continue
		}
		p.leads.raiseRevision(p.model, id, lead.Revision)
	}
}
