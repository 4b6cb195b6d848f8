package protocol

import (
	"encoding/base64"
	"strings"
)

// decoded is a JSON field of a Snowplow event: plain, or else as base64url. Trackers leave the padding out, proxies and old
// ones use the other alphabet.
func decoded(plain, packed string) string {
	if plain != "" || packed == "" {
		return plain
	}
	text := strings.NewReplacer("+", "-", "/", "_", " ", "-").Replace(strings.TrimRight(packed, "="))
	out, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "?" // no JSON: whoever reads it says so
	}
	return string(out)
}

// described is one self-describing JSON: {"schema": "iglu:VENDOR/NAME/jsonschema/VERSION", "data": ...}.
type described struct{ schema, data string }

func (s described) name() string {
	_, rest, _ := strings.Cut(s.schema, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func describedBy(c *cursor) (s described, err error) {
	err = c.object(func(name string) (err error) {
		switch name {
		case "schema":
			s.schema, err = c.text()
		case "data":
			s.data, err = c.raw()
		default:
			err = c.skip()
		}
		return err
	})
	return s, err
}

// snowplowAbout is what a Snowplow event's contexts say.
type snowplowAbout struct{ view string }

// snowplowContexts reads {"schema": contexts, "data": [described, ...]}. Contexts are extras: those that cannot be read are
// passed over, the event stands without them.
func snowplowContexts(text string) (about snowplowAbout) {
	c := cursor{s: text}
	all, err := describedBy(&c)
	if err != nil {
		return about
	}
	list := cursor{s: all.data}
	_ = list.array(func() error { // an error here means that the rest is no context
		one, err := describedBy(&list)
		if err == nil && one.name() == "web_page" {
			about.view = member(one.data, "id")
		}
		return err
	})
	return about
}

// selfDescribing reads {"schema": unstruct_event, "data": described} into the event: the few schemas that have a canonical
// word get it, all others are what they are called.
func (about snowplowAbout) selfDescribing(it *Item, properties *object, text string) {
	e := it.Event
	c := cursor{s: text}
	outer, err := describedBy(&c)
	if err == nil {
		err = c.end()
	}
	inner := described{}
	if err == nil {
		c := cursor{s: outer.data}
		inner, err = describedBy(&c)
	}
	if err != nil || inner.name() == "" {
		it.fault(BadProperties, "ue_px and ue_pr must hold a self-describing event")
		return
	}
	e.Type, e.Name = "track", inner.name()
	data := inner.data
	switch inner.name() {
	case "link_click":
		e.Type, e.Name = "click", ""
		href := member(data, "targetUrl")
		properties.add("kind", linkKind(href, e.Url))
		properties.add("href", href)
		properties.add("text", member(data, "elementContent"))
		properties.add("id", member(data, "elementId"))
		return
	case "button_click":
		e.Type, e.Name = "click", ""
		properties.add("kind", "button")
		properties.add("text", member(data, "label"))
		properties.add("id", member(data, "id"))
		return
	case "submit_form":
		// The elements hold what was typed: a form is a form without it.
		e.Type, e.Name = "form", first(member(data, "formId"), member(data, "id"))
		properties.add("id", first(member(data, "formId"), member(data, "id")))
		return
	case "screen_view":
		e.Type, e.Name, e.ViewId = "screen", member(data, "name"), first(member(data, "id"), e.ViewId)
	}
	properties.merge(data)
}

// fieldsOf copies the fields of a prefix.
func fieldsOf(o *object, f map[string]string, prefix string) {
	for _, name := range sortedNames(f) {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			o.number(short, f[name])
		}
	}
}
