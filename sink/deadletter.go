package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

const (
	stageName = "sink"
	// headBytes is what is kept of a payload that does not fit a record together
	// with its envelope. Its place in the source topic stays in the letter.
	headBytes = 64 << 10
	// detailBytes bounds the error's text: servers quote what they could not read.
	detailBytes = 2 << 10
)

// sendDeadLetters puts the refused records into the dead-letter topic and
// returns when all in-sync replicas have them. Until then no offset moves.
func sendDeadLetters(ctx context.Context, client *kgo.Client, refused []refusedRecord, now time.Time) error {
	records := make([]*kgo.Record, 0, len(refused))
	for _, letter := range refused {
		rec, err := deadLetter(letter, letter.Value, "", now)
		if err != nil {
			return err
		}
		records = append(records, rec)
	}
	for i, result := range client.ProduceSync(ctx, records...) {
		err := result.Err
		if errors.Is(err, kerr.MessageTooLarge) {
			err = sendHead(ctx, client, refused[i], now)
		}
		if err != nil {
			at := refused[i]
			return fmt.Errorf("dead letter for %s/%d offset %d: %w", at.Topic, at.Partition, at.Offset, err)
		}
	}
	return nil
}

// sendHead sends as much as surely fits: a letter that cannot be sent would stop the line.
func sendHead(ctx context.Context, client *kgo.Client, letter refusedRecord, now time.Time) error {
	note := fmt.Sprintf("the first %d of %d bytes; ", min(headBytes, len(letter.Value)), len(letter.Value))
	rec, err := deadLetter(letter, letter.Value[:min(headBytes, len(letter.Value))], note, now)
	if err != nil {
		return err
	}
	return client.ProduceSync(ctx, rec).FirstErr()
}

func deadLetter(letter refusedRecord, payload []byte, note string, now time.Time) (*kgo.Record, error) {
	var cut clamps
	value, err := proto.Marshal(&pb.DeadLetter{
		Stage:     stageName,
		Reason:    letter.why.reason,
		Detail:    note + cut.cut(validText(letter.why.err.Error()), detailBytes),
		Topic:     letter.Topic,
		Partition: letter.Partition,
		Offset:    letter.Offset,
		Key:       letter.Key[:min(len(letter.Key), headBytes)],
		Payload:   payload,
		At:        now.UnixMilli(),
		ReplayOf:  replayOf(letter.Record),
	})
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	// The source's key: what belongs together is replayed in order.
	return &kgo.Record{Topic: schemas.TopicDeadLetter, Key: letter.Key[:min(len(letter.Key), headBytes)], Value: value}, nil
}

// replayOf names the dead letter that the record was, if it was one.
func replayOf(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == schemas.ReplayHeader {
			return validText(string(h.Value[:min(len(h.Value), 64)]))
		}
	}
	return ""
}
