package ingest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"leadstream/ingest/protocol"
	"leadstream/ingest/spool"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// TestPatienceEnds: who waits for a broker that is silent is told, in the order in which they came, and nobody who was answered.
func TestPatienceEnds(t *testing.T) {
	p := &patience{tick: time.Millisecond}
	var silent []*sending
	answered := newSending()
	for i := range 3 {
		s := newSending()
		s.load(make([]spool.Record, 1))
		p.begin(s)
		silent = append(silent, s)
		if i == 1 {
			answered.load(make([]spool.Record, 1))
			p.begin(answered)
		}
	}
	answered.acknowledged(&answered.records[0], nil)
	<-answered.done
	require.True(t, p.end(answered), "its wait was not ended")
	require.NoError(t, answered.outcome())
	for _, s := range silent {
		<-s.done
		require.False(t, p.end(s), "patience has ended it")
		require.False(t, s.complete())
	}
	require.Empty(t, answered.done, "a word for who does not wait")
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Nil(t, p.first)
	require.Nil(t, p.last)
	require.GreaterOrEqual(t, p.ticks, uint64(waitTicks), "not before its time")
}

// TestASendingIsUsedAgain: nothing of one request's answer is left for the next.
func TestASendingIsUsedAgain(t *testing.T) {
	s := newSending()
	s.load(make([]spool.Record, 2))
	s.acknowledged(&s.records[1], kerr.MessageTooLarge)
	require.False(t, s.complete())
	s.acknowledged(&s.records[0], nil)
	<-s.done
	var no *spool.Refused
	require.ErrorAs(t, s.outcome(), &no)
	require.Equal(t, []int{1}, no.Index)
	s.load(make([]spool.Record, 1))
	require.Equal(t, []int{1}, no.Index, "who was told keeps it")
	s.acknowledged(&s.records[0], errors.New("away"))
	<-s.done
	require.ErrorIs(t, s.outcome(), errBrokerAway)
	s.load(make([]spool.Record, 1))
	s.acknowledged(&s.records[0], nil)
	<-s.done
	require.NoError(t, s.outcome())
}

// TestParcelsAreTheirOwn: records of a parcel that is used again are those of its request, the values what proto would write.
func TestParcelsAreTheirOwn(t *testing.T) {
	p := &parcel{sending: newSending()}
	for n := range 40 {
		var l letters
		for i := range n % 7 {
			l.events = append(l.events, &pb.Event{EventId: fmt.Sprintf("%d-%d", n, i), Site: "demo", AnonymousId: fmt.Sprint("a", n*i), Properties: make([]byte, n*i)})
		}
		if n%3 == 0 {
			l.dead = append(l.dead, &pb.DeadLetter{Reason: "r"})
		}
		require.NoError(t, p.pack(l))
		require.Len(t, p.records, len(l.events)+len(l.dead))
		for i, e := range l.events {
			require.Equal(t, string(schemas.AppendEventKey(nil, e.Site, e.AnonymousId, e.UserId)), string(p.records[i].Key))
			again := &pb.Event{}
			require.NoError(t, proto.Unmarshal(p.records[i].Value, again))
			require.True(t, proto.Equal(e, again))
		}
	}
}

// ours are the texts that no decoder fills.
var ours = map[protoreflect.Name]bool{
	"host": true, "path": true, "referrer_host": true, "channel": true, "device": true, "browser": true, "os": true, "bot_kind": true, "network": true, "network_owner": true,
}

// TestEveryTextIsValid: the encoder writes what it is given, and a text that is no UTF-8 would stop readers of the topic. So each
// text that a sender can fill comes out of the pipeline as one.
func TestEveryTextIsValid(t *testing.T) {
	fields := (&pb.Event{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Kind() != protoreflect.StringKind || field.IsList() || ours[field.Name()] {
			continue
		}
		e := &pb.Event{Type: "page", AnonymousId: "a", EventId: "e"}
		if field.Name() != "type" {
			e.ProtoReflect().Set(field, protoreflect.ValueOfString("x\xff\x00y"))
		}
		it := newBench().run(protocol.Item{Event: e})
		require.Nil(t, it.Fault, field.Name())
		_, err := proto.Marshal(it.Event)
		require.NoError(t, err, field.Name())
		require.NotContains(t, it.Event.ProtoReflect().Get(field).String(), "\x00", field.Name())
	}
}
