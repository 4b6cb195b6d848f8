package identity

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// decided are the newest verdicts: who each id goes to, and which pairs are kept apart.
func (w world) decided() (map[string]string, map[[2]string]bool) {
	yes, no := map[string]string{}, map[[2]string]bool{}
	newest := map[[2]string]model.Verdict{}
	for _, s := range w.verdicts {
		if pair := [2]string{s.of, s.v.Key}; newest[pair].At < s.v.At {
			newest[pair] = s.v
		}
	}
	last := map[string]int64{}
	for pair, v := range newest {
		if no[pair] = !v.Joined; v.Joined && v.At > last[pair[0]] {
			yes[pair[0]], last[pair[0]] = pair[1], v.At
		}
	}
	return yes, no
}

// edges say for each id which other one it belongs to, "" if it stands for itself: a function of the set of what
// happened and was said.
func (w world) edges() func(key string) string {
	known, claims := map[string]bool{}, map[string]*pb.Event{}
	claimed := func(of string, ev *pb.Event, no map[[2]string]bool) {
		user := schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)
		if of == user || no[[2]string{of, user}] {
			return
		}
		at, hash := model.Stamp(ev)
		if old := claims[of]; old != nil {
			if a, h := model.Stamp(old); a < at || a == at && h < hash {
				return
			}
		}
		claims[of] = ev
	}
	yes, no := w.decided()
	for _, ev := range w.events {
		if ev.Bot {
			continue
		}
		if ev.UserId != "" {
			known[schemas.OriginKey("demo", "", ev.UserId)] = true
		}
		if ev.UserId != "" && ev.AnonymousId != "" {
			claimed("demo/"+ev.AnonymousId, ev, no)
		}
		if ev.Type == "alias" {
			claimed("demo/"+ev.PreviousId, ev, no)
		}
	}
	return func(key string) string {
		switch ev := claims[key]; {
		case yes[key] != "":
			return yes[key]
		case !known[key] && ev != nil:
			return schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)
		}
		return ""
	}
}

// endOf follows the edges from a key to where they end. Ids that are said to be each other, in a circle, are one person:
// the first of their keys stays.
func endOf(key string, next func(string) string) string {
	path := []string{key}
	for {
		to := next(path[len(path)-1])
		if to == "" {
			return path[len(path)-1]
		}
		if i := slices.Index(path, to); i >= 0 {
			return slices.Min(path[i:])
		}
		path = append(path, to)
	}
}

// oracle folds the world in the order it is in, each event into the one lead that it
// belongs to in the end; by the keys of these leads.
func (w world) oracle(m *model.Model) map[string]*model.Lead {
	next, leads := w.edges(), map[string]*model.Lead{}
	for _, ev := range w.events {
		key := endOf(schemas.OriginKey("demo", ev.AnonymousId, ev.UserId), next)
		if leads[key] == nil {
			leads[key] = model.NewLead(schemas.NewLeadID(key), "demo")
		}
		m.Apply(leads[key], ev, nil)
	}
	return leads
}

// keys are all ids that the world speaks of.
func (w world) keys() map[string]bool {
	keys := map[string]bool{}
	for _, ev := range w.events {
		keys[schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)] = true
		keys[schemas.EventKey("demo", ev.AnonymousId, ev.UserId)] = true
		if ev.Type == "alias" {
			keys["demo/"+ev.PreviousId] = true
		}
	}
	for _, s := range w.verdicts {
		keys[s.of], keys[s.v.Key] = true, true
	}
	return keys
}

// require wants the network, in which nothing is on its way any more, to be what the oracle says: the lead that holds each
// id, the state in bits, the ledger, and where old ids lead. It returns how many ids are joined to others.
func (w world) require(t *testing.T, net *network, when string) (joins int) {
	t.Helper()
	if net.refused > 0 {
		t.Fatalf("%s: %d records went round for ever", when, net.refused)
	}
	next := w.edges()
	for key := range w.keys() {
		net.requireRedirect(t, key, next, when)
	}
	want := map[schemas.LeadID]*model.Lead{}
	for _, o := range w.oracle(net.model) {
		if !o.Blank() { // not only bots
			want[o.ID()] = o
		}
	}
	for _, p := range net.parts {
		for id, l := range p.leads {
			if l.Away() != "" || l.Blank() {
				continue
			}
			joins += l.Joined()
			o := want[id]
			if o == nil {
				t.Fatalf("%s: %s is a lead of %d ids, and is none for the oracle", when, net.names[id], l.Joined()+1)
			}
			delete(want, id)
			if state(t, net.model, o) != state(t, net.model, l) {
				at := begin + 90*24*3600_000
				t.Fatalf("%s: %s is not what the oracle says: score %v, want %v; %d ids joined", when, net.names[id], net.model.Score(l, at), net.model.Score(o, at), l.Joined())
			}
			requireLedger(t, net.model, l, net.ledger)
		}
	}
	for id := range want {
		t.Fatalf("%s: there is no lead %s", when, net.names[id])
	}
	return joins
}

// requireRedirect follows an id to the lead that it counts for now.
func (w *network) requireRedirect(t *testing.T, key string, next func(string) string, when string) {
	t.Helper()
	end, at := endOf(key, next), key
	for steps := 0; ; steps++ {
		l := w.home(at).leads[schemas.NewLeadID(at)]
		switch {
		case l == nil || l.Away() == "":
			if at != end {
				t.Fatalf("%s: %s ends in %s, want %s", when, key, at, end)
			}
			if at != key && !l.Holds(schemas.NewLeadID(key)) {
				t.Fatalf("%s: %s leads to %s, which does not have it", when, key, at)
			}
			return
		case l.Home().Recalling:
			t.Fatalf("%s: %s waits for ever for what it asked back", when, at)
		case l.Away() != next(at) || steps > 1000:
			t.Fatalf("%s: %s is with %s, want %s", when, at, l.Away(), next(at))
		}
		at = l.Away()
	}
}

// state is what is a function of the set of events, at one instant.
func state(t testing.TB, m *model.Model, l *model.Lead) string {
	r := m.Record(l.Clone(), 0, nil)
	r.Revision, r.Stage, r.SubStage, r.StageSince, r.EntryNo, r.Grade = 0, "", "", 0, 0, ""
	r.StageOrder, r.FallsAt, r.FallsTo, r.State.CooldownUntil = 0, 0, "", 0
	r.State.Home, r.State.Parts, r.Joined, r.Proposals, r.Decisions, r.Own = nil, nil, nil, nil, nil, nil
	r.ScoredAt, r.State.Clock, r.Score = 0, 0, m.Score(l, begin+90*24*3600_000)
	r.Engagement, r.Terms = 0, nil
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// requireLedger wants the rows of all ids of a lead to fold to its score.
func requireLedger(t *testing.T, m *model.Model, l *model.Lead, rows []*pb.LedgerRow) {
	t.Helper()
	var mine []*pb.LedgerRow
	for _, row := range rows {
		if id := schemas.LeadID(row.LeadId); id == l.ID() || l.Holds(id) {
			mine = append(mine, row)
		}
	}
	at := begin + 60*24*3600_000
	if a, b := model.FoldJoined(mine, at, l.Apart()), m.Score(l, at); math.Float64bits(a) != math.Float64bits(b) {
		t.Fatalf("the ledger folds to %v, the score is %v", a, b)
	}
}
