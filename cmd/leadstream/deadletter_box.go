package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"leadstream/ingest"
	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// letter is a dead letter and its place in the topic.
type letter struct {
	*pb.DeadLetter
	partition int32
	offset    int64
}

func (l letter) place() string { return fmt.Sprintf("%d:%d", l.partition, l.offset) }

// letterBox is the dead-letter topic, as far as it stood when it was opened.
type letterBox struct {
	client     *kgo.Client
	cfg        Config
	letters    []letter
	unreadable int
	superseded map[string]bool // places of letters whose replay failed again
}

func openLetters(g *globals) (*letterBox, error) {
	cfg, _, err := g.load()
	if err != nil {
		return nil, err
	}
	cfg.stores()
	client, err := kafka.NewClient(cfg.Kafka, zap.NewNop(), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	box := &letterBox{client: client, cfg: cfg, superseded: map[string]bool{}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := box.read(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("topic %s on %v: %w (start a broker with `leadstream all`, or name it in kafka.brokers)", schemas.TopicDeadLetter, cfg.Kafka.Brokers, err)
	}
	return box, nil
}

func (b *letterBox) close() { b.client.Close() }

// each hands out the letters, oldest first within a partition.
func (b *letterBox) each(do func(letter)) error {
	for _, l := range b.letters {
		do(l)
	}
	if b.unreadable > 0 {
		return fmt.Errorf("%d records of %s are no dead letters; `leadstream tail deadletter` shows their bytes", b.unreadable, schemas.TopicDeadLetter)
	}
	return nil
}

// read gathers what stood in the topic when it began.
func (b *letterBox) read(ctx context.Context) error {
	admin := kadm.NewClient(b.client)
	asked, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	starts, err := admin.ListStartOffsets(asked, schemas.TopicDeadLetter)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return err
	}
	ends, err := admin.ListCommittedOffsets(asked, schemas.TopicDeadLetter)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	left, from := map[int32]int64{}, map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(end.Topic, end.Partition); ok && start.Offset < end.Offset {
			left[end.Partition], from[end.Partition] = end.Offset, kgo.NewOffset().At(start.Offset)
		}
	})
	b.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{schemas.TopicDeadLetter: from})
	heard := time.Now()
	for len(left) > 0 {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches := b.client.PollRecords(poll, 10_000)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return e.Err
			}
		}
		fetches.EachRecord(func(r *kgo.Record) {
			heard = time.Now()
			b.take(r, left)
		})
		// Records of an aborted transaction show nothing: at an end of such, silence is the end.
		if time.Since(heard) > 5*time.Second {
			break
		}
	}
	return nil
}

func (b *letterBox) take(r *kgo.Record, left map[int32]int64) {
	end, reading := left[r.Partition]
	if !reading || r.Offset >= end {
		return
	}
	if r.Offset == end-1 {
		delete(left, r.Partition)
	}
	if r.Attrs.IsControl() {
		return
	}
	d := new(pb.DeadLetter)
	if proto.Unmarshal(r.Value, d) != nil {
		b.unreadable++
		return
	}
	if d.ReplayOf != "" {
		b.superseded[d.ReplayOf] = true
	}
	b.letters = append(b.letters, letter{d, r.Partition, r.Offset})
}

// replayed is what came of a replay.
type replayed struct {
	letters, events, again, records int
	not                             map[string]int // why letters could not be played
	skipped                         int
}

func (r *replayed) print(out io.Writer, dry bool) {
	verb := "played"
	if dry {
		verb = "would play"
	}
	fmt.Fprintf(out, "%s %d letters: %d events to %s, %d records to where they came from, %d failed again\n", verb, r.letters, r.events, schemas.TopicEvents, r.records, r.again)
	if r.skipped > 0 {
		fmt.Fprintf(out, "%d were played before and failed again; the letter that each became stands for it\n", r.skipped)
	}
	for why, n := range r.not {
		fmt.Fprintf(out, "%d not played: %s\n", n, why)
	}
}

