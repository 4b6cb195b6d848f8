package protocol

import "fmt"

// claim says which site an event names. A request belongs to one site, the first that it names: an event of another is
// refused, because counting it for the wrong one cannot be undone.
func (b *Batch) claim(it *Item, key string) {
	switch {
	case key == "" || key == b.WriteKey:
	case b.WriteKey == "":
		b.WriteKey = key
	default:
		it.fault(OtherKey, fmt.Sprintf("the event is of %.40q, the request began with %.40q: send them apart", key, b.WriteKey))
	}
}
