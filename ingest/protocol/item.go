package protocol

import (
	"errors"
	"fmt"

	"leadstream/schemas/pb"
)

// item passes one element of a batch and fills the Item. The error is only for text that is not JSON; whatever else is wrong
// with the event becomes its Fault.
func (c *cursor) item(it *Item, limits Limits, member func(name string) error) error {
	kind := c.peek()
	start := c.i
	var err error
	if kind == '{' {
		err = c.object(member)
	} else {
		it.fault(NotAnObject, "an event must be a JSON object")
		err = c.skip()
	}
	it.Raw = c.s[start:c.i]
	if len(it.Raw) > limits.Bytes {
		// The size comes before all other faults: it is the one that its sender can do something about.
		it.Fault = &Fault{TooLarge, fmt.Sprintf("the event has %d bytes, the limit is %d", len(it.Raw), limits.Bytes)}
	}
	return err
}

// add appends an empty Item and returns it; the pointer holds until the next add.
func (b *Batch) add() *Item {
	b.sent++
	b.Items = append(b.Items, Item{Event: &pb.Event{}})
	return &b.Items[len(b.Items)-1]
}

// attributes reads an object of properties or traits; null is as good as absent.
func (c *cursor) attributes(it *Item, name string) ([]byte, error) {
	kind := c.peek()
	raw, err := c.raw()
	switch {
	case err != nil || kind == 'n':
		return nil, err
	case kind != '{':
		it.fault(BadProperties, name+" must be a JSON object")
		return nil, nil
	}
	out, deepest := compact(raw)
	if deepest > maxNesting {
		it.fault(TooDeep, fmt.Sprintf("%s are nested %d deep, the limit is %d", name, deepest, maxNesting))
		return nil, nil
	}
	if len(out) == len("{}") {
		return nil, nil
	}
	return out, nil
}

func (c *cursor) instant() (Instant, error) {
	text, err := c.text()
	return parseInstant(text), err
}

func (c *cursor) count(limit float64) (uint32, error) {
	text, err := c.text()
	return countOf(text, limit), err
}

// asFault makes a decoder's error a Fault.
func asFault(err error) error {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{BadJSON, "the body is not JSON of this protocol: it " + err.Error()}
}

func tooMany(limit int) *Fault {
	return &Fault{BatchTooLarge, fmt.Sprintf("a request may hold %d events", limit)}
}