// replay plays letters in their order and waits for the broker's acknowledgement of each lot.
func (b *letterBox) replay(ctx context.Context, chosen []letter, dry bool, out io.Writer) (*replayed, error) {
	done := &replayed{not: map[string]int{}}
	replayer, err := ingest.NewReplayer(b.cfg.Ingest)
	if err != nil {
		return done, err
	}
	const lot = 500
	for from := 0; from < len(chosen); from += lot {
		var records []*kgo.Record
		for _, l := range chosen[from:min(from+lot, len(chosen))] {
			made, err := b.again(replayer, l, done)
			if err != nil {
				done.not[err.Error()]++
				if dry {
					fmt.Fprintf(out, "%s  %s: %v\n", l.place(), l.Reason, err)
				}
				continue
			}
			done.letters++
			if dry {
				fmt.Fprintf(out, "%s  %s: %s\n", l.place(), l.Reason, outcomeOf(made))
			}
			records = append(records, made...)
		}
		if !dry {
			if err := b.produce(ctx, records); err != nil {
				return done, fmt.Errorf("the broker did not take all of %d records: %w (play them again: what arrived counts once)", len(records), err)
			}
		}
	}
	return done, nil
}

func outcomeOf(made []*kgo.Record) string {
	for _, r := range made {
		if r.Topic == schemas.TopicDeadLetter {
			d := new(pb.DeadLetter)
			if err := proto.Unmarshal(r.Value, d); err == nil {
				return "would fail again: " + d.Reason + ": " + d.Detail
			}
		}
	}
	if len(made) == 0 {
		return "would leave nothing: the visitor did not consent"
	}
	return "would go to " + made[0].Topic
}

// again is what one letter becomes.
func (b *letterBox) again(replayer *ingest.Replayer, l letter, done *replayed) ([]*kgo.Record, error) {
	if l.Stage == "ingest" {
		records, events, again, err := replayer.Replay(l.DeadLetter, l.partition, l.offset)
		if err != nil {
			return nil, err
		}
		done.events, done.again = done.events+events, done.again+again
		var made []*kgo.Record
		for _, r := range records {
			made = append(made, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: b.link(l)})
		}
		return made, nil
	}
	switch l.Topic {
	case schemas.TopicEvents, schemas.TopicRouted, schemas.TopicLedger, schemas.TopicStages:
	case schemas.TopicLeads:
		return nil, fmt.Errorf("%w: an older state of a lead would replace its newest one; the lead's next change writes it whole", ingest.ErrNotReplayable)
	default:
		return nil, fmt.Errorf("%w: it names no source topic", ingest.ErrNotReplayable)
	}
	if cutShort(l.DeadLetter) {
		return nil, fmt.Errorf("%w: only the first bytes of it were kept; the whole stands at %s, partition %d, offset %d, while the topic keeps it", ingest.ErrNotReplayable, l.Topic, l.Partition, l.Offset)
	}
	done.records++
	return []*kgo.Record{{Topic: l.Topic, Key: l.Key, Value: l.Payload, Headers: b.link(l)}}, nil
}

// cutShort tells a record that was larger than a letter holds, by the bounds of scoring and sink.
func cutShort(d *pb.DeadLetter) bool {
	return strings.HasPrefix(d.Detail, "the first ") && strings.Contains(d.Detail, " bytes; ") ||
		len(d.Payload) >= 900_000 || len(d.Key) >= 10_000
}

// link lets the stage that refuses the record once more say whose replay it was.
func (b *letterBox) link(l letter) []kgo.RecordHeader {
	return []kgo.RecordHeader{{Key: schemas.ReplayHeader, Value: []byte(l.place())}}
}

func (b *letterBox) produce(ctx context.Context, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return b.client.ProduceSync(ctx, records...).FirstErr()
}
