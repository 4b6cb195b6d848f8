package scoring

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The reasons of dead letters: one word each, the same as the counter's label.
const (
	reasonUndecodable = "undecodable" // not protobuf
	reasonIncomplete  = "incomplete"  // without an id, a site, a visitor or a time
	reasonOversized   = "oversized"   // an id or name that no collector lets through
	reasonMisrouted   = "misrouted"   // the record's key is not the event's: its partition is not the lead's
	reasonUnsupported = "unsupported" // of routed, from a release that knows more than this one
	reasonLost        = "lost"        // sent on from home to home without finding its lead
	reasonPanic       = "panic"       // the model failed on it
)

var reasons = []string{reasonUndecodable, reasonIncomplete, reasonOversized, reasonMisrouted, reasonUnsupported, reasonLost, reasonPanic}

// refusal is why a record cannot be folded.
type refusal struct{ reason, detail string }

func refuse(reason, format string, args ...any) *refusal {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// decode reads a record of events, and says whose it is.
func decode(r *kgo.Record) (schemas.LeadID, *pb.Event, *refusal) {
	ev := new(pb.Event)
	id, no := decodeInto(r, ev)
	if no != nil {
		return id, nil, no
	}
	return id, ev, nil
}

// decodeInto reads it into memory that is used for one record after the other. The
// event's texts are parts of the record.
func decodeInto(r *kgo.Record, ev *pb.Event) (schemas.LeadID, *refusal) {
	ev.Reset()
	if err := readEvent(r.Value, ev); err != nil {
		return schemas.LeadID{}, refuse(reasonUndecodable, "not an event: %v", err)
	}
	if no := incomplete(ev); no != nil {
		return schemas.LeadID{}, no
	}
	if !keyed(r.Key, ev) {
		key := schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)
		return schemas.LeadID{}, refuse(reasonMisrouted, "record key %.80q, but the event's is %.80q", r.Key, key)
	}
	return schemas.NewLeadID(unsafe.String(unsafe.SliceData(r.Key), len(r.Key))), nil
}

// keyed tells whether key is schemas.EventKey of the event, without making one.
func keyed(key []byte, ev *pb.Event) bool {
	who := ev.AnonymousId
	if who == "" {
		who = ev.UserId
	}
	return len(key) == len(ev.Site)+1+len(who) && string(key[:len(ev.Site)]) == ev.Site &&
		key[len(ev.Site)] == '/' && string(key[len(ev.Site)+1:]) == who
}

// readEvent is proto.Unmarshal in a third of the time. The generated reader lets any
// bytes be text, protobuf does not: readers of what we pass on would refuse it.
func readEvent(b []byte, ev *pb.Event) error {
	if err := ev.UnmarshalVTUnsafe(b); err != nil {
		return err
	}
	return validTexts(ev)
}

func validTexts(ev *pb.Event) error {
	for _, text := range texts(ev) {
		if !utf8.ValidString(*text) {
			return errors.New("text that is not UTF-8")
		}
	}
	return nil
}

// texts are all texts of an event; a test holds the list against the message.
func texts(ev *pb.Event) [38]*string {
	return [...]*string{
		&ev.EventId, &ev.Site, &ev.Type, &ev.Name, &ev.AnonymousId, &ev.UserId, &ev.SessionId, &ev.ViewId,
		&ev.Url, &ev.Host, &ev.Path, &ev.Title, &ev.Referrer, &ev.ReferrerHost, &ev.Channel,
		&ev.UtmSource, &ev.UtmMedium, &ev.UtmCampaign, &ev.UtmTerm, &ev.UtmContent, &ev.GroupId, &ev.PreviousId,
		&ev.Ip, &ev.UserAgent, &ev.Locale, &ev.Screen, &ev.Country, &ev.Region, &ev.City, &ev.Device,
		&ev.Browser, &ev.Os, &ev.Protocol, &ev.Library, &ev.BotKind,
		&ev.Network, &ev.NetworkOwner, &ev.EnrichedBy,
	}
}

// incomplete refuses an event without the fields that everything hangs on, and
// one that cannot be passed on.
func incomplete(ev *pb.Event) *refusal {
	switch {
	case ev.EventId == "":
		return refuse(reasonIncomplete, "event_id is empty")
	case ev.Site == "":
		return refuse(reasonIncomplete, "site is empty")
	case ev.AnonymousId == "" && ev.UserId == "":
		return refuse(reasonIncomplete, "neither anonymous_id nor user_id")
	case ev.ReceivedAt <= 0 || ev.EventTime <= 0:
		return refuse(reasonIncomplete, "event_time %d and received_at %d must be after 1970", ev.EventTime, ev.ReceivedAt)
	}
	for _, word := range []string{ev.EventId, ev.Site, ev.AnonymousId, ev.UserId, ev.Name, ev.Path, ev.Country} {
		if len(word) > maxWord {
			return refuse(reasonOversized, "an id or name of %d bytes, more than %d", len(word), maxWord)
		}
	}
	return nil
}

// maxWord bounds what the outputs repeat of an event: a lead's record or a
// ledger row that the broker refuses for its size would stop the line.
const maxWord = 8 << 10

// What is kept of a refused record, so that the letter itself stays under the
// broker's limit of 1 MB.
const (
	deadLetterPayload = 900_000
	deadLetterKey     = 10_000
)

// deadLetter wraps a refused record with all that is needed to play it again.
func deadLetter(r *kgo.Record, no *refusal, ev *pb.Event, now int64) *pb.DeadLetter {
	return &pb.DeadLetter{
		Stage: "scoring", Reason: no.reason, Detail: strings.ToValidUTF8(fmt.Sprintf("%.1000s", no.detail), "?"),
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Key: r.Key[:min(len(r.Key), deadLetterKey)], Payload: r.Value[:min(len(r.Value), deadLetterPayload)],
		Site: ev.GetSite(), Protocol: ev.GetProtocol(), At: now, ReplayOf: replayOf(r),
	}
}

// replayOf names the dead letter that the record was, if it was one.
func replayOf(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == schemas.ReplayHeader {
			return strings.ToValidUTF8(string(h.Value[:min(len(h.Value), 64)]), "?")
		}
	}
	return ""
}
