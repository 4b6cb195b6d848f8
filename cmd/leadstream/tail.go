package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// tailWord reads with kafka-go, not with the client that wrote: broker and
// writer share an author, and a second witness should not.
type tailWord struct {
	Topic  string `arg:"" help:"Topic, such as leadstream.events.v1 (or short: events, leads, ledger, stages, routed, deadletter)."`
	From   string `help:"Where to begin: start or end." enum:"start,end" default:"start"`
	Follow bool   `short:"f" help:"Wait for more when the end is reached."`
	Limit  int    `short:"n" help:"Stop after so many records; 0 = no limit." default:"0"`
}

func (w *tailWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	topic, err := fullTopic(w.Topic)
	if err != nil {
		return err
	}
	return tail(ctx, g.stdout, cfg.Kafka.Brokers[0], topic, *w)
}

func fullTopic(name string) (string, error) {
	for _, t := range schemas.Topics() {
		if name == t.Name || "leadstream."+name+".v1" == t.Name {
			return t.Name, nil
		}
	}
	return "", fmt.Errorf("topic %q is not one of leadstream's: events, routed, leads, ledger, stages, deadletter", name)
}

// tail prints records as they come, partitions side by side, one JSON object a
// line, until the ends that stood when it began (or for ever with Follow).
func tail(ctx context.Context, out io.Writer, broker, topic string, w tailWord) error {
	conn, err := kafka.DialContext(ctx, "tcp", broker)
	if err != nil {
		return fmt.Errorf("broker %s does not answer: %w (start one with `leadstream all`, or name it in kafka.brokers)", broker, err)
	}
	partitions, err := conn.ReadPartitions(topic)
	conn.Close()
	if err != nil {
		return fmt.Errorf("topic %s on %s: %w (create it with `leadstream migrate`)", topic, broker, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	printer := &recordPrinter{out: out, left: w.Limit, cancel: cancel, limited: w.Limit > 0}
	var wg sync.WaitGroup
	errs := make([]error, len(partitions))
	for i, p := range partitions {
		wg.Go(func() { errs[i] = tailPartition(ctx, printer, broker, topic, p.ID, w) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func tailPartition(ctx context.Context, printer *recordPrinter, broker, topic string, partition int, w tailWord) error {
	leader, err := kafka.DialLeader(ctx, "tcp", broker, topic, partition)
	if err != nil {
		return fmt.Errorf("partition %d: %w", partition, err)
	}
	first, last, err := leader.ReadOffsets()
	leader.Close()
	if err != nil {
		return fmt.Errorf("partition %d: offsets: %w", partition, err)
	}
	start := first
	if w.From == "end" {
		start = last
	}
	if start >= last && !w.Follow {
		return nil
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{broker}, Topic: topic, Partition: partition,
		MinBytes: 1, MaxBytes: 10 << 20, MaxWait: 250 * time.Millisecond,
		IsolationLevel: kafka.ReadCommitted,
	})
	defer reader.Close()
	if err := reader.SetOffset(start); err != nil {
		return fmt.Errorf("partition %d: %w", partition, err)
	}
	for {
		m, err := readNext(ctx, reader, w.Follow)
		if errors.Is(err, context.Canceled) || errors.Is(err, errQuiet) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("partition %d: %w", partition, err)
		}
		if !marker(m) {
			printer.print(m)
		}
		if m.Offset+1 >= last && !w.Follow {
			return nil
		}
	}
}

// marker tells the control record that ends a transaction. kafka-go hands it out
// like any other: its key is a version and a type of two bytes each (Kafka's
// protocol guide, "Control Records"), which no key of ours begins like.
func marker(m kafka.Message) bool {
	return len(m.Key) == 4 && m.Key[0] == 0 && m.Key[1] == 0
}

var errQuiet = errors.New("nothing more")

// readNext gives up after a silence when not following: control records of
// transactions take offsets that no reader ever sees, so the last offset may
// never come.
func readNext(ctx context.Context, reader *kafka.Reader, follow bool) (kafka.Message, error) {
	if follow {
		return reader.ReadMessage(ctx)
	}
	quiet, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	m, err := reader.ReadMessage(quiet)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return m, errQuiet
	}
	return m, err
}

type recordPrinter struct {
	mu      sync.Mutex
	out     io.Writer
	limited bool
	left    int
	cancel  context.CancelFunc
}

func (p *recordPrinter) print(m kafka.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limited && p.left == 0 {
		return
	}
	fmt.Fprintf(p.out, "{\"partition\":%d,\"offset\":%d,\"key\":%s,\"value\":%s}\n", m.Partition, m.Offset, quoted(string(m.Key)), readable(m.Topic, m.Value))
	if p.limited {
		if p.left--; p.left == 0 {
			p.cancel()
		}
	}
}

// readable is the record as JSON, or its bytes and the reason it cannot be read.
func readable(topic string, value []byte) string {
	m := message(topic)
	if err := proto.Unmarshal(value, m); err != nil {
		return unreadable(value, err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return unreadable(value, err)
	}
	return string(text)
}

func unreadable(value []byte, why error) string {
	return fmt.Sprintf("{\"unreadable\":%s,\"bytes\":\"%x\"}", quoted(why.Error()), value)
}

// quoted is text as JSON quotes it; Go's own quotes have escapes that JSON does not know.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""` // unreachable: a string
	}
	return string(b)
}

func message(topic string) proto.Message {
	switch topic {
	case schemas.TopicEvents:
		return new(pb.Event)
	case schemas.TopicRouted:
		return new(pb.Routed)
	case schemas.TopicLeads:
		return new(pb.LeadRecord)
	case schemas.TopicLedger:
		return new(pb.LedgerRow)
	case schemas.TopicStages:
		return new(pb.StageRow)
	default:
		return new(pb.DeadLetter)
	}
}
