package model

import (
	"bytes"
	"fmt"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Part is a part between two leads: on its way to join one, or back home.
type Part struct{ part }

// ID is the id whose events made it.
func (p *Part) ID() schemas.LeadID { return p.id }

// Key is the record key of its home.
func (p *Part) Key() string { return p.key }

// Epoch says which of its home's hand-overs it is.
func (p *Part) Epoch() uint32 { return p.epoch }

// Via are the keys of the homes that handed it on, its own first.
func (p *Part) Via() []string { return p.via }

// Record is the part as it travels and is stored.
func (p *Part) Record() *pb.Part { return p.record() }

// ReadPart reads what Record wrote.
func (m *Model) ReadPart(r *pb.Part) (*Part, error) {
	p, err := m.restorePart(r)
	if err != nil {
		return nil, err
	}
	return &Part{p}, nil
}

func (p *part) record() *pb.Part {
	l := p.lead
	r := &pb.LeadRecord{
		LeadId: l.id[:], Site: l.site, Flags: l.flags, Stage: l.stage, SubStage: l.subStage,
		StageSince: l.stageSince, EntryNo: l.entryNo, FirstSeen: l.firstSeen, LastSeen: l.lastSeen,
		LastType: l.lastType, LastName: l.lastName, LastPath: l.path, State: l.stateRecord(new(pb.LeadState)),
	}
	data, err := r.MarshalVT()
	if err != nil {
		data = nil // only text that is no UTF-8 does that, and cut mends it
	}
	out := &pb.Part{Key: p.key, Via: slices.Clone(p.via), Epoch: p.epoch, Through: p.through, At: p.at, Known: p.known, Lead: data, United: p.united, Former: p.former}
	for _, a := range p.apart {
		out.Apart = append(out.Apart, &pb.RuleState{Rule: a.rule, AccM: a.acc.m, AccE: a.acc.e, HalfLife: a.halfLife})
	}
	return out
}

func (m *Model) restorePart(r *pb.Part) (part, error) {
	p := part{
		key: r.GetKey(), via: slices.Clone(r.GetVia()), epoch: r.GetEpoch(),
		through: max(0, r.GetThrough()), at: r.GetAt(), known: r.GetKnown(),
		united: r.GetUnited(), former: max(0, r.GetFormer()),
	}
	rec := new(pb.LeadRecord)
	if err := rec.UnmarshalVTUnsafe(r.GetLead()); err != nil {
		return p, fmt.Errorf("part %.80q: %w", r.GetKey(), err)
	}
	var err error
	if p.lead, err = m.Restore(rec); err != nil {
		return p, fmt.Errorf("part %.80q: %w", r.GetKey(), err)
	}
	p.id = p.lead.id
	for _, rs := range r.GetApart() {
		s, err := restoreRule(rs, nil)
		if err != nil {
			return p, fmt.Errorf("part %.80q: rule %.60q: %w", r.GetKey(), rs.GetRule(), err)
		}
		if rule := m.ruleByID(s.rule); rule != nil {
			p.apart = append(p.apart, apartSum{s.rule, rule.index, s.acc, s.halfLife})
		}
	}
	p.bind(m)
	return p, nil
}

func (l *Lead) restoreParts(m *Model, records []*pb.Part) error {
	for _, r := range records {
		p, err := m.restorePart(r)
		if err != nil {
			return err
		}
		l.parts = append(l.parts, p)
	}
	slices.SortFunc(l.parts, func(a, b part) int { return bytes.Compare(a.id[:], b.id[:]) })
	return nil
}

func (h *Home) record() *pb.Home {
	if h == nil {
		return nil
	}
	r := &pb.Home{Known: h.Known, To: h.To, Epoch: h.Epoch, Recalling: h.Recalling, Circle: slices.Clone(h.Circle)}
	for _, c := range h.Claims {
		r.Claims = append(r.Claims, &pb.Claim{Key: c.Key, At: c.At, Hash: c.Hash, ReceivedAt: c.ReceivedAt})
	}
	for _, v := range h.Verdicts {
		r.Verdicts = append(r.Verdicts, &pb.Verdict{Key: v.Key, Joined: v.Joined, At: v.At, Hash: v.Hash, By: v.By, Why: v.Why})
	}
	return r
}

func restoreHome(r *pb.Home) *Home {
	if r == nil {
		return nil
	}
	h := &Home{Known: r.GetKnown(), To: r.GetTo(), Epoch: r.GetEpoch(), Recalling: r.GetRecalling(), Circle: slices.Clone(r.GetCircle())}
	for _, c := range r.GetClaims() {
		h.Claims = append(h.Claims, Claim{c.GetKey(), c.GetAt(), c.GetHash(), c.GetReceivedAt()})
	}
	slices.SortFunc(h.Claims, Claim.compare)
	for _, v := range r.GetVerdicts() {
		h.Verdicts = append(h.Verdicts, Verdict{v.GetKey(), v.GetJoined(), v.GetAt(), v.GetHash(), v.GetBy(), v.GetWhy()})
	}
	return h
}

// identity is what people and SQL may know of the joins.
func (l *Lead) identity(r *pb.LeadRecord) {
	if l.home != nil {
		if l.home.To != "" {
			id := schemas.NewLeadID(l.home.To)
			r.MergedInto = id[:]
			r.Fit, r.Grade = "X", "X" // whoever leaves out what is ruled out counts nobody twice
		}
		for _, c := range l.home.Proposals() {
			_, user := schemas.SplitKey(c.Key)
			r.Proposals = append(r.Proposals, &pb.Proposal{UserId: user, At: c.At})
		}
		for _, v := range l.home.Verdicts {
			id := schemas.NewLeadID(v.Key)
			_, other := schemas.SplitKey(v.Key)
			r.Decisions = append(r.Decisions, &pb.Decision{LeadId: id[:], Id: other, Joined: v.Joined, At: v.At, By: v.By, Why: v.Why})
		}
	}
	for i := range l.parts {
		p := &l.parts[i]
		if p.id == l.id {
			if id, known := p.lead.ownID(); id != "" && len(l.parts) > 1 {
				r.Own = &pb.JoinedID{LeadId: bytes.Clone(l.id[:]), Id: id, Known: known}
			}
			continue
		}
		j := &pb.JoinedID{LeadId: bytes.Clone(p.id[:]), Known: p.known, At: p.at, Through: p.through, United: p.united}
		if p.united != 0 {
			j.Through = p.former
		}
		_, j.Id = schemas.SplitKey(p.key)
		r.Joined = append(r.Joined, j)
	}
}

// ownID is which of the ids that its events named the lead was made from, and whether
// that is a user's; "" if none.
func (l *Lead) ownID() (id string, known bool) {
	switch l.id {
	case schemas.NewLeadID(schemas.OriginKey(l.site, "", l.userID.value)):
		return l.userID.value, true
	case schemas.NewLeadID(schemas.OriginKey(l.site, l.anonymousID.value, "")):
		return l.anonymousID.value, false
	}
	return "", false
}

// packIdentity is home and parts for Pack: few leads have any.
func (l *Lead) packIdentity() []byte {
	s := &pb.LeadState{Home: l.home.record(), ModelVersion: l.scored}
	for i := range l.parts {
		s.Parts = append(s.Parts, l.parts[i].record())
	}
	b, err := s.MarshalVT()
	if err != nil {
		return nil
	}
	return b
}

func (l *Lead) unpackIdentity(m *Model, b []byte) error {
	s := new(pb.LeadState)
	if err := s.UnmarshalVTUnsafe(bytes.Clone(b)); err != nil {
		return err
	}
	l.home, l.scored = restoreHome(s.Home), s.ModelVersion
	return l.restoreParts(m, s.Parts)
}

// Home is what is known of where the lead's id belongs; made if there is none yet.
func (l *Lead) Home() *Home {
	if l.home == nil {
		l.home = new(Home)
	}
	return l.home
}

// Away is the key of the lead that has this one's state, "" if it is here.
func (l *Lead) Away() string {
	if l.home == nil {
		return ""
	}
	return l.home.To
}

// Known tells whether events have said that the id is a user's.
func (l *Lead) Known() bool { return l.home != nil && l.home.Known }

// Holds tells whether the lead keeps that id's part.
func (l *Lead) Holds(id schemas.LeadID) bool { return l.part(id) != nil }

// Apart is, for each id of the lead, the last day that counts with the id's own
// limits: what FoldJoined has to know beside the rows.
func (l *Lead) Apart() map[schemas.LeadID]int32 {
	days := make(map[schemas.LeadID]int32, len(l.parts))
	for i := range l.parts {
		days[l.parts[i].id] = l.parts[i].through
	}
	return days
}

// Keys are the record keys of the ids that are joined to the lead.
func (l *Lead) Keys() (keys []string) {
	for i := range l.parts {
		if l.parts[i].key != "" {
			keys = append(keys, l.parts[i].key)
		}
	}
	return keys
}

// Joined is how many ids the lead is made of beside its own.
func (l *Lead) Joined() int { return max(0, len(l.parts)-1) }

// Touch makes the next revision: something of the lead's identity changed.
func (l *Lead) Touch() { l.revision++ }
