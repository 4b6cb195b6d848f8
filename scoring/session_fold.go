package scoring

import (
	"fmt"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fold takes all records of a poll into the transaction.
func (s *session) fold(fetches kgo.Fetches) error {
	shares, err := s.shares(fetches)
	if err != nil || len(shares) == 0 {
		return err
	}
	together(shares, func(sh *share) {
		for _, f := range sh.fetched {
			for _, r := range f.Records {
				if !r.Attrs.IsControl() {
					s.take(sh.p, r)
				}
			}
			at := sh.p.passed(f)
			s.metrics.read(f.Topic, sh.p.num, f.HighWatermark-at)
		}
	})
	return nil
}

// shares gathers what a poll has by partition, and opens a transaction for it.
func (s *session) shares(fetches kgo.Fetches) (out []*share, err error) {
	by := map[int32]*share{}
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if err != nil || len(f.Records) == 0 {
			return
		}
		p := s.parts[f.Partition]
		if p == nil {
			err = fmt.Errorf("scoring: records of %s/%d, which is not ours or not restored", f.Topic, f.Partition)
			return
		}
		*p.high.of(f.Topic) = f.HighWatermark
		p.idleSince = s.now().UnixMilli()
		if onlyMarkers(f.Records) { // no transaction for them: it would end in one
			s.metrics.read(f.Topic, p.num, f.HighWatermark-p.passed(f))
			return
		}
		if err = s.begin(); err != nil {
			return
		}
		s.txn.join(p)
		s.txn.records += len(f.Records)
		if by[p.num] == nil {
			by[p.num] = &share{p: p}
			out = append(out, by[p.num])
		}
		by[p.num].fetched = append(by[p.num].fetched, f)
	})
	return out, err
}

// The end of every transaction is a record of its own in the topic. The client is told to show them: else a partition
// of routed, in which one of them is always the last, would never be known to have been read to its end, and timers
// wait for that (partition.clock).

func onlyMarkers(records []*kgo.Record) bool {
	for _, r := range records {
		if !r.Attrs.IsControl() {
			return false
		}
	}
	return true
}

// passed notes that all of a fetch has been read, and tells where the next begins.
func (p *partition) passed(f kgo.FetchTopicPartition) int64 {
	next := p.next.of(f.Topic)
	*next = max(*next, f.Records[len(f.Records)-1].Offset+1)
	return *next
}

// take folds one record, or writes it to dead letters.
func (s *session) take(p *partition, r *kgo.Record) {
	*p.next.of(r.Topic) = r.Offset + 1
	done := p.fence.of(r.Topic)
	if r.Offset <= *done {
		p.work.tally.skipped++
		return
	}
	*done = r.Offset
	if r.Topic == schemas.TopicRouted {
		if s.concerns(r) {
			s.takeRouted(p, r)
		}
		return
	}
	ev := &p.work.event
	id, no := decodeInto(r, ev)
	if no == nil {
		no = s.foldInto(p, incoming{id: id, event: ev, source: p.work.pieces.source(r), record: r})
	} else if s.track != "" {
		return // the first track's worker buries what no track can read
	} else {
		ev = nil // half of it may have been read
	}
	if no != nil {
		s.bury(p, r, no, ev)
		return
	}
	p.work.tally.events++
	p.work.tally.last[p.num] = moment{ev.ReceivedAt, ev.EventTime}
}

// takeRouted takes what another home sent, or the leads API.
func (s *session) takeRouted(p *partition, r *kgo.Record) {
	id, routed, no := decodeRouted(r)
	if no == nil {
		src := p.work.pieces.source(r)
		if erase := routed.GetErase(); erase != nil {
			p.erase(p.model, id, string(r.Key), erase, src)
			s.route(p)
			p.work.tally.erased++
			return
		}
		no = s.foldInto(p, incoming{id: id, routed: routed, source: src, record: r})
	}
	if no != nil {
		s.bury(p, r, no, routed.GetEvent())
		return
	}
	if ev := routed.GetEvent(); ev != nil && len(p.sends) == 0 {
		p.work.tally.last[p.num] = moment{ev.ReceivedAt, ev.EventTime}
	}
}

// foldInto folds one record and writes what comes of it.
func (s *session) foldInto(p *partition, in incoming) *refusal {
	p.importing.note(in.receivedAt(), in.record.Timestamp, p.idleSince)
	apply := s.apply
	if apply == nil {
		apply = p.model.Apply
	}
	out, no := p.fold(p.model, apply, in)
	s.emit(p, out)
	s.route(p)
	return no
}

// bury writes a refused record to dead letters.
func (s *session) bury(p *partition, r *kgo.Record, no *refusal, ev *pb.Event) {
	p.work.tally.deadLetters[no.reason]++
	letter := deadLetter(r, no, ev, s.now().UnixMilli())
	s.produce(p, schemas.TopicDeadLetter, letter.Key, letter)
	s.txn.refusedFirst(r, no)
}
