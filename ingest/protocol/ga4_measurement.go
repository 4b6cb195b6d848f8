package protocol

import (
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// GA4Measurement reads /mp/collect, Google's Measurement Protocol: {"client_id", "events": [{"name", "params"}]}. The
// api_secret of the address is the secret key of a site, as Google's is; without it measurement_id is the public one.
func GA4Measurement(r Request) (Batch, error) {
	d := measurement{c: cursor{s: r.Body}, limits: r.Limits}
	err := d.c.object(d.envelope)
	if err == nil {
		err = d.c.end()
	}
	if err == nil && len(d.batch.Items) == 0 {
		err = &Fault{NoEvents, "the request holds no event"}
	}
	if err == nil {
		err = repeated(len(d.traits.text)+len(d.client)+len(d.user)+len(d.at)+len(d.ip), len(d.batch.Items), r.Limits)
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	d.batch.WriteKey = first(r.Query.Get("api_secret"), r.Query.Get("measurement_id"), r.Query.Get("firebase_app_id"))
	for i := range d.batch.Items { // spans are added behind; they need nothing
		d.settle(i)
	}
	return d.batch, nil
}

type measurement struct {
	c      cursor
	limits Limits
	batch  Batch
	hits   []hit
	client string
	user   string
	at     string
	traits object
	ip     string
}

// hit is an event as it was sent; what the envelope says may stand behind it.
type hit struct{ name, params, at string }

func (d *measurement) envelope(name string) (err error) {
	switch name {
	case "client_id", "app_instance_id":
		d.client, err = d.c.text()
	case "user_id":
		d.user, err = d.c.text()
	case "timestamp_micros":
		d.at, err = d.c.text()
	case "ip_override":
		d.ip, err = d.c.text()
	case "user_properties":
		err = d.c.objectOrSkip(func(name string) error {
			value, err := d.c.raw()
			if inner := memberRaw(value, "value"); inner != "" {
				d.traits.raw(name, inner)
			}
			return err
		})
	case "events":
		err = d.c.array(d.event)
	default:
		err = d.c.skip()
	}
	return err
}

func (d *measurement) event() error {
	if d.batch.sent >= d.limits.Events {
		return tooMany(d.limits.Events)
	}
	it, of := d.batch.add(), hit{}
	err := d.c.item(it, d.limits, func(name string) (err error) {
		switch name {
		case "name":
			of.name, err = d.c.text()
		case "params":
			of.params, err = d.c.raw()
		case "timestamp_micros":
			of.at, err = d.c.text()
		default:
			err = d.c.skip()
		}
		return err
	})
	d.hits = append(d.hits, of)
	return err
}

func (d *measurement) settle(i int) {
	it, of := &d.batch.Items[i], d.hits[i]
	if it.Fault != nil {
		return
	}
	e := it.Event
	e.AnonymousId, e.UserId, e.Ip, e.Library = d.client, d.user, d.ip, "measurement-protocol"
	e.SessionId = member(of.params, "session_id")
	e.Url, e.Title, e.Referrer = member(of.params, "page_location"), member(of.params, "page_title"), member(of.params, "page_referrer")
	e.Locale = member(of.params, "language")
	at := first(of.at, d.at)
	it.At = micros(at)
	if at != "" {
		// Without a time two equal events are as likely two as one sent twice.
		e.EventId = derivedID("ga4", d.client, d.user, at, strconv.Itoa(i), it.Raw)
	}
	if e.AnonymousId == "" && e.UserId == "" {
		e.Consent = pb.Consent_CONSENT_COOKIELESS
	}
	e.Traits = d.traits.bytes(it, "traits")
	properties := object{}
	properties.leave("session_id", "engagement_time_msec", "page_location", "page_title", "page_referrer", "language")
	properties.merge(of.params)
	ga4Kind(it, of.name, &properties)
	ga4Engaged(&d.batch, it, positive(member(of.params, "engagement_time_msec")))
}

// micros reads Unix microseconds.
func micros(text string) Instant {
	text = strings.TrimSpace(text)
	if text == "" {
		return Instant{}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Instant{State: Unreadable}
	}
	return Instant{Ms: n / 1000, State: Known}
}
