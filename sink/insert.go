package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sync/errgroup"
)

// inserter is the only one that writes to ClickHouse. It keeps a few
// connections: each table is one block (the events of a large batch two), one insert, one part a month.
type inserter struct {
	options ch.Options
	// As many slots as connections; a slot is nil until it is dialled.
	slots   chan *ch.Client
	timeout time.Duration
	// How long a table that takes not one row of a batch may be mended before the rows are given up.
	patience time.Duration
	metrics  *metrics
}

func newInserter(options ch.Options, cfg Config, m *metrics) *inserter {
	in := &inserter{options: options, slots: make(chan *ch.Client, cfg.Connections), timeout: cfg.InsertTimeout, patience: cfg.RefusedPatience, metrics: m}
	for range cfg.Connections {
		in.slots <- nil
	}
	return in
}

// write puts all tables of a sealed batch into ClickHouse, except those that
// an earlier try has written. On an error nothing is lost: the caller tries
// the same batch again, with the same tokens.
func (in *inserter) write(ctx context.Context, b *batch) error {
	var group errgroup.Group
	group.SetLimit(cap(in.slots))
	tables := b.tables()
	done := make([]bool, len(tables))
	lost := make([][]refusedRecord, len(tables))
	for i, t := range tables {
		if t.rows() == 0 || b.written[t] {
			continue
		}
		if b.singling[t] == nil {
			b.singling[t] = new(singling)
		}
		single := b.singling[t]
		group.Go(func() (err error) {
			lost[i], err = in.writeTable(ctx, b, t, single)
			done[i] = err == nil
			return err
		})
	}
	err := group.Wait()
	for i, t := range tables {
		if done[i] {
			b.written[t] = true
			b.refused = append(b.refused, lost[i]...)
		}
	}
	return err
}

// writeTable inserts one table; when ClickHouse refuses a value in it, the rows
// go in without the records that carry such values, which are returned.
func (in *inserter) writeTable(ctx context.Context, b *batch, t table, s *singling) ([]refusedRecord, error) {
	if len(s.parts) == 0 { // else it is known that the table does not go in as a whole
		if s.cause = in.insert(ctx, t, b.token(t)); !isBadData(s.cause) {
			return nil, s.cause
		}
	}
	return in.singleOut(ctx, s, b, t)
}

// insert sends one block and waits until it is a part on disk.
func (in *inserter) insert(ctx context.Context, t table, token string) error {
	ctx, cancel := context.WithTimeout(ctx, in.timeout)
	defer cancel()
	client, err := in.take(ctx)
	if err == nil {
		began := time.Now()
		err = client.Do(ctx, ch.Query{
			Body:     t.input().Into(t.tableName()),
			Input:    t.input(),
			Settings: insertSettings(token),
		})
		if err == nil {
			now := time.Now()
			in.metrics.tookTable(t, now.Sub(began), now)
		}
	}
	in.give(client, err)
	if err != nil {
		in.metrics.insertFails.WithLabelValues(t.tableName()).Inc()
		return fmt.Errorf("insert %d rows into %s at %s: %w", t.rows(), t.tableName(), in.options.Address, err)
	}
	return nil
}

func insertSettings(token string) []ch.Setting {
	return []ch.Setting{
		{Key: "insert_deduplication_token", Value: token, Important: true},
		// A batch that catches up may span more months than the default of 100
		// partitions; refusing it would stop the line.
		{Key: "max_partitions_per_insert_block", Value: "0", Important: true},
		// {"a":1,"a":2} is an object to every browser; the server's default refuses the block.
		{Key: "type_json_skip_duplicated_paths", Value: "1", Important: true},
		// An asynchronous insert would be acknowledged before it is on disk.
		{Key: "async_insert", Value: "0", Important: true},
	}
}

// take waits for a free slot and dials when it has no connection.
func (in *inserter) take(ctx context.Context) (*ch.Client, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case client := <-in.slots:
		if client != nil && !client.IsClosed() {
			return client, nil
		}
		client, err := ch.Dial(ctx, in.options)
		if err != nil {
			in.slots <- nil
			return nil, err
		}
		return client, nil
	}
}

// give frees the slot. After an error the connection's state is unknown: a new
// one costs a handshake, an old one might answer the wrong question.
func (in *inserter) give(client *ch.Client, err error) {
	if client == nil {
		return
	}
	if err != nil {
		_ = client.Close()
		client = nil
	}
	in.slots <- client
}

func (in *inserter) close() {
	for range cap(in.slots) {
		if client := <-in.slots; client != nil {
			_ = client.Close()
		}
	}
}

// badData are the server's words for "this value", as against "not now" or "not this table".
var badData = []proto.Error{
	proto.ErrCannotParseText, proto.ErrCannotParseEscapeSequence, proto.ErrCannotParseQuotedString,
	proto.ErrCannotParseInputAssertionFailed, proto.ErrCannotParseNumber, proto.ErrCannotParseDate, proto.ErrCannotParseDatetime,
	proto.ErrIncorrectData, proto.ErrTooLargeStringSize, proto.ErrArgumentOutOfBound, proto.ErrTooDeepRecursion,
	proto.ErrCannotConvertType, proto.ErrBadArguments, proto.ErrViolatedConstraint,
}

func isBadData(err error) bool {
	var exception *ch.Exception
	return errors.As(err, &exception) && exception.IsCode(badData...)
}
