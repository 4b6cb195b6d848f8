package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// requireEveryWordIsReplayed: whatever a rule may ask of an event is in table events, and comes back from there. A word that
// the table, or the replay, forgets would give a preview that no worker agrees with.
func (h *house) requireEveryWordIsReplayed(t *testing.T) {
	now := time.Now().UnixMilli()
	ev := &pb.Event{EventId: "every-word", Site: "demo", AnonymousId: "words", EventTime: now, ReceivedAt: now,
		Properties: []byte(`{"plan":"pro","seats":40}`), Traits: []byte(`{"role":"cto"}`), Consent: pb.Consent_CONSENT_FULL}
	message := ev.ProtoReflect()
	for _, word := range model.EventWords() {
		field := wordField(t, message, word)
		switch field.Kind() {
		case protoreflect.StringKind:
			if !message.Has(field) {
				message.Set(field, protoreflect.ValueOfString("of-"+word))
			}
		case protoreflect.Uint32Kind:
			message.Set(field, protoreflect.ValueOfUint32(77))
		case protoreflect.BoolKind:
			message.Set(field, protoreflect.ValueOfBool(true))
		}
		require.True(t, message.Has(field), word)
	}
	value, err := proto.Marshal(ev)
	require.NoError(t, err)
	client, err := kgo.NewClient(kgo.SeedBrokers(h.ports["kafka-listen"]))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey("demo", "words", ev.UserId)), Value: value}).FirstErr())

	lead := schemas.NewLeadID(schemas.OriginKey("demo", "words", ev.UserId)).String()
	var got *pb.Event
	require.Eventually(t, func() bool {
		err := storedHistory{conn: h.connect(t), lead: lead}.source(t.Context(), 0, 1, func(hist replay.History) error {
			got = hist.Moments[0].Event
			return nil
		})
		return err == nil && got != nil
	}, time.Minute, 200*time.Millisecond)
	for _, word := range model.EventWords() {
		field := wordField(t, message, word)
		if field.Kind() == protoreflect.BytesKind {
			require.JSONEq(t, string(message.Get(field).Bytes()), string(got.ProtoReflect().Get(field).Bytes()), word)
			continue
		}
		require.Equal(t, message.Get(field).Interface(), got.ProtoReflect().Get(field).Interface(), "%s, as it was and as a replay has it", word)
	}
}

// wordField is what a rule's word reads; three are called otherwise than their field.
func wordField(t *testing.T, m protoreflect.Message, word string) protoreflect.FieldDescriptor {
	t.Helper()
	name := protoreflect.Name(word)
	if other, is := map[string]protoreflect.Name{"engaged_s": "engaged_ms", "scroll": "scroll_pct", "props": "properties"}[word]; is {
		name = other
	}
	field := m.Descriptor().Fields().ByName(name)
	require.NotNil(t, field, "no field for the word %q", word)
	return field
}
