package protocol

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// GA4 reads gtag's /g/collect: common parameters in the query, and in the body nothing or one event a line, in the form of a
// query, whose parameters come before the common ones.
func GA4(r Request) (Batch, error) {
	var batch Batch
	lines := strings.FieldsFunc(r.Body, func(c rune) bool { return c == '\n' || c == '\r' })
	if len(lines) == 0 {
		lines = []string{""}
	}
	if len(lines) > r.Limits.Events {
		return Batch{}, tooMany(r.Limits.Events)
	}
	common := withoutKeys(r.Query)
	shared := common.Encode()
	if len(lines) > 1 { // one line is held to its own limit
		if err := repeated(len(shared), len(lines), r.Limits); err != nil {
			return Batch{}, err
		}
	}
	for n, line := range lines {
		it := batch.add()
		own, err := url.ParseQuery(line)
		fields := flat(common)
		for name := range own {
			fields[name] = own.Get(name)
		}
		it.Raw = joinQuery(shared, line)
		if len(it.Raw) > r.Limits.Bytes {
			it.fault(TooLarge, "the event is longer than an event may be")
			continue
		}
		if err != nil {
			it.fault(BadQuery, "the line is not a query")
			continue
		}
		batch.claim(it, fields["tid"])
		gtag(&batch, it, fields, n)
	}
	return batch, nil
}

// mostShared bounds, in events of full size, what a request's common part becomes in all of its events: 64 KB of address before
// thousands of empty lines would be hundreds of megabytes. gtag sends 20 lines behind 1 KB.
const mostShared = 64

// repeated refuses a common part of so many bytes that is too long for an event, or for so many of them.
func repeated(size, events int, limits Limits) error {
	switch {
	case size > limits.Bytes:
		return &Fault{TooLarge, fmt.Sprintf("what the events share has %d bytes, the limit of an event is %d", size, limits.Bytes)}
	case events*size > mostShared*limits.Bytes:
		return &Fault{BatchTooLarge, fmt.Sprintf("%d events share %d bytes: send fewer at a time", events, size)}
	}
	return nil
}

func joinQuery(common, own string) string {
	if own == "" {
		return common
	}
	return common + "&" + own
}

// gtag makes an event of a hit's parameters; n is its line.
func gtag(b *Batch, it *Item, f map[string]string, n int) {
	e := it.Event
	e.AnonymousId, e.UserId, e.SessionId, e.ViewId = f["cid"], f["uid"], f["sid"], f["_p"]
	e.Url, e.Title, e.Referrer = f["dl"], f["dt"], f["dr"]
	e.Locale, e.Screen, e.Library = f["ul"], f["sr"], "gtag"
	if f["_p"] != "" && f["_s"] != "" {
		e.EventId = derivedID("ga4", f["cid"], f["sid"], f["_s"], f["en"], f["_p"], lineNumber(n))
	}
	e.Consent = googleConsent(f["gcs"])
	it.OptedOut = e.Consent == pb.Consent_CONSENT_COOKIELESS
	if e.AnonymousId == "" && e.UserId == "" {
		e.Consent = pb.Consent_CONSENT_COOKIELESS
	}
	var properties, traits object
	for _, name := range sortedNames(f) {
		prefix, short, _ := strings.Cut(name, ".")
		switch {
		case short == "":
		case prefix == "ep":
			properties.add(short, f[name])
		case prefix == "epn":
			properties.number(short, f[name])
		case prefix == "up":
			traits.add(short, f[name])
		case prefix == "upn":
			traits.number(short, f[name])
		}
	}
	e.Traits = traits.bytes(it, "traits")
	ga4Kind(it, f["en"], &properties)
	ga4Engaged(b, it, positive(f["_et"]))
}

// lineNumber keeps two equal events of one request apart. Of the first line it is nothing, so that the id is that of the
// documented tuple.
func lineNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// googleConsent reads gcs=G1AB: A is storage for advertising, B for analytics; 1 granted, 0 denied, - not set. Without
// analytics storage gtag still sends, and what it sends is to be counted without ids.
func googleConsent(gcs string) pb.Consent {
	if len(gcs) != 4 || !strings.HasPrefix(gcs, "G1") {
		return pb.Consent_CONSENT_UNKNOWN
	}
	switch gcs[3] {
	case '0':
		return pb.Consent_CONSENT_COOKIELESS
	case '1':
		return pb.Consent_CONSENT_FULL
	}
	return pb.Consent_CONSENT_UNKNOWN
}

// ga4Kind finds the canonical word for Google's own event names; all others are track events of their name. The properties
// are the event's parameters, whole.
func ga4Kind(it *Item, name string, properties *object) {
	e := it.Event
	parameters := string(properties.text) + "}"
	switch name {
	case "page_view":
		e.Type = "page"
	case "screen_view":
		e.Type, e.Name = "screen", member(parameters, "screen_name")
	case "scroll":
		e.Type = "scroll"
		if e.ScrollPct = countOf(member(parameters, "percent_scrolled"), 100); e.ScrollPct == 0 {
			e.ScrollPct = 90 // where gtag's own measurement fires
		}
	case "click", "file_download":
		e.Type = "click"
		href, kind := member(parameters, "link_url"), "download"
		if name == "click" {
			kind = linkKind(href, e.Url)
		}
		properties.add("kind", kind)
		properties.add("href", href)
		properties.add("text", member(parameters, "link_text"))
		properties.add("id", member(parameters, "link_id"))
	case "form_submit":
		e.Type, e.Name = "form", first(member(parameters, "form_name"), member(parameters, "form_id"))
	case "user_engagement":
		e.Type = "dwell"
	default:
		e.Type, e.Name = "track", name
	}
	e.Properties = properties.bytes(it, "properties")
}

// shortest is the least engaged time worth an event of its own: gtag puts some milliseconds on most hits.
const shortest = 1000

// ga4Engaged makes dwell of the engaged milliseconds since the hit before. They are a difference, and a cumulative value
// cannot be made of it without the other hits; so each span is a view of its own, and the spans of a page add up. A rule that
// counts whole 15 s loses the rest of each span.
func ga4Engaged(b *Batch, it *Item, ms float64) {
	if it.Fault != nil || it.Event.Type != "dwell" && ms < shortest {
		return
	}
	span := func(e *pb.Event) {
		e.ViewId, e.ScrollPct, e.EngagedMs = "", 0, uint32(min(ms, math.MaxUint32))
	}
	if it.Event.Type == "dwell" {
		span(it.Event)
		return
	}
	it.also(b, "dwell", "/dwell", span)
}
