package scoring

import (
	"context"
	"maps"
	"slices"
	"syscall"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// hire starts a worker in a slot that is free.
func (s *soak) hire(slot int) {
	s.workers[slot] = s.process(workerEnv(slot, s.wires[slot], s.env...)...)
}

// retire stops a worker as an operator does.
func (s *soak) retire(slot int) {
	s.workers[slot].stop()
	delete(s.workers, slot)
}

// anyone is the slot of a worker that lives.
func (s *soak) anyone() int {
	slots := slices.Sorted(maps.Keys(s.workers))
	return slots[s.rnd.IntN(len(slots))]
}

func (s *soak) scaleTo(n int) {
	for slot := range s.wires {
		switch alive := s.workers[slot] != nil; {
		case !alive && len(s.workers) < n:
			s.hire(slot)
		case alive && len(s.workers) > n:
			s.retire(slot)
		}
	}
}

func (s *soak) scaled() { s.scaleTo(1 + (len(s.workers)+s.rnd.IntN(2))%3) }

func (s *soak) killed() {
	slot := s.anyone()
	s.workers[slot].kill()
	time.Sleep(time.Duration(s.rnd.IntN(300)) * time.Millisecond)
	s.hire(slot)
}

func (s *soak) stopped() {
	slot := s.anyone()
	s.retire(slot)
	s.hire(slot)
}

// asleep is a zombie: when it wakes up, in the middle of a transaction, its partitions are others'.
func (s *soak) asleep() {
	s.scaleTo(max(2, len(s.workers)))
	p := s.workers[s.anyone()]
	p.freeze()
	time.Sleep(soakSession) // with this it is put out; the others go on
	s.progress(s.group)
	p.thaw()
}

// replaced is what a supervisor does that thinks a worker is dead: two of one transactional id.
func (s *soak) replaced() {
	slot := s.anyone()
	zombie := s.workers[slot]
	zombie.freeze()
	s.hire(slot)
	s.progress(s.group)
	zombie.thaw()
	time.Sleep(time.Duration(s.rnd.IntN(400)) * time.Millisecond) // as long as it takes to say what it had to say
	_ = zombie.cmd.Process.Signal(syscall.SIGKILL)
	_ = zombie.cmd.Wait() // killed
}

func (s *soak) cutOff() { s.wires[s.anyone()].cut(false) }

// parted: the worker is well, and alone.
func (s *soak) parted() {
	w := s.wires[s.anyone()]
	w.cut(true)
	time.Sleep(soakSession + time.Duration(s.rnd.IntN(500))*time.Millisecond)
	w.cut(false)
}

// fallen is a power switch for the processes of a machine, whose disk lives: all are killed at once,
// and started again over what the broker's log has.
func (s *soak) fallen(before func()) {
	for _, p := range s.workers {
		p.freeze()
	}
	s.broker.Kill()
	n := len(s.workers)
	for slot, p := range s.workers {
		p.kill()
		delete(s.workers, slot)
	}
	s.broker.Start()
	before()
	s.scaleTo(n)
}

func (s *soak) bounced() {
	s.broker.Kill()
	s.broker.Start()
}

// sendSurely is a collector with a spool: it sends until the broker has said yes to every event.
func (s *soak) sendSurely(events []*pb.Event) {
	for len(events) > 0 {
		cl, err := kgo.NewClient(kgo.SeedBrokers(s.addrs...), kgo.ProducerLinger(oneBatch), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
			kgo.AllowIdempotentProduceCancellation(), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(100*time.Millisecond))
		if err != nil {
			panic(err) // options that do not fit each other
		}
		records := make([]*kgo.Record, len(events))
		for i, ev := range events {
			b, _ := proto.Marshal(ev)
			records[i] = &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: b,
				Timestamp: time.UnixMilli(ev.ReceivedAt), Context: context.WithValue(context.Background(), eventOf{}, ev)}
		}
		events = nil
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // the client's own limit counts from a record's timestamp
		for _, result := range cl.ProduceSync(ctx, records...) {
			if result.Err != nil {
				events = append(events, result.Record.Context.Value(eventOf{}).(*pb.Event))
			}
		}
		cancel()
		cl.Close()
	}
}

// eventOf is the key under which a record knows its event.
type eventOf struct{}
