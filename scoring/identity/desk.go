package identity

import (
	"errors"
	"fmt"
	"strings"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

const (
	// maxHops is how often a record is sent on before it is refused. A part takes one
	// for each id on its way. An event may take many: it goes to and fro between homes
	// while the part that it looks for waits in a partition without a worker. At a
	// commit a hop (100 ms by default) this is more than the minute that may last.
	maxHops = 1024
	// maxJoined is how many ids a lead takes. A user id that everybody has
	// ("undefined", "0") must not gather the whole site into one record.
	maxJoined = 500
)

// Why a record is refused.
var (
	ErrLoop = errors.New("it was sent on too often and found no lead")
	ErrPart = errors.New("a hand-over that cannot be read")
)

// Send is a record for routed, to the home of Key.
type Send struct {
	Key    string
	Routed *pb.Routed
}

// Desk handles one lead's events and messages after another.
type Desk struct {
	Model *model.Model
	// Apply is Model.Apply unless a test makes it fail.
	Apply func(*model.Lead, *pb.Event, *pb.Source) model.Outcome
	// Watermark closes days before parts are joined or cut off, so that what is
	// counted apart does not depend on when the sweep came by.
	Watermark int64
}

// visit is one record at one lead.
type visit struct {
	Desk
	l     *model.Lead
	key   string // the lead's own
	src   *pb.Source
	hops  uint32
	out   model.Outcome
	sends []Send
}

// Event takes an event that its sender's partition has read. l is the lead of the
// event's record key.
func (d Desk) Event(l *model.Lead, ev *pb.Event, src *pb.Source) (model.Outcome, []Send, error) {
	if (ev.UserId == "" || ev.AnonymousId == "" && l.Known()) && ev.Type != "alias" && l.Away() == "" {
		return d.Apply(l, ev, src), nil, nil // nearly all there are
	}
	key := schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)
	v := &visit{Desk: d, l: l, key: key, src: src}
	if ev.Type == "alias" && ev.PreviousId != "" && ev.UserId != "" && ev.PreviousId != ev.UserId && counts(ev) {
		claim := claimOf(ev).record()
		v.send(schemas.OriginKey(ev.Site, "", ev.PreviousId), &pb.Routed{What: &pb.Routed_Claim{Claim: claim}})
	}
	origin := schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId)
	if origin == key {
		err := v.own(ev)
		return v.out, v.sends, err
	}
	if counts(ev) {
		v.claim(claimOf(ev), ev.EventId)
	}
	err := v.pass(origin, &pb.Routed{What: &pb.Routed_Event{Event: ev}})
	return v.out, v.sends, err
}

// Routed takes a record that another home sent to this lead, whose key is given.
func (d Desk) Routed(l *model.Lead, key string, r *pb.Routed, src *pb.Source) (model.Outcome, []Send, error) {
	v := &visit{Desk: d, l: l, key: key, src: src, hops: r.Hops}
	var err error
	switch what := r.What.(type) {
	case *pb.Routed_Event:
		err = v.event(what.Event)
	case *pb.Routed_Give:
		err = v.take(what.Give, r.Cause)
	case *pb.Routed_Back:
		err = v.back(what.Back, r.Cause)
	case *pb.Routed_Recall:
		err = v.recall(what.Recall)
	case *pb.Routed_Claim:
		if c := what.Claim; c.Key != key {
			v.claim(claim{c.Key, c.At, c.Hash, c.ReceivedAt}, r.Cause)
		}
	case *pb.Routed_Verdict:
		if w := what.Verdict; w.Key != key && l.Home().AddVerdict(kept(w)) {
			v.changed()
			v.settle(r.Cause)
		}
	default:
		err = fmt.Errorf("%w: it says nothing that this release knows", ErrPart)
	}
	return v.out, v.sends, err
}

// kept is a person's word as a home keeps it. Its texts outlive the record.
func kept(w *pb.Verdict) model.Verdict {
	return model.Verdict{Key: strings.Clone(w.Key), Joined: w.Joined, At: w.At, Hash: w.Hash, By: strings.Clone(w.By), Why: strings.Clone(w.Why)}
}

// counts tells whether an event may say who somebody is.
func counts(ev *pb.Event) bool { return !ev.Bot && ev.Consent != pb.Consent_CONSENT_DENIED }

type claim model.Claim

// claimOf is what an event with a visitor and a user, or an alias, says.
func claimOf(ev *pb.Event) claim {
	at, hash := model.Stamp(ev)
	return claim{schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId), at, hash, ev.ReceivedAt}
}

func (c claim) record() *pb.Claim {
	return &pb.Claim{Key: c.Key, At: c.At, Hash: c.Hash, ReceivedAt: c.ReceivedAt}
}

func (v *visit) changed() {
	v.out.Changed = true
	v.l.Touch()
}

func (v *visit) send(key string, r *pb.Routed) {
	id := schemas.NewLeadID(key)
	r.LeadId, r.Source = id[:], v.src
	v.sends = append(v.sends, Send{key, r})
}

// pass sends on what is not for this lead.
func (v *visit) pass(key string, r *pb.Routed) error {
	if v.hops >= maxHops {
		return fmt.Errorf("%w (%d times, the last from %.80q to %.80q)", ErrLoop, v.hops, v.key, key)
	}
	r.Hops = v.hops + 1
	v.send(key, r)
	return nil
}

// merge adds what a step did to what was done before.
func (v *visit) merge(out model.Outcome) {
	v.out.Ledger = append(v.out.Ledger, out.Ledger...)
	v.out.Stages = append(v.out.Stages, out.Stages...)
	v.out.Failed = append(v.out.Failed, out.Failed...)
	v.out.Changed = v.out.Changed || out.Changed
	if out.Refused != "" {
		v.out.Refused = out.Refused
	}
}

// own takes an event whose origin is this very id.
func (v *visit) own(ev *pb.Event) error {
	if ev.UserId != "" && counts(ev) && !v.l.Home().Known {
		v.l.Home().Known = true
		v.changed()
		v.settle(ev.EventId) // an id that was joined by an event's word was no visitor's
	}
	if to := v.l.Away(); to != "" {
		return v.pass(to, &pb.Routed{What: &pb.Routed_Event{Event: ev}})
	}
	v.merge(v.Apply(v.l, ev, v.src))
	return nil
}

// event takes a routed event.
func (v *visit) event(ev *pb.Event) error {
	origin := schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId)
	switch to := v.l.Away(); {
	case origin == v.key:
		return v.own(ev)
	case v.l.Holds(schemas.NewLeadID(origin)):
		v.merge(v.Apply(v.l, ev, v.src))
		return nil
	case to != "":
		return v.pass(to, &pb.Routed{What: &pb.Routed_Event{Event: ev}})
	}
	return v.pass(origin, &pb.Routed{What: &pb.Routed_Event{Event: ev}}) // home knows
}

// claim notes what an event said of this id.
func (v *visit) claim(c claim, cause string) {
	if c.Key != v.key && v.l.Home().AddClaim(model.Claim(c)) {
		v.changed()
		v.settle(cause)
	}
}
