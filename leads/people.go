package leads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"leadstream/leads/owner"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// A person's word on who is who goes to the home of one of the two ids, over routed (docs/identity.md): the id that is to move,
// or to come back. Nothing is changed here, so a word that was told twice, or to a worker that is away, does no harm.

// identityWord is one of the three things to say of two ids.
type identityWord string

const (
	wordMerge  identityWord = "merge"  // they are one person
	wordSplit  identityWord = "split"  // they were joined, and are not one person
	wordRefuse identityWord = "refuse" // they may look like one person, and are not
)

// decision is a person's word on two ids, read against what the tables know.
type decision struct {
	word    identityWord
	lead    *pb.LeadRecord // the lead that stays
	other   *pb.LeadRecord // the id that goes, or comes back, or stays away
	already bool           // it is so
	letters []owner.Letter
}

// errWord is a word that makes no sense; it is said to who said it.
type errWord struct{ refusal }

func (e errWord) Error() string { return e.Message }

func senseless(word, format string, args ...any) error {
	return errWord{refusal{Word: word, Message: fmt.Sprintf(format, args...)}}
}

// said is who said it, why, and when.
type said struct {
	by, why string
	at      time.Time
}

// decide finds out what a word on two ids means, and whom it has to be told.
func (s *Service) decide(ctx context.Context, word identityWord, id, other schemas.LeadID, said said) (d decision, err error) {
	if id == other {
		return d, senseless("same_lead", "Both ids are %s; it takes two.", id)
	}
	read := func(id schemas.LeadID) (own, whole *pb.LeadRecord) {
		if err == nil {
			if _, own, _, err = s.recordOf(ctx, recordQuery{ID: id}); err == nil {
				_, whole, _, err = s.record(ctx, recordQuery{ID: id})
			}
			if errors.Is(err, errUnknownLead) {
				err = senseless("unknown_lead", "No lead has the id %s; it may have been erased, or its first event is still on the way.", id)
			}
		}
		return own, whole
	}
	_, lead := read(id)
	otherOwn, otherLead := read(other)
	if err != nil {
		return d, err
	}
	if lead.GetSite() != otherLead.GetSite() {
		return d, senseless("other_site", "%s is a lead of site %s and %s of site %s; ids of two sites are not joined.", id, lead.GetSite(), other, otherLead.GetSite())
	}
	d.word = word
	one := slices.Equal(lead.GetLeadId(), otherLead.GetLeadId())
	switch {
	case word == wordSplit:
		d.lead, d.other = lead, otherOwn
		return d, s.split(ctx, &d, one, said)
	case word == wordMerge && one:
		d.lead, d.other, d.already = lead, otherOwn, true
		return d, nil
	case one:
		return d, senseless("joined", "%s and %s are one lead already; split takes them apart.", id, other)
	}
	d.lead, d.other = stays(lead, otherLead)
	if word == wordRefuse {
		refusing(&d)
		if d.already = denied(d.other, d.lead); d.already {
			return d, nil
		}
	}
	return d, d.tell(d.other, d.lead, word == wordMerge, said)
}

// stays says which of two leads the other one joins: a person's id before a visitor's, then the one that was seen first.
func stays(a, b *pb.LeadRecord) (stay, leave *pb.LeadRecord) {
	_, aKnown := ownID(a)
	_, bKnown := ownID(b)
	known := map[bool]int{true: 0, false: 1}
	if cmp.Or(cmp.Compare(known[aKnown], known[bKnown]), cmp.Compare(a.GetFirstSeen(), b.GetFirstSeen()), slices.Compare(a.GetLeadId(), b.GetLeadId())) > 0 {
		return b, a
	}
	return a, b
}

// refusing turns a refusal to the home that proposed the two, if one did: it is the one that would ask again.
func refusing(d *decision) {
	for _, p := range d.lead.GetProposals() {
		if schemas.NewLeadID(schemas.OriginKey(d.lead.GetSite(), "", p.GetUserId())) == schemas.LeadID(d.other.GetLeadId()) {
			d.lead, d.other = d.other, d.lead
			return
		}
	}
}

