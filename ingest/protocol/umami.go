package protocol

import "leadstream/schemas/pb"

// Umami reads /api/send: {"type": "event"|"identify", "payload": {"website", "hostname", "url", ...}}. Its visitors have no id
// unless the site gives one; each is counted by the pseudonym of the day.
func Umami(r Request) (Batch, error) {
	var batch Batch
	c, it := cursor{s: r.Body}, batch.add()
	kind, payload := "", ""
	err := c.item(it, r.Limits, func(name string) (err error) {
		switch name {
		case "type":
			kind, err = c.text()
		case "payload":
			payload, err = c.raw()
		default:
			err = c.skip()
		}
		return err
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	get := func(name string) string { return member(payload, name) }
	batch.claim(it, get("website"))
	e := it.Event
	e.UserId, e.Title, e.Referrer = get("id"), get("title"), get("referrer")
	e.Locale, e.Screen, e.Library = get("language"), get("screen"), "umami"
	e.Ip, e.UserAgent = get("ip"), get("userAgent")
	it.At = parseInstant(get("timestamp"))
	if e.Url = get("url"); e.Url != "" && e.Url[0] == '/' && get("hostname") != "" {
		e.Url = "https://" + get("hostname") + e.Url
	}
	e.Consent = pb.Consent_CONSENT_COOKIELESS
	var data object
	data.merge(memberRaw(payload, "data"))
	switch name := get("name"); {
	case kind == "identify":
		e.Type = "identify"
		e.Traits = data.bytes(it, "traits")
		return batch, nil
	case kind != "event" && kind != "":
		e.Type = "umami " + kind // refused by the pipeline, as every type that nobody knows
	case name != "":
		e.Type, e.Name = "track", name
	default:
		e.Type = "page"
	}
	data.add("tag", get("tag"))
	e.Properties = data.bytes(it, "properties")
	return batch, nil
}
