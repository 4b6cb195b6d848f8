package protocol

import (
	"math"
	"strings"

	"leadstream/schemas/pb"
)

// Plausible reads /api/event: one event, {"n", "u", "d", "r", "p"} from its script, in long names from its API. There is no
// visitor id at all; each is counted by the pseudonym of the day.
func Plausible(r Request) (Batch, error) {
	var batch Batch
	c, it, f := cursor{s: r.Body}, batch.add(), map[string]string{}
	err := c.item(it, r.Limits, func(name string) (err error) {
		f[name], err = c.raw()
		return err
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	get := func(short, long string) string { return first(textOf(f[short]), textOf(f[long])) }
	domain, _, _ := strings.Cut(get("d", "domain"), ",") // of several the first is the site, the others its sums
	batch.claim(it, domain)
	e := it.Event
	e.Consent = pb.Consent_CONSENT_COOKIELESS
	e.Url, e.Referrer, e.Library = get("u", "url"), get("r", "referrer"), "plausible"
	var properties object
	props := first(f["p"], f["m"], f["props"])
	if strings.HasPrefix(props, `"`) { // script 0.3 packs them once more
		props = textOf(props)
	}
	href := first(member(props, "url"), member(props, "href"))
	switch name := get("n", "name"); name {
	case "pageview":
		e.Type = "page"
	case "engagement":
		// e is the time since the engagement before: each span is a view of its own, and they add up.
		e.Type, e.EngagedMs = "dwell", countOf(textOf(f["e"]), math.MaxUint32)
	case "Outbound Link: Click", "File Download", "Cloaked Link: Click":
		e.Type = "click"
		kind := "download"
		if name != "File Download" {
			kind = linkKind(href, e.Url)
		}
		properties.add("kind", kind)
		properties.add("href", href)
	case "Form: Submission":
		e.Type = "form"
	default:
		e.Type, e.Name = "track", name
	}
	properties.merge(props)
	if revenue := first(f["$"], f["revenue"]); revenue != "" && revenue != "null" {
		properties.raw("revenue", revenue)
	}
	e.Properties = properties.bytes(it, "properties")
	if depth := countOf(textOf(f["sd"]), 100); e.Type == "dwell" && depth > 0 && it.Fault == nil {
		it.also(&batch, "scroll", "/scroll", func(e *pb.Event) { e.EngagedMs, e.ScrollPct = 0, depth })
	}
	return batch, nil
}

// textOf is the text of a value that was passed before.
func textOf(raw string) string {
	if raw == "" {
		return ""
	}
	c := cursor{s: raw}
	text, err := c.text()
	if err != nil {
		return "" // unreachable
	}
	return text
}