// split takes an id off the lead that it was joined to: it is told to its home, which asks it back.
func (s *Service) split(ctx context.Context, d *decision, one bool, said said) error {
	i := slices.IndexFunc(d.lead.GetJoined(), func(j *pb.JoinedID) bool { return slices.Equal(j.GetLeadId(), d.other.GetLeadId()) })
	id, lead := uuidText(d.other.GetLeadId()), uuidText(d.lead.GetLeadId())
	switch into := d.other.GetMergedInto(); {
	case id == lead:
		return senseless("not_joined", "%s is the lead itself; split takes off one of the ids that were joined to it (joined of GET /v1/leads/%s).", id, lead)
	case !one && denied(d.other, d.lead):
		d.already = true
		return nil
	case !one:
		return senseless("not_joined", "%s is not part of lead %s; the ids that are stand in joined of GET /v1/leads/%s.", id, lead, lead)
	case i < 0 || len(into) == 0:
		return senseless("busy", "%s is on its way to lead %s; ask again in a moment.", id, lead)
	default: // it came by way of a lead that was itself joined, maybe
		_, direct, _, err := s.recordOf(ctx, recordQuery{ID: schemas.LeadID(into)})
		if err != nil {
			return err
		}
		if err := d.tell(d.other, direct, false, said); err != nil {
			return err
		}
		if agreed(direct, d.other) { // two that were joined to each other
			return d.tell(direct, d.other, false, said)
		}
		return nil
	}
}

// tell adds the letter to the home of an id: it is, or is not, the same person as another one.
func (d *decision) tell(home, other *pb.LeadRecord, joined bool, said said) error {
	var keys [2]string
	for i, r := range []*pb.LeadRecord{home, other} {
		id, _ := ownID(r)
		if id == "" {
			return senseless("unknown_id", "Lead %s does not say what id it was made from, because other ids were joined to it by an older release; it will at its next event.", uuidText(r.GetLeadId()))
		}
		keys[i] = r.GetSite() + "/" + id
	}
	at := said.at.UnixMilli()
	for _, o := range home.GetDecisions() { // a word is newer than those that its speaker could know, whatever the clocks say
		if slices.Equal(o.GetLeadId(), other.GetLeadId()) {
			at = max(at, o.GetAt()+1)
		}
	}
	hash := fnv.New64a()
	_, _ = fmt.Fprintf(hash, "%q %t %q %q", keys[1], joined, said.by, said.why) // it never fails
	verdict := &pb.Verdict{Key: keys[1], Joined: joined, At: at, Hash: hash.Sum64(), By: said.by, Why: said.why}
	d.letters = append(d.letters, owner.Letter{Home: keys[0], Routed: &pb.Routed{Cause: string(d.word), What: &pb.Routed_Verdict{Verdict: verdict}}})
	return nil
}

// ownID is the visitor's or user's id that a lead was made from, and whether it is a user's.
func ownID(r *pb.LeadRecord) (id string, known bool) {
	if own := r.GetOwn(); own != nil {
		return own.GetId(), own.GetKnown()
	}
	lead := schemas.LeadID(r.GetLeadId())
	switch {
	case r.GetUserId() != "" && schemas.NewLeadID(schemas.OriginKey(r.GetSite(), "", r.GetUserId())) == lead:
		return r.GetUserId(), true
	case r.GetAnonymousId() != "" && schemas.NewLeadID(schemas.OriginKey(r.GetSite(), r.GetAnonymousId(), "")) == lead:
		return r.GetAnonymousId(), false
	}
	return "", false
}

// denied tells whether a person said of either id that it is not the other.
func denied(a, b *pb.LeadRecord) bool { return saidOf(a, b, false) || saidOf(b, a, false) }

func agreed(home, other *pb.LeadRecord) bool { return saidOf(home, other, true) }

func saidOf(home, other *pb.LeadRecord, joined bool) bool {
	return slices.ContainsFunc(home.GetDecisions(), func(o *pb.Decision) bool {
		return o.GetJoined() == joined && slices.Equal(o.GetLeadId(), other.GetLeadId())
	})
}
