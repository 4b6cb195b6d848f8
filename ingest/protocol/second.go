package protocol

import (
	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// also adds a second event that the same message says: a ping tells time and depth, a hit tells what was done and for how
// long the page was looked at before. Its id is the first one's with an ending, so that a retry of the message repeats both.
func (it *Item) also(b *Batch, kind, ending string, change func(*pb.Event)) {
	second := Item{Event: proto.Clone(it.Event).(*pb.Event), At: it.At, SentAt: it.SentAt, ReceivedAt: it.ReceivedAt, Raw: it.Raw}
	e := second.Event
	e.Type, e.Name, e.Properties, e.Traits = kind, "", nil, nil
	if e.EventId != "" {
		e.EventId += ending
	}
	change(e)
	b.Items = append(b.Items, second)
}
