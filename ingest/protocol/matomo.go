package protocol

import (
	"net/url"
	"strings"

	"leadstream/schemas/pb"
)

// Matomo reads /matomo.php and /piwik.php: one event in the query and the body, which has the form of a query too, or in the
// body {"requests": ["?idsite=1&...", ...], "token_auth"}. A token_auth in a body is the secret key of a site; in an address,
// where a secret has no business, it counts as absent.
func Matomo(r Request) (Batch, error) {
	if isJSON(r.Body) {
		return matomoBulk(r)
	}
	d := matomo{limits: r.Limits}
	if r.Query.Get("send_image") == "0" {
		d.batch.Reply = ReplyEmpty
	}
	body, err := url.ParseQuery(strings.TrimPrefix(strings.TrimSpace(r.Body), "?"))
	if err != nil {
		return Batch{}, &Fault{BadQuery, "the body is not a query"}
	}
	fields := flat(withoutKeys(r.Query))
	delete(fields, "token_auth")
	for name := range body {
		fields[name] = body.Get(name)
	}
	if fields["send_image"] == "0" {
		d.batch.Reply = ReplyEmpty
	}
	d.sign(fields["token_auth"])
	d.event(d.batch.add(), fields)
	return d.batch, nil
}

type matomo struct {
	limits Limits
	signed bool // by a token_auth
	batch  Batch
}

func (d *matomo) sign(token string) {
	d.batch.WriteKey, d.signed = token, token != ""
}

func matomoBulk(r Request) (Batch, error) {
	d := matomo{limits: r.Limits, batch: Batch{Reply: ReplyFull}}
	c := cursor{s: r.Body}
	var requests []string
	err := c.object(func(name string) (err error) {
		switch name {
		case "requests":
			err = c.array(func() error {
				if len(requests) >= r.Limits.Events {
					return tooMany(r.Limits.Events)
				}
				text, err := c.text()
				requests = append(requests, text)
				return err
			})
		case "token_auth":
			var token string
			token, err = c.text()
			d.sign(token)
		default:
			err = c.skip()
		}
		return err
	})
	if err == nil {
		err = c.end()
	}
	if err == nil && len(requests) == 0 {
		err = &Fault{NoEvents, "the request holds no event"}
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	for _, text := range requests {
		it := d.batch.add()
		_, text, _ = strings.Cut("?"+strings.TrimPrefix(text, "?"), "?")
		query, err := url.ParseQuery(text)
		if err != nil {
			it.Raw = text
			it.fault(BadQuery, "the request is not a query")
			continue
		}
		d.event(it, flat(query))
	}
	return d.batch, nil
}

// event makes an event of the fields. Matomo has no event id. rand is new for each request and not for a retry of it; without
// it, or the exact time, two equal requests are as likely two as one sent twice, and they get no id.
func (d *matomo) event(it *Item, f map[string]string) {
	delete(f, "token_auth")
	it.Raw = encode(f)
	if len(it.Raw) > d.limits.Bytes {
		it.fault(TooLarge, "the request is longer than an event may be")
		return
	}
	if f["idsite"] == "" && f["rec"] == "" && f["url"] == "" { // Matomo needs the first two; whatever else it is, it is no page view
		it.fault(BadQuery, "neither idsite, rec nor url: not a request of Matomo's protocol")
		return
	}
	if !d.signed { // a secret key says the site by itself
		d.batch.claim(it, f["idsite"])
	}
	e := it.Event
	e.AnonymousId, e.UserId, e.ViewId = first(f["cid"], f["_id"]), f["uid"], f["pv_id"]
	e.Url, e.Title, e.Referrer = f["url"], f["action_name"], f["urlref"]
	e.Locale, e.Screen, e.UserAgent, e.Ip = f["lang"], f["res"], f["ua"], f["cip"]
	it.At = parseInstant(f["cdt"])
	if f["rand"] != "" || f["cdt"] != "" {
		e.EventId = derivedID("matomo", it.Raw)
	}
	if e.AnonymousId == "" && e.UserId == "" {
		e.Consent = pb.Consent_CONSENT_COOKIELESS
	}
	var properties object
	matomoKind(it, f, &properties)
	for _, name := range sortedNames(f) {
		if strings.HasPrefix(name, "dimension") {
			properties.add(name, f[name])
		}
	}
	customVariables(&properties, f["cvar"])
	e.Properties = properties.bytes(it, "properties")
}

// encode writes fields in the order of their names.
func encode(f map[string]string) string {
	values := make(url.Values, len(f))
	for name, value := range f {
		values.Set(name, value)
	}
	return values.Encode()
}
