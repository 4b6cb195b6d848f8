package protocol

import (
	"math"
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// setKind finds the canonical word for PostHog's and Mixpanel's own events; a site's are track events of their name.
func (of *posthogEvent) setKind() {
	e := of.Event
	switch of.name {
	case "$pageview", "$mp_web_page_view":
		e.Type = "page"
	case "$screen":
		e.Type, e.Name = "screen", of.get("$screen_name")
	case "$pageleave":
		e.Type = "dwell" // filled by lastView
	case "$autocapture":
		of.captured()
	case "$mp_click":
		e.Type = "click"
		of.link(of.get("$external_click_url"), first(of.get("$el_text"), of.get("$el_tag_name")))
	case "$mp_submit":
		e.Type = "form"
	case "$identify":
		e.Type = "identify"
		fill(&e.UserId, of.get("$identified_id"))
		if anonymous := of.get("$anon_distinct_id"); anonymous != "" {
			e.AnonymousId = strings.TrimPrefix(anonymous, "$device:")
		}
		of.traits("$set", "$set_once")
	case "$set", "$set_once":
		e.Type = "identify"
		of.traits("$set", "$set_once")
	case "$create_alias":
		e.Type = "alias"
		e.UserId, e.AnonymousId, e.PreviousId = of.get("distinct_id"), "", of.get("alias")
	case "$groupidentify":
		e.Type, e.GroupId = "group", of.get("$group_key")
		of.traits("$group_set")
	default:
		e.Type, e.Name = "track", of.name
	}
}

// traits of earlier names win.
func (of *posthogEvent) traits(names ...string) {
	var all object
	for _, name := range names {
		all.merge(of.own[name])
	}
	of.Event.Traits = all.bytes(of.Item, "traits")
}

// captured is an $autocapture: a click, a sent form, or a changed field.
func (of *posthogEvent) captured() {
	e := of.Event
	switch of.get("$event_type") {
	case "click", "":
		e.Type = "click"
		of.link(first(of.get("$external_click_url"), of.elementHref()), of.get("$el_text"))
	case "submit":
		e.Type = "form"
	default:
		e.Type, e.Name = "track", "$autocapture "+of.get("$event_type")
	}
}

func (of *posthogEvent) link(href, text string) {
	kind := "button"
	if href != "" {
		kind = linkKind(href, of.Event.Url)
	}
	of.custom.add("kind", kind)
	of.custom.add("href", href)
	of.custom.add("text", text)
}

// elementHref is the address of the innermost link that was clicked: $elements is a list, the clicked element first.
func (of *posthogEvent) elementHref() (href string) {
	c := cursor{s: of.own["$elements"]}
	if c.peek() != '[' {
		return ""
	}
	_ = c.array(func() error { // it was passed before
		element, err := c.raw()
		fill(&href, member(element, "attr__href"))
		return err
	})
	return href
}

// lastView makes dwell of what PostHog says about the page view that has just ended: on $pageleave, and on the $pageview that
// follows it in an app of one page. $prev_pageview_duration is seconds of the whole view, the clock on the wall: it overstates.
func (of *posthogEvent) lastView(b *Batch) {
	seconds := positive(of.get("$prev_pageview_duration"))
	depth := uint32(min(positive(of.get("$prev_pageview_max_scroll_percentage")), 1) * 100)
	if of.Fault != nil || of.Event.Type != "dwell" && of.Event.Type != "page" {
		return
	}
	next := of.Event.Type == "page"
	view := func(e *pb.Event) {
		fillOver(&e.ViewId, of.get("$prev_pageview_id"))
		if next {
			elsewhere(e, of.get("$prev_pageview_pathname"))
		}
	}
	it := *of.Item // adding to the batch may move it
	dwell := func(e *pb.Event) {
		view(e)
		e.EngagedMs = uint32(min(seconds*1000, math.MaxUint32))
	}
	if !next {
		dwell(it.Event)
	} else if seconds > 0 {
		it.also(b, "dwell", "/dwell", dwell)
	}
	if depth > 0 {
		it.also(b, "scroll", "/scroll", func(e *pb.Event) {
			view(e)
			e.EngagedMs, e.ScrollPct = 0, depth
		})
	}
}

// positive is a number above zero, or zero.
func positive(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) {
		return 0
	}
	return n
}

func fillOver(to *string, from string) {
	if from != "" {
		*to = from
	}
}

// elsewhere makes an event one of another page of the same site.
func elsewhere(e *pb.Event, path string) {
	e.Title, e.Referrer = "", ""
	start := strings.Index(e.Url, "://")
	if start < 0 || !strings.HasPrefix(path, "/") {
		e.Url = ""
		return
	}
	host, _, _ := strings.Cut(e.Url[start+3:], "/")
	host, _, _ = strings.Cut(host, "?")
	e.Url = e.Url[:start+3] + host + path
}
