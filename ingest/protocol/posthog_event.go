package protocol

import (
	"slices"
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// posthogEvent is an event under way. What PostHog's and Mixpanel's libraries say by themselves begins with $ or stands in
// ownWords; the rest are the site's own properties.
type posthogEvent struct {
	*Item
	name   string
	own    map[string]string // the library's words: raw JSON
	custom object            // the site's
	at     Instant
	offset string // ms between the event and its sending, where there is no timestamp
	sent   Instant
}

// ownWords are the words without $ that are not the site's: those that have a place in an Event, and Mixpanel's own.
var ownWords = []string{
	"token", "distinct_id", "time", "alias", "title", "current_page_title", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
	"mp_lib", "mp_sent_by_lib_version", "mp_processing_time_ms", "current_domain", "current_url_path", "current_url_protocol", "current_url_search",
}

func (of *posthogEvent) member(c *cursor, name string) (err error) {
	switch name {
	case "uuid":
		of.Event.EventId, err = c.text()
	case "event":
		of.name, err = c.text()
	case "timestamp":
		of.at, err = c.instant()
	case "offset":
		of.offset, err = c.text()
	case "sent_at":
		of.sent, err = c.instant()
	case "properties":
		if c.peek() != '{' {
			of.fault(BadProperties, "properties must be a JSON object")
			return c.skip()
		}
		err = c.object(func(name string) error { return of.property(c, name) })
	case "api_key", "token", "$token":
		err = of.keep(c, "token")
	case "distinct_id", "$distinct_id":
		err = of.keep(c, "distinct_id")
	case "$set", "$set_once", "$device_id", "$insert_id", "$time", "$ip":
		err = of.keep(c, name)
	default:
		err = c.skip()
	}
	return err
}

func (of *posthogEvent) property(c *cursor, name string) error {
	if strings.HasPrefix(name, "$") || slices.Contains(ownWords, name) {
		return of.keep(c, name)
	}
	value, err := c.raw()
	if err == nil {
		of.custom.raw(name, value)
	}
	return err
}

func (of *posthogEvent) keep(c *cursor, name string) error {
	value, err := c.raw()
	if of.own == nil {
		of.own = map[string]string{}
	}
	if err == nil && value != "null" {
		of.own[name] = value
	}
	return err
}

// get is a word's text.
func (of *posthogEvent) get(name string) string {
	c := cursor{s: of.own[name]}
	if of.own[name] == "" {
		return ""
	}
	text, err := c.text()
	if err != nil {
		return "" // unreachable: it was passed before
	}
	return text
}

// settle makes the event, once all of it has been read.
func (of *posthogEvent) settle(b *Batch) {
	e := of.Event
	fill(&e.EventId, of.get("$insert_id"))
	e.Url, e.Title = of.get("$current_url"), first(of.get("title"), of.get("current_page_title"))
	if e.Referrer = of.get("$referrer"); e.Referrer == "$direct" {
		e.Referrer = ""
	}
	e.SessionId, e.ViewId = of.get("$session_id"), of.get("$pageview_id")
	e.Locale, e.UserAgent, e.Ip = of.get("$browser_language"), of.get("$raw_user_agent"), of.get("$ip")
	e.UtmSource, e.UtmMedium, e.UtmCampaign = of.get("utm_source"), of.get("utm_medium"), of.get("utm_campaign")
	e.UtmTerm, e.UtmContent = of.get("utm_term"), of.get("utm_content")
	if width, height := of.get("$screen_width"), of.get("$screen_height"); width != "" && height != "" {
		e.Screen = width + "x" + height
	}
	if e.Library = first(of.get("$lib"), of.get("mp_lib")); of.get("$lib_version") != "" {
		e.Library += "/" + of.get("$lib_version")
	}
	of.setTime(b)
	of.setIDs()
	of.setKind()
	e.Properties = of.custom.bytes(of.Item, "properties")
	of.lastView(b)
}

func (of *posthogEvent) setTime(b *Batch) {
	of.At = of.at
	if of.At.State == Missing {
		of.At = parseInstant(first(of.get("$time"), of.get("time")))
	}
	ago, err := strconv.ParseFloat(of.offset, 64)
	if of.At.State == Missing && err == nil && b.SentAt.State == Known && ago >= 0 && ago < 1e12 {
		of.At = Instant{Ms: b.SentAt.Ms - int64(ago), State: Known}
	}
}

// setIDs tells a person from a device. The libraries begin with one id for both; once a person has been identified,
// distinct_id is theirs and $device_id stays the browser's. A server knows persons only, unless it says otherwise.
func (of *posthogEvent) setIDs() {
	e, id, device := of.Event, of.get("distinct_id"), of.get("$device_id")
	switch {
	case of.get("$cookieless_mode") == "true":
		e.Consent = pb.Consent_CONSENT_COOKIELESS // distinct_id is the same word for everybody
		return
	case of.get("$is_identified") == "false", strings.HasPrefix(id, "$device:"), id == device && id != "",
		device == "" && of.get("$process_person_profile") == "false":
		e.AnonymousId = first(device, strings.TrimPrefix(id, "$device:"))
	default:
		e.UserId, e.AnonymousId = id, device
	}
	if user := of.get("$user_id"); user != "" && user != device {
		e.UserId = user
	}
	for _, kind := range [...]string{"company", "organization", "account"} {
		fill(&e.GroupId, member(of.own["$groups"], kind))
	}
}
