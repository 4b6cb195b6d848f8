package scoring

import (
	"bytes"
	"strings"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestDecodeRefusesWithOneWord(t *testing.T) {
	whole := func() *pb.Event {
		return &pb.Event{EventId: "e", Site: "demo", AnonymousId: "v", Type: "page", EventTime: 5, ReceivedAt: 6}
	}
	for name, c := range map[string]struct {
		change func(*pb.Event)
		key    string
		reason string
	}{
		"whole":             {func(*pb.Event) {}, "demo/v", ""},
		"by user id":        {func(e *pb.Event) { e.AnonymousId, e.UserId = "", "u" }, "demo/u", ""},
		"no event id":       {func(e *pb.Event) { e.EventId = "" }, "demo/v", reasonIncomplete},
		"no site":           {func(e *pb.Event) { e.Site = "" }, "/v", reasonIncomplete},
		"no visitor":        {func(e *pb.Event) { e.AnonymousId = "" }, "demo/", reasonIncomplete},
		"no receipt":        {func(e *pb.Event) { e.ReceivedAt = 0 }, "demo/v", reasonIncomplete},
		"before 1970":       {func(e *pb.Event) { e.EventTime = -1 }, "demo/v", reasonIncomplete},
		"a huge id":         {func(e *pb.Event) { e.EventId = strings.Repeat("x", maxWord+1) }, "demo/v", reasonOversized},
		"a huge name":       {func(e *pb.Event) { e.Name = strings.Repeat("x", maxWord+1) }, "demo/v", reasonOversized},
		"another's key":     {func(*pb.Event) {}, "demo/w", reasonMisrouted},
		"another site's":    {func(*pb.Event) {}, "other/v", reasonMisrouted},
		"no key whatsoever": {func(*pb.Event) {}, "", reasonMisrouted},
	} {
		t.Run(name, func(t *testing.T) {
			ev := whole()
			c.change(ev)
			b, err := proto.Marshal(ev)
			require.NoError(t, err)
			id, got, no := decode(&kgo.Record{Topic: schemas.TopicEvents, Key: []byte(c.key), Value: b})
			if c.reason != "" {
				require.NotNil(t, no)
				require.Equal(t, c.reason, no.reason)
				require.Contains(t, reasons, no.reason)
				return
			}
			require.Nil(t, no)
			require.Equal(t, schemas.NewLeadID(c.key), id)
			require.True(t, proto.Equal(ev, got))
		})
	}
}

func TestALetterFitsTheBrokersLimit(t *testing.T) {
	r := &kgo.Record{Topic: schemas.TopicEvents, Key: bytes.Repeat([]byte("k"), 200_000), Value: bytes.Repeat([]byte{0xff}, 2<<20)}
	l := deadLetter(r, refuse(reasonUndecodable, "%s", bytes.Repeat([]byte("x"), 5000)), nil, 7)
	b, err := proto.Marshal(l)
	require.NoError(t, err)
	require.Less(t, len(b), maxOutput)
	require.Len(t, l.Detail, 1000)
}

// FuzzDecode: no bytes make it panic, and what passes is fit to be folded.
func FuzzDecode(f *testing.F) {
	good, err := proto.Marshal(visits(1, 1, 1)[0])
	require.NoError(f, err)
	f.Add(false, []byte("demo/visitor-1-0"), good)
	f.Add(true, []byte("x"), append([]byte{0x0a, 16}, make([]byte, 16)...))
	f.Add(false, []byte(nil), []byte("\xff"))
	f.Fuzz(func(t *testing.T, routed bool, key, value []byte) {
		topic := schemas.TopicEvents
		if routed {
			topic = schemas.TopicRouted
		}
		rec := &kgo.Record{Topic: topic, Key: key, Value: value}
		in := incoming{source: &pb.Source{}, record: rec}
		var no *refusal
		if routed {
			in.id, in.routed, no = decodeRouted(rec)
		} else {
			in.id, in.event, no = decode(rec)
		}
		if no != nil || in.routed.GetErase() != nil {
			return
		}
		ev := in.event
		if want := new(pb.Event); !routed {
			require.NoError(t, proto.Unmarshal(value, want), "readers of protobuf refuse it")
			require.True(t, proto.Equal(want, ev), "want %v\n got %v", want, ev)
		}
		p := newPartition(0, 0)
		if _, bad := p.fold(testModel, testModel.Apply, in); bad != nil && bad.reason == reasonPanic {
			t.Fatalf("the model panics: %s", bad.detail)
		}
		p.records(testModel, func(rec *pb.LeadRecord) {
			if _, err := testModel.Restore(rec); err != nil {
				t.Fatalf("a record that cannot be restored: %v", err)
			}
		})
	})
}

// A text that is added to the event has to be looked at, too.
func TestEveryTextIsLookedAt(t *testing.T) {
	ev := new(pb.Event)
	for _, text := range texts(ev) {
		*text = "seen"
	}
	fields := ev.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Kind() == protoreflect.StringKind {
			require.Equal(t, "seen", ev.ProtoReflect().Get(f).String(), f.Name())
		}
	}
	b, err := (&pb.Event{EventId: "e", Site: "demo", AnonymousId: "a", Library: "\xff"}).MarshalVT()
	require.NoError(t, err)
	_, _, no := decode(&kgo.Record{Topic: schemas.TopicEvents, Key: []byte("demo/a"), Value: b})
	require.Equal(t, reasonUndecodable, no.reason)
}
