package erase

import (
	"context"
	"fmt"

	"leadstream/leads/owner"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// places are offsets by topic and partition.
type places map[string]map[int32]int64

func (p places) raise(topic string, partition int32, offset int64) {
	if p[topic] == nil {
		p[topic] = map[int32]int64{}
	}
	p[topic][partition] = max(p[topic][partition], offset)
}

// command tells the owner of each of the person's leads to forget it, and returns which offsets the owners must have read.
func (e *Eraser) command(ctx context.Context, r *Request) (places, error) {
	var letters []owner.Letter
	for key, lead := range r.Person.keys() {
		id, err := schemas.ParseLeadID(lead)
		if err != nil {
			return nil, fmt.Errorf("erase: %w", err)
		}
		erase := &pb.Erase{Site: r.Person.Site, Until: r.Until().UnixMilli()}
		letters = append(letters, owner.Letter{Home: key, Key: lead, Routed: &pb.Routed{LeadId: id[:], What: &pb.Routed_Erase{Erase: erase}}})
	}
	ends, err := e.owners.Tell(ctx, letters...)
	if err != nil {
		return nil, fmt.Errorf("erase: %w", err)
	}
	return places{schemas.TopicRouted: ends}, nil
}

// keys are the event keys of the person's leads, each with its lead id. Every lead id was made from one of the ids, except the
// one that was asked for by name only.
func (p Person) keys() map[string]string {
	keys := map[string]string{}
	for _, id := range p.AnonymousIDs {
		key := schemas.EventKey(p.Site, id, "")
		keys[key] = schemas.NewLeadID(key).String()
	}
	for _, id := range p.UserIDs {
		key := schemas.EventKey(p.Site, "", id)
		keys[key] = schemas.NewLeadID(key).String()
	}
	return keys
}
