package protocol

import (
	"encoding/json"
	"maps"
	"slices"
)

// object collects the members of a properties or traits object that a protocol spreads over other places. Values stay the
// text that the sender wrote; of two of one name the first stays, for stores refuse a row with both.
type object struct {
	text  []byte
	names map[string]bool
}

// raw adds a member whose value is JSON already.
func (o *object) raw(name, value string) {
	if o.names[name] {
		return
	}
	separator := byte(',')
	if len(o.text) == 0 {
		separator = '{'
	}
	o.leave(name)
	o.text = append(append(o.text, separator), quote(name)...)
	o.text = append(append(o.text, ':'), value...)
}

// leave keeps names out: they have a place of their own in the event, where consent looks after them.
func (o *object) leave(names ...string) {
	if o.names == nil {
		o.names = map[string]bool{}
	}
	for _, name := range names {
		o.names[name] = true
	}
}

// add adds a text; an empty one is as good as absent.
func (o *object) add(name, value string) {
	if value != "" {
		o.raw(name, quote(value))
	}
}

// number adds what is a number as a number, and anything else as the text that it is.
func (o *object) number(name, value string) {
	c := cursor{s: value}
	if b := c.peek(); b != '-' && (b < '0' || b > '9') || c.number() != nil || c.end() != nil {
		o.add(name, value)
		return
	}
	o.raw(name, value)
}

// merge adds every member of a JSON object, and nothing of what is none.
func (o *object) merge(value string) {
	c := cursor{s: value}
	if c.peek() != '{' || c.skip() != nil || c.end() != nil {
		return
	}
	c.i = 0
	_ = c.object(func(name string) error { // checked just now
		member, err := c.raw()
		o.raw(name, member)
		return err
	})
}

// bytes is the object as an event keeps it; what it is called is for the fault.
func (o *object) bytes(it *Item, name string) []byte {
	if len(o.text) == 0 {
		return nil
	}
	c := cursor{s: string(o.text) + "}"}
	out, err := c.attributes(it, name)
	if err != nil {
		it.fault(BadProperties, name+" cannot be read: "+err.Error()) // unreachable: every member was checked
	}
	return out
}

func quote(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		return `""` // unreachable: a string
	}
	return string(out)
}

// memberRaw is one value of a JSON object, as it stands there; the last, if the name stands twice.
func memberRaw(object, name string) (value string) {
	c := cursor{s: object}
	if c.peek() != '{' {
		return ""
	}
	_ = c.object(func(have string) error { // the text was checked before
		text, err := c.raw()
		if have == name {
			value = text
		}
		return err
	})
	return value
}

// member is a value's text, nothing if there is none.
func member(object, name string) string {
	value := memberRaw(object, name)
	if value == "" {
		return ""
	}
	c := cursor{s: value}
	text, err := c.text()
	if err != nil {
		return "" // unreachable: it was passed before
	}
	return text
}

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
