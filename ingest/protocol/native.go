package protocol

import (
	"math"
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// Native reads leadstream's own form, POST /v1/events: {"sent_at", "events": [...]}, a plain list of events, or one event.
// Unknown names are passed over, so that an older collector takes a newer tracker's events.
func Native(r Request) (Batch, error) {
	d := native{c: cursor{s: r.Body}, limits: r.Limits}
	if err := d.body(); err != nil {
		return Batch{}, asFault(err)
	}
	return d.batch, nil
}

type native struct {
	c      cursor
	limits Limits
	batch  Batch
}

func (d *native) body() error {
	var err error
	switch {
	case d.c.peek() == '[':
		err = d.events()
	case d.isEvent():
		err = d.event()
	default:
		err = d.c.object(d.envelope)
	}
	if err == nil {
		err = d.c.end()
	}
	if err == nil && len(d.batch.Items) == 0 {
		err = &Fault{NoEvents, "the request holds no event"}
	}
	return err
}

// isEvent looks ahead for "type" at the top: then the body is one event without an envelope.
func (d *native) isEvent() bool {
	ahead, found := d.c, false
	err := ahead.object(func(name string) error {
		found = found || name == "type"
		return ahead.skip()
	})
	return err == nil && found
}

func (d *native) envelope(name string) error {
	var err error
	switch name {
	case "sent_at":
		d.batch.SentAt, err = d.c.instant()
	case "key", "write_key":
		d.batch.WriteKey, err = d.c.text()
	case "events":
		return d.events()
	default:
		err = d.c.skip()
	}
	return err
}

func (d *native) events() error { return d.c.array(d.event) }

func (d *native) event() error {
	if len(d.batch.Items) >= d.limits.Events {
		return tooMany(d.limits.Events)
	}
	it := d.batch.add()
	return d.c.item(it, d.limits, func(name string) error { return nativeMember(&d.c, it, name) })
}

// nativeMember reads one member of an event.
func nativeMember(c *cursor, it *Item, name string) (err error) {
	if field := nativeText(it.Event, name); field != nil {
		*field, err = c.text()
		return err
	}
	e := it.Event
	switch name {
	case "timestamp":
		it.At, err = c.instant()
	case "received_at":
		it.ReceivedAt, err = c.instant()
	case "engaged_ms":
		e.EngagedMs, err = c.count(math.MaxUint32)
	case "scroll_pct":
		e.ScrollPct, err = c.count(100)
	case "properties":
		e.Properties, err = c.attributes(it, name)
	case "traits":
		e.Traits, err = c.attributes(it, name)
	case "consent":
		var word string
		word, err = c.text()
		e.Consent = consentWord(word)
	default:
		err = c.skip()
	}
	return err
}

// nativeText is the place of each member that is plain text.
func nativeText(e *pb.Event, name string) *string {
	switch name {
	case "event_id":
		return &e.EventId
	case "type":
		return &e.Type
	case "name":
		return &e.Name
	case "anonymous_id":
		return &e.AnonymousId
	case "user_id":
		return &e.UserId
	case "session_id":
		return &e.SessionId
	case "view_id":
		return &e.ViewId
	case "url":
		return &e.Url
	case "title":
		return &e.Title
	case "referrer":
		return &e.Referrer
	case "locale":
		return &e.Locale
	case "screen":
		return &e.Screen
	case "group_id":
		return &e.GroupId
	case "previous_id":
		return &e.PreviousId
	case "library":
		return &e.Library
	case "ip":
		return &e.Ip
	case "user_agent":
		return &e.UserAgent
	}
	return nil
}

func consentWord(word string) pb.Consent {
	switch strings.ToLower(word) {
	case "full", "granted":
		return pb.Consent_CONSENT_FULL
	case "cookieless":
		return pb.Consent_CONSENT_COOKIELESS
	case "none", "denied":
		return pb.Consent_CONSENT_DENIED
	}
	return pb.Consent_CONSENT_UNKNOWN
}

// countOf reads a number that only ever means a small amount: rounded down, and held in 0..limit.
func countOf(text string, limit float64) uint32 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 0) || !(n > 0) {
		return 0
	}
	return uint32(min(n, limit))
}
