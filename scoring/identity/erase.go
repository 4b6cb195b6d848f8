package identity

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// Erase is what has to be said before a lead is erased: the homes of the ids joined
// to it forget theirs, too, and a lead that this one was handed to cuts it off.
func Erase(l *model.Lead, key string, what *pb.Erase, src *pb.Source) (sends []Send) {
	send := func(to string, r *pb.Routed) {
		id := schemas.NewLeadID(to)
		r.LeadId, r.Source = id[:], src
		sends = append(sends, Send{to, r})
	}
	for _, joined := range l.Keys() {
		send(joined, &pb.Routed{What: &pb.Routed_Erase{Erase: &pb.Erase{Site: what.Site, Until: what.Until}}})
	}
	if to := l.Away(); to != "" && key != "" {
		send(to, &pb.Routed{What: &pb.Routed_Recall{Recall: key}})
	}
	return sends
}
