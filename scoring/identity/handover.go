package identity

import (
	"fmt"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// settle moves the id's state where claims and verdicts want it.
func (v *visit) settle(cause string) {
	h := v.l.Home()
	wanted, at := h.Wanted()
	switch {
	case h.Recalling || h.To == wanted:
	case h.To == "" && v.l.Holds(schemas.NewLeadID(wanted)): // joined already, the other way round
	case h.To != "":
		h.Recalling = true
		v.changed()
		v.send(h.To, &pb.Routed{What: &pb.Routed_Recall{Recall: v.key}, Cause: cause})
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

// take joins a part to this lead, or sends it where it can be joined.
func (v *visit) take(rec *pb.Part, cause string) error {
	p, err := v.Model.ReadPart(rec)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrPart, err)
	}
	if i := slices.Index(rec.Via, v.key); i > 0 {
		rec.Via = rec.Via[:i] // it has been here
	}
	via := rec.Via
	switch to := v.l.Away(); {
	case p.Key() == v.key:
		return v.round(p)
	case to != "":
		rec.Via = append(slices.Clone(via), v.key)
		return v.pass(to, &pb.Routed{What: &pb.Routed_Give{Give: rec}, Cause: cause})
	}
	for i, home := range via {
		if i > 0 && !v.l.Holds(schemas.NewLeadID(home)) {
			// A lead that handed it on was cut off from this one before it came.
			rec.Via = via[:i]
			return v.pass(home, &pb.Routed{What: &pb.Routed_Back{Back: rec}})
		}
	}
	if v.l.Joined() >= maxJoined && !v.l.Holds(p.ID()) {
		rec.Via = nil
		return v.pass(p.Key(), &pb.Routed{What: &pb.Routed_Back{Back: rec}, Cause: crowded})
	}
	v.Model.Fold(v.l, v.Watermark)
	v.merge(v.Model.Join(v.l, p, cause, v.src))
	return nil
}

// crowded is the cause of a part that comes back because the lead takes no more.
const crowded = "crowded"

// round takes the id's own part that was sent on until it came home: ids were said
// to be each other. They are one person then, and the home whose key comes first
// stays; the others give their parts again, and find it.
func (v *visit) round(p *model.Part) error {
	h := v.l.Home()
	if h.To == "" || p.Epoch() != h.Epoch {
		return nil // a repeat
	}
	gave := h.To
	h.To, h.Recalling = "", false
	v.Model.Return(v.l, p)
	v.changed()
	if wanted, _ := h.Wanted(); wanted != gave || slices.Min(p.Via()) != v.key {
		v.settle(causeRound)
	}
	return nil
}

const causeRound = "circle"

// recall gives back all that came by way of a home.
func (v *visit) recall(home string) error {
	if home == v.key { // it found nothing and came back: where is it now?
		if h := v.l.Home(); h.Recalling {
			return v.pass(h.To, &pb.Routed{What: &pb.Routed_Recall{Recall: home}})
		}
		return nil
	}
	v.Model.Fold(v.l, v.Watermark)
	left := v.Model.Leave(v.l, home)
	switch to := v.l.Away(); {
	case len(left) > 0:
		v.out.Changed = true
		for _, p := range left {
			v.send(home, &pb.Routed{What: &pb.Routed_Back{Back: p.Record()}})
		}
		v.settle(causeRound) // what left may have been what kept this id here
		return nil
	case to != "":
		return v.pass(to, &pb.Routed{What: &pb.Routed_Recall{Recall: home}})
	}
	return v.pass(home, &pb.Routed{What: &pb.Routed_Recall{Recall: home}})
}

// back takes a part that was given back to this home.
func (v *visit) back(rec *pb.Part, cause string) error {
	if rec.Key != v.key {
		return v.take(rec, cause)
	}
	h := v.l.Home()
	if h.To == "" || rec.Epoch != h.Epoch {
		return nil // a repeat
	}
	p, err := v.Model.ReadPart(rec)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrPart, err)
	}
	if cause == crowded {
		_, at := h.Wanted()
		h.AddVerdict(model.Verdict{Key: h.To, At: at, Hash: ^uint64(0), By: "leadstream", Why: "the lead takes no more ids"})
	}
	h.To, h.Recalling = "", false
	v.Model.Return(v.l, p)
	v.changed()
	v.settle(cause)
	return nil
}
