package protocol

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"leadstream/schemas/pb"
)

// Snowplow reads POST /com.snowplowanalytics.snowplow/tp2: {"schema", "data": [{field: text, ...}]}. The query may name the
// client's heartbeat in seconds, postPath: "/com.snowplowanalytics.snowplow/tp2?heartbeat=30": a page ping does not.
func Snowplow(r Request) (Batch, error) {
	d := snowplow{c: cursor{s: r.Body}, r: r}
	err := d.c.object(func(name string) error {
		if name != "data" {
			return d.c.skip()
		}
		return d.c.array(d.event)
	})
	if err == nil {
		err = d.c.end()
	}
	if err == nil && len(d.batch.Items) == 0 {
		err = &Fault{NoEvents, "the payload holds no event"}
	}
	if err != nil {
		return Batch{}, asFault(err)
	}
	return d.batch, nil
}

// SnowplowPixel reads GET /i: one event in the query.
func SnowplowPixel(r Request) (Batch, error) {
	d := snowplow{r: r}
	it := d.batch.add()
	it.Raw = withoutKeys(r.Query).Encode()
	d.settle(it, flat(r.Query))
	if len(it.Raw) > r.Limits.Bytes {
		it.Fault = &Fault{TooLarge, "the query is longer than an event may be"}
	}
	return d.batch, nil
}

// flat is a query with the first value of each name.
func flat(query url.Values) map[string]string {
	out := make(map[string]string, len(query))
	for name := range query {
		out[name] = query.Get(name)
	}
	return out
}

type snowplow struct {
	c     cursor
	r     Request
	batch Batch
}

// event reads one element of "data". Its values are all text, so that a field is the same in a query.
func (d *snowplow) event() error {
	if d.batch.sent >= d.r.Limits.Events {
		return tooMany(d.r.Limits.Events)
	}
	it, fields := d.batch.add(), map[string]string{}
	err := d.c.item(it, d.r.Limits, func(name string) (err error) {
		fields[name], err = d.c.text()
		return err
	})
	if err == nil && it.Fault == nil {
		d.settle(it, fields)
	}
	return err
}

// settle makes an event of the fields.
func (d *snowplow) settle(it *Item, f map[string]string) {
	e := it.Event
	d.batch.claim(it, f["aid"])
	e.EventId, e.UserId, e.SessionId = f["eid"], f["uid"], f["sid"]
	e.AnonymousId = first(f["duid"], f["tnuid"], f["nuid"])
	e.Url, e.Title, e.Referrer = f["url"], f["page"], f["refr"]
	e.Locale, e.Screen, e.Library = f["lang"], f["res"], first(f["tv"], f["tna"])
	e.Ip, e.UserAgent = f["ip"], f["ua"]
	it.At, it.SentAt = parseInstant(first(f["ttm"], f["dtm"])), parseInstant(f["stm"])
	if d.r.Anonymous || e.AnonymousId == "" && e.UserId == "" {
		// Without an id of its own the client counts on the collector's cookie, which this collector does not set.
		e.Consent = pb.Consent_CONSENT_COOKIELESS
	}
	it.OptedOut = d.r.Anonymous
	about := snowplowContexts(decoded(f["co"], f["cx"]))
	e.ViewId = about.view
	var properties object
	switch f["e"] {
	case "pv":
		e.Type = "page"
	case "pp":
		e.Type = "dwell"
	case "se":
		e.Type, e.Name = "track", f["se_ac"]
		properties.add("category", f["se_ca"])
		properties.add("label", f["se_la"])
		properties.add("property", f["se_pr"])
		properties.number("value", f["se_va"])
	case "ue":
		about.selfDescribing(it, &properties, decoded(f["ue_pr"], f["ue_px"]))
	case "tr":
		e.Type, e.Name = "track", "transaction"
		fieldsOf(&properties, f, "tr_")
	case "ti":
		e.Type, e.Name = "track", "transaction_item"
		fieldsOf(&properties, f, "ti_")
	default:
		e.Type = "snowplow " + f["e"] // refused by the pipeline, as every type that nobody knows
	}
	e.Properties = properties.bytes(it, "properties")
	if e.Type == "dwell" {
		d.ping(it, f)
	}
}

// ping makes engaged time of a page ping, and a second event of the depth that it has seen.
func (d *snowplow) ping(it *Item, f map[string]string) {
	view, slot := it.Event.ViewId, int64(slotMs)
	if seconds, err := strconv.ParseFloat(d.r.Query.Get("heartbeat"), 64); err == nil && seconds*1000 > slotMs && seconds <= 3600 {
		slot = int64(seconds * 1000)
	}
	dwellSlot(it, view, it.At, slot)
	it.Event.ScrollPct = 0
	if depth := scrolled(f); depth > 0 && it.Fault == nil {
		it.also(&d.batch, "scroll", "/scroll", func(e *pb.Event) { e.ViewId, e.EngagedMs, e.ScrollPct = view, 0, depth })
	}
}

// scrolled is how much of the page had been on the screen: an offset of 0 is not sent.
func scrolled(f map[string]string) uint32 {
	_, seen, _ := strings.Cut(f["vp"], "x")
	_, whole, _ := strings.Cut(f["ds"], "x")
	total := countOf(whole, math.MaxUint32)
	if total == 0 {
		return 0
	}
	return uint32(min(100, (float64(countOf(f["pp_may"], math.MaxUint32))+float64(countOf(seen, math.MaxUint32)))/float64(total)*100))
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
