package protocol

import (
	"slices"

	"leadstream/schemas/pb"
)

// Segment reads one event of Segment's HTTP tracking API, as analytics.js, analytics-next, the server libraries, RudderStack
// and Jitsu send it. The path says the type.
func Segment(r Request) (Batch, error) {
	d := segment{c: cursor{s: r.Body}, limits: r.Limits}
	err := d.event(r.Type)
	if err == nil {
		err = d.c.end()
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	return d.batch, nil
}

// SegmentBatch reads /v1/batch, /v1/b and /v1/import: {"batch": [...], "sentAt", "context", "writeKey"}.
func SegmentBatch(r Request) (Batch, error) {
	d := segment{c: cursor{s: r.Body}, limits: r.Limits}
	shared := segmentEvent{Item: &Item{Event: &pb.Event{}}}
	err := d.c.object(func(name string) error { return d.envelope(&shared, name) })
	if err == nil {
		err = d.c.end()
	}
	if err == nil && len(d.batch.Items) == 0 {
		err = &Fault{NoEvents, "the batch holds no event"}
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	shared.settle()
	for i := range d.batch.Items {
		inherit(d.batch.Items[i].Event, shared.Event)
	}
	return d.batch, nil
}

type segment struct {
	c      cursor
	limits Limits
	batch  Batch
}

func (d *segment) envelope(shared *segmentEvent, name string) error {
	var err error
	switch name {
	case "batch":
		return d.c.array(func() error {
			if len(d.batch.Items) >= d.limits.Events {
				return tooMany(d.limits.Events)
			}
			return d.event("")
		})
	case "context":
		err = shared.context(&d.c)
	case "sentAt":
		d.batch.SentAt, err = d.c.instant()
	case "writeKey":
		d.batch.WriteKey, err = d.c.text()
	default:
		err = d.c.skip()
	}
	return err
}

// event reads one event; kind is the type that the path names, else the event's own "type" counts.
func (d *segment) event(kind string) error {
	of := segmentEvent{Item: d.batch.add()}
	err := d.c.item(of.Item, d.limits, func(name string) error { return of.member(&d.c, name) })
	if kind != "" {
		of.Event.Type = kind
	}
	if d.batch.WriteKey == "" {
		d.batch.WriteKey = of.writeKey
	}
	of.settle()
	return err
}

// segmentEvent is an event under way: what stands in two places is kept apart until all has been read.
type segmentEvent struct {
	*Item
	writeKey      string
	eventName     string // track's "event"
	page          page   // from context.page
	own           page   // from properties
	original      Instant
	contextTraits []byte
	contextGroup  string
}

type page struct{ url, title, referrer, name string }

func (of *segmentEvent) member(c *cursor, name string) (err error) {
	e := of.Event
	switch name {
	case "type":
		e.Type, err = c.text()
	case "messageId":
		e.EventId, err = c.text()
	case "anonymousId":
		e.AnonymousId, err = c.text()
	case "userId":
		e.UserId, err = c.text()
	case "groupId":
		e.GroupId, err = c.text()
	case "previousId":
		e.PreviousId, err = c.text()
	case "event":
		of.eventName, err = c.text()
	case "name":
		e.Name, err = c.text()
	case "timestamp":
		of.At, err = c.instant()
	case "originalTimestamp":
		of.original, err = c.instant()
	case "sentAt":
		of.SentAt, err = c.instant()
	case "writeKey":
		of.writeKey, err = c.text()
	case "context":
		err = of.context(c)
	case "properties":
		err = of.properties(c)
	case "traits":
		e.Traits, err = c.attributes(of.Item, name)
	default:
		err = c.skip()
	}
	return err
}

// properties keeps the object whole, and looks into it for what analytics-next and Rudder put there of the page.
func (of *segmentEvent) properties(c *cursor) (err error) {
	inside := *c
	if of.Event.Properties, err = c.attributes(of.Item, "properties"); err != nil || of.Event.Properties == nil {
		return err
	}
	return inside.object(func(name string) error { return of.own.member(&inside, name) })
}

func (p *page) member(c *cursor, name string) (err error) {
	switch name {
	case "url":
		p.url, err = c.text()
	case "title":
		p.title, err = c.text()
	case "referrer":
		p.referrer, err = c.text()
	case "name":
		p.name, err = c.text()
	default:
		err = c.skip()
	}
	return err
}

// settle decides between the places, once the event is complete.
func (of *segmentEvent) settle() {
	e := of.Event
	if of.eventName != "" && e.Type == "track" {
		e.Name = of.eventName
	}
	if e.Type == "page" || e.Type == "screen" {
		// Only here are the properties about the page itself; a click's "url" is where it leads.
		e.Url, e.Title, e.Referrer = of.own.url, of.own.title, of.own.referrer
		fill(&e.Name, of.own.name)
	}
	fill(&e.Url, of.page.url)
	fill(&e.Title, of.page.title)
	fill(&e.Referrer, of.page.referrer)
	if e.Referrer == "$direct" { // RudderStack's word for none
		e.Referrer = ""
	}
	fill(&e.GroupId, of.contextGroup)
	if len(e.Traits) == 0 && (e.Type == "identify" || e.Type == "group") {
		e.Traits = of.contextTraits
	}
	if of.At.State == Missing {
		of.At = of.original
	}
}

// inherit gives an event what only the batch's shared context says.
func inherit(to, from *pb.Event) {
	pairs := [...]struct {
		to   *string
		from string
	}{
		{&to.Ip, from.Ip}, {&to.UserAgent, from.UserAgent}, {&to.Locale, from.Locale}, {&to.Screen, from.Screen},
		{&to.Library, from.Library}, {&to.SessionId, from.SessionId}, {&to.GroupId, from.GroupId},
		{&to.Url, from.Url}, {&to.Title, from.Title}, {&to.Referrer, from.Referrer},
		{&to.UtmSource, from.UtmSource}, {&to.UtmMedium, from.UtmMedium}, {&to.UtmCampaign, from.UtmCampaign},
		{&to.UtmTerm, from.UtmTerm}, {&to.UtmContent, from.UtmContent},
	}
	for _, p := range pairs {
		fill(p.to, p.from)
	}
}

func fill(to *string, from string) {
	if *to == "" {
		*to = from
	}
}

// SegmentTypes are the event types of the family, in the order of its documentation. A path is the word or its first letter.
var SegmentTypes = []string{"track", "page", "screen", "identify", "group", "alias"}

// IsSegmentType tells whether the family knows the type.
func IsSegmentType(t string) bool { return slices.Contains(SegmentTypes, t) }
