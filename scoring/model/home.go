package model

import (
	"cmp"
	"slices"
)

// Home is what an id's own partition knows of where the id belongs: what events
// claimed, what people decided, and where its state is. Wanted is a function of
// the set of claims and verdicts, whatever order they came in.
type Home struct {
	// Known: events have said that the id is a user's. Such an id joins another
	// one by a person's word only.
	Known    bool
	Claims   []Claim   // the oldest of each user, by age
	Verdicts []Verdict // the newest of each user, by user

	// To is the key of the lead that has the id's state, "" if it is here.
	To string
	// Epoch grows with each hand-over, so that a repeated one is known.
	Epoch uint32
	// Recalling: it was asked back and is on its way.
	Recalling bool
	// Circle is why it is here although it belongs to another id: they are said to
	// be each other. The keys of the others, from the wanted one on.
	Circle []string
}

// Claim is an event that said this id is that user's.
type Claim struct {
	Key        string // the user's record key
	At         int64
	Hash       uint64
	ReceivedAt int64
}

// Verdict is a person's word.
type Verdict struct {
	Key    string
	Joined bool
	At     int64
	Hash   uint64
	By     string // who said so
	Why    string // in their words
}

// Bounds of what is kept of an id that many log in from, such as a kiosk's. The
// oldest claims and the newest verdicts stay, which does not depend on order.
const (
	maxClaims   = 8
	maxVerdicts = 16
)

func (c Claim) compare(o Claim) int {
	return cmp.Or(cmp.Compare(c.At, o.At), cmp.Compare(c.Hash, o.Hash), cmp.Compare(c.Key, o.Key))
}

// AddClaim keeps the claim if it is its user's oldest, and tells whether anything changed.
func (h *Home) AddClaim(c Claim) bool {
	same := func(o Claim) bool { return o.Key == c.Key }
	if i := slices.IndexFunc(h.Claims, same); i >= 0 {
		old := h.Claims[i]
		if old.compare(c) <= 0 {
			c.At, c.Hash = old.At, old.Hash
		}
		c.ReceivedAt = min(c.ReceivedAt, old.ReceivedAt) // a retry was stamped again
		if c == old {
			return false
		}
		h.Claims = slices.Delete(slices.Clone(h.Claims), i, i+1)
	}
	at, _ := slices.BinarySearchFunc(h.Claims, c, Claim.compare)
	if at >= maxClaims {
		return false
	}
	h.Claims = slices.Insert(slices.Clone(h.Claims), at, c)
	h.Claims = h.Claims[:min(len(h.Claims), maxClaims)]
	return true
}

// AddVerdict keeps the newest word on each user.
func (h *Home) AddVerdict(v Verdict) bool {
	older := func(a, b Verdict) bool {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Hash, b.Hash)) < 0
	}
	verdicts := slices.Clone(h.Verdicts)
	i, found := slices.BinarySearchFunc(verdicts, v.Key, func(o Verdict, key string) int { return cmp.Compare(o.Key, key) })
	switch {
	case found && !older(verdicts[i], v):
		return false
	case found:
		verdicts[i] = v
	default:
		verdicts = slices.Insert(verdicts, i, v)
	}
	if len(verdicts) > maxVerdicts {
		oldest := 0
		for j := range verdicts {
			if older(verdicts[j], verdicts[oldest]) {
				oldest = j
			}
		}
		verdicts = slices.Delete(verdicts, oldest, oldest+1)
	}
	h.Verdicts = verdicts
	return true
}

// Wanted is the key of the user that the id belongs to, "" if it stands for
// itself, and when that was said. A person's newest yes decides; else, for an id
// that is not a user's itself, the oldest claim that no person has denied. The
// oldest, because a device that a second person logs in from was the first one's
// before, and what came before must not move.
func (h *Home) Wanted() (key string, receivedAt int64) {
	var yes *Verdict
	no := map[string]bool{}
	for i := range h.Verdicts {
		v := &h.Verdicts[i]
		switch {
		case !v.Joined:
			no[v.Key] = true
		case yes == nil || v.At > yes.At || v.At == yes.At && v.Hash > yes.Hash:
			yes = v
		}
	}
	if yes != nil {
		return yes.Key, yes.At
	}
	if h.Known {
		return "", 0
	}
	for _, c := range h.Claims {
		if !no[c.Key] {
			return c.Key, c.ReceivedAt
		}
	}
	return "", 0
}

// Proposals are the claims that wait for a person's word: those of an id that
// turned out to be a user's.
func (h *Home) Proposals() (open []Claim) {
	if !h.Known {
		return nil
	}
	for _, c := range h.Claims {
		if !slices.ContainsFunc(h.Verdicts, func(v Verdict) bool { return v.Key == c.Key }) {
			open = append(open, c)
		}
	}
	return open
}
