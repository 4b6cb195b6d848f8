package protocol

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// SnowplowIglu reads /com.snowplowanalytics.iglu/v1, Snowplow's address for webhooks that are no tracker. One of
//
//	GET  ?schema=iglu:VENDOR/NAME/jsonschema/VERSION&seats=12    the other parameters are the data
//	POST ?schema=...  with the data as an object, a list of objects, or a form
//	POST {"schema": ..., "data": {...}}, or a list of these
//
// The query's fields that every Snowplow event has say who and when; an eid is the first event's, the n-th has eid/n.
func SnowplowIglu(r Request) (Batch, error) {
	d := iglu{snowplow: snowplow{c: cursor{s: r.Body}, r: r}, schema: r.Query.Get("schema")}
	var err error
	switch kind := d.c.peek(); {
	case kind == '{':
		err = d.one()
	case kind == '[':
		err = d.c.array(d.one)
	default:
		err = d.form()
		d.c.i = len(d.c.s)
	}
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

// igluFields are Snowplow's own names in the query; what else stands there in a GET is data.
var igluFields = []string{"aid", "p", "eid", "nuid", "duid", "uid", "cv", "ttm", "url", "page", "refr"}

type iglu struct {
	snowplow
	schema string // of the query, for all
}

// one reads an event of the body.
func (d *iglu) one() error {
	if d.batch.sent >= d.r.Limits.Events {
		return tooMany(d.r.Limits.Events)
	}
	it, about := d.batch.add(), described{schema: d.schema}
	err := d.c.item(it, d.r.Limits, func(name string) (err error) {
		switch {
		case d.schema != "":
			err = d.c.skip()
		case name == "schema":
			about.schema, err = d.c.text()
		case name == "data":
			about.data, err = d.c.raw()
		default:
			err = d.c.skip()
		}
		return err
	})
	if d.schema != "" {
		about.data = it.Raw
	}
	if err == nil && it.Fault == nil {
		d.describe(it, about)
	}
	return err
}

// form makes one event of a form, or else of the query.
func (d *iglu) form() error {
	values := maps.Clone(withoutKeys(d.r.Query))
	if d.r.Body != "" {
		var err error
		if values, err = url.ParseQuery(d.r.Body); err != nil || d.schema == "" {
			return &Fault{BadJSON, "the body must be JSON, or a form with ?schema= in the address"}
		}
	}
	if d.schema == "" {
		return &Fault{BadQuery, "without a body ?schema= must name the event's schema"}
	}
	it := d.batch.add()
	var data object
	if d.r.Body == "" {
		data.leave(append(igluFields, "schema")...)
	}
	fields := flat(values)
	for _, name := range sortedNames(fields) {
		data.add(name, fields[name])
	}
	it.Raw = first(d.r.Body, values.Encode())
	if len(it.Raw) > d.r.Limits.Bytes {
		it.Fault = &Fault{TooLarge, "the query is longer than an event may be"}
		return nil
	}
	d.describe(it, described{d.schema, first(string(data.bytes(it, "data")), "{}")})
	return nil
}

// describe makes the event of a self-describing JSON, with what the query says of all.
func (d *iglu) describe(it *Item, about described) {
	f := map[string]string{
		"e": "ue", "tv": "com.snowplowanalytics.iglu-v1",
		"ue_pr": fmt.Sprintf(`{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":%s,"data":%s}}`,
			quote(about.schema), first(strings.TrimSpace(about.data), "{}")),
	}
	for name, values := range d.r.Query {
		if slices.Contains(igluFields, name) {
			f[name] = values[0]
		}
	}
	if n := len(d.batch.Items); n > 1 && f["eid"] != "" {
		f["eid"] = fmt.Sprintf("%s/%d", f["eid"], n)
	}
	d.settle(it, f)
}
