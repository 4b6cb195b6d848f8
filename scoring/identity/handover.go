package identity

import (
	"fmt"
	"slices"

	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// settle moves the id's state where claims and verdicts want it.
func (v *visit) settle(cause string) {
	h := v.l.Home()
	wanted, at := h.Wanted()
	if len(h.Circle) > 0 && h.Circle[0] != wanted {
		h.Circle = nil // it began there
	}
	switch {
	case h.Recalling || h.To == wanted:
	case h.To != "":
		h.Recalling = true
		v.changed()
		v.follow(h.To, cause)
	case len(h.Circle) > 0: // it stays
	default:
		h.Epoch++
		h.To = wanted
		v.Model.Fold(v.l, v.Watermark)
		for _, p := range v.Model.Hand(v.l, v.key, at) {
			v.send(wanted, &pb.Routed{What: &pb.Routed_Give{Give: p.Record()}, Cause: cause})
		}
		v.changed()
	}
}

// follow asks back whatever went on from here to another home, and should not have:
// this is behind it, and sends home all that came by here.
func (v *visit) follow(to, cause string) {
	v.send(to, &pb.Routed{What: &pb.Routed_Recall{Recall: v.key}, Cause: cause})
}

// take joins a part to this lead, or sends it where it can be joined.
func (v *visit) take(rec *pb.Part, cause string) error {
	p, err := v.Model.ReadPart(rec)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrPart, err)
	}
	switch to := v.l.Away(); {
	case p.Key() == v.key:
		if h := v.l.Home(); h.To != "" && p.Epoch() == h.Epoch { // else a repeat
			v.home(p, causeCircle)
		}
		return nil
	case slices.Contains(rec.Via, v.key):
		return v.refuse(rec, causeCircle)
	case to != "" && v.hops >= maxHops:
		return v.refuse(rec, causeFar)
	case to != "":
		rec.Via = append(rec.Via, v.key)
		err := v.pass(to, &pb.Routed{What: &pb.Routed_Give{Give: rec}, Cause: cause})
		if v.l.Home().Recalling {
			v.follow(to, cause) // the one that is on its way is ahead of it
		}
		return err
	case v.l.Joined() >= maxJoined && !v.l.Holds(p.ID()):
		return v.refuse(rec, causeCrowded)
	}
	v.Model.Fold(v.l, v.Watermark)
	v.merge(v.Model.Join(v.l, p, cause, v.src))
	return nil
}

// Causes of a part that comes home.
const (
	causeCircle  = "circle"  // it was sent on until it was there again
	causeCrowded = "crowded" // the lead takes no more
	causeFar     = "far"     // it found no end
)

// refusals are what leadstream itself says when a part could not be joined: such
// an id stands for itself, and nothing of it is lost.
var refusals = map[string]string{
	causeCrowded: "the lead takes no more ids",
	causeFar:     "too many ids, one belonging to the next",
}

func (v *visit) refuse(rec *pb.Part, cause string) error {
	rec.Via = nil
	v.send(rec.Key, &pb.Routed{What: &pb.Routed_Back{Back: rec}, Cause: cause})
	return nil
}

// home takes the id's own part back, and sends it where it belongs now.
func (v *visit) home(p *model.Part, cause string) {
	h := v.l.Home()
	gave, asked := h.To, h.Recalling
	if wanted, at := h.Wanted(); wanted == gave && refusals[cause] != "" {
		h.AddVerdict(model.Verdict{Key: gave, At: at, Hash: ^uint64(0), By: "leadstream", Why: refusals[cause]})
	}
	h.To, h.Recalling = "", false
	if way := p.Via(); len(way) > 1 && slices.Min(way) == v.key { // it came round, by itself
		h.Circle = way[1:]
	}
	v.Model.Return(v.l, p)
	v.changed()
	v.settle(cause)
	if h.To != gave && !asked {
		v.follow(gave, cause)
	}
}

// recall sends all home that came by way of the home named. It ends where that way
// does: what is further on went there before a home on the way changed its mind, and
// that one's own recall is behind it.
func (v *visit) recall(home string) error {
	if home == v.key {
		return nil // it went round a circle
	}
	if to := v.l.Away(); to != "" {
		return v.pass(to, &pb.Routed{What: &pb.Routed_Recall{Recall: home}})
	}
	v.Model.Fold(v.l, v.Watermark)
	for _, p := range v.Model.Leave(v.l, home) {
		v.out.Changed = true
		v.send(p.Key(), &pb.Routed{What: &pb.Routed_Back{Back: p.Record()}})
	}
	if h := v.l.Home(); slices.Contains(h.Circle, home) { // it may be one no more
		h.Circle = nil
		v.changed()
		v.settle(causeCircle)
	}
	return nil
}

// back takes the id's own part that was given back.
func (v *visit) back(rec *pb.Part, cause string) error {
	h := v.l.Home()
	if rec.Key != v.key || h.To == "" || rec.Epoch != h.Epoch {
		return nil // a repeat
	}
	p, err := v.Model.ReadPart(rec)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrPart, err)
	}
	v.home(p, cause)
	return nil
}
