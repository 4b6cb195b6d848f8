package leads

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Lead is one lead in one track, as the API and the stream tell it.
type Lead struct {
	ID           string             `json:"id"`
	Site         string             `json:"site"`
	Track        string             `json:"track"`
	AnonymousID  string             `json:"anonymous_id"`
	UserID       string             `json:"user_id"`
	Name         string             `json:"name"`
	Email        string             `json:"email"`
	Company      string             `json:"company"`
	Country      string             `json:"country"`
	Score        float64            `json:"score"`
	Grade        string             `json:"grade"`
	Fit          string             `json:"fit"`
	Engagement   uint8              `json:"engagement"`
	Stage        schemas.StageName  `json:"stage"`
	SubStage     string             `json:"sub_stage"`
	StageSince   time.Time          `json:"stage_since"`
	FirstSeen    time.Time          `json:"first_seen"`
	LastSeen     time.Time          `json:"last_seen"`
	Sessions     uint32             `json:"sessions"`
	Last         LastEvent          `json:"last"`
	Why          []RulePoints       `json:"why"`
	Flags        []string           `json:"flags"`
	FallsAt      *time.Time         `json:"falls_at"`
	FallsTo      *schemas.StageName `json:"falls_to"`
	ModelVersion string             `json:"model_version"`
	Revision     uint64             `json:"revision"`
	// The lead that this id was joined to, and its row is only the way there; "" = it stands for itself.
	MergedInto string `json:"merged_into,omitempty"`
	// The other ids that the lead is made of, and known ids that may be the same person.
	Joined    []JoinedID `json:"joined,omitempty"`
	Proposals []Proposal `json:"proposals,omitempty"`
	// Only where one lead is asked for.
	Traits json.RawMessage `json:"traits,omitempty"`
	// Only in the stream and the web app: how the score fades.
	Fade *Fade `json:"fade,omitempty"`
}

// JoinedID is another id of the same person.
type JoinedID struct {
	LeadID string    `json:"lead_id"`
	ID     string    `json:"id"`    // as its sender calls it
	Known  bool      `json:"known"` // a user id of its own, joined by a person
	At     time.Time `json:"at"`
	// Who said so, and why; only where one lead is asked for, and a person did.
	By  string `json:"by,omitempty"`
	Why string `json:"why,omitempty"`
}

// Proposal is a user id that may be the same person, which somebody has to decide.
type Proposal struct {
	LeadID string `json:"lead_id"`
	UserID string `json:"user_id"`
	Why    string `json:"why"` // alias: an event said so; email: both have the address
}

// LastEvent is the newest thing a lead did.
type LastEvent struct {
	Type string `json:"type"`
	Name string `json:"name"`
	Path string `json:"path"`
	// The rule of most points that the newest counted event met.
	Rule Rule `json:"rule"`
}

// Rule is a rule as people call it.
type Rule struct {
	ID string `json:"id"`
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// RulePoints is what a rule gives at the instant of the answer.
type RulePoints struct {
	Rule
	Points float64 `json:"points"`
}

// shortWhy is how many reasons a list shows; /explain has all.
const shortWhy = 3

// Fade lets a reader compute the score of any later moment, as view leads_at does: sum by group of
// value * 2^(-max(0, t - anchor) / half-life), each group within its bounds, the total within -100..100.
type Fade struct {
	// value, anchor in Unix ms, half-life in days (0 = never), index into groups (-1 = none).
	Terms [][4]float64 `json:"terms"`
	// cap, floor.
	Groups [][2]float64 `json:"groups"`
	// Lower bounds of the engagement bands 1, 2, 3.
	Bands []float64 `json:"bands"`
}

const dayMS = 24 * 60 * 60 * 1000

func newFade(r *pb.LeadRecord) *Fade {
	f := &Fade{Terms: [][4]float64{}, Groups: [][2]float64{}, Bands: r.GetBands()}
	index := map[string]float64{}
	for i, g := range r.GetGroups() {
		index[g.GetName()] = float64(i)
		f.Groups = append(f.Groups, [2]float64{g.GetCap(), g.GetFloor()})
	}
	for _, t := range r.GetTerms() {
		group, bounded := index[t.GetGroup()]
		if !bounded {
			group = -1
		}
		f.Terms = append(f.Terms, [4]float64{t.GetValue(), float64(t.GetAnchor()), t.GetHalfLife(), group})
	}
	return f
}

// score is the total at an instant.
func (f *Fade) score(atMS float64) float64 {
	var total float64
	sums := make([]float64, len(f.Groups))
	for _, t := range f.Terms {
		if value := fadeTerm(t[0], t[1], t[2], atMS); t[3] < 0 {
			total += value
		} else {
			sums[int(t[3])] += value
		}
	}
	for i, sum := range sums {
		total += min(f.Groups[i][0], max(f.Groups[i][1], sum))
	}
	return min(100, max(-100, total))
}

func fadeTerm(value, anchor, halfLife, atMS float64) float64 {
	if halfLife == 0 {
		return value
	}
	return value * math.Exp2(-max(0, atMS-anchor)/dayMS/halfLife)
}

// band is 1 (hottest) to 4.
func (f *Fade) band(score float64) uint8 {
	band := uint8(1)
	for _, bound := range f.Bands {
		if score < bound {
			band++
		}
	}
	return band
}

func gradeOf(fit string, band uint8) string {
	if fit == "X" {
		return "X"
	}
	return fit + string('0'+rune(band))
}

// words puts names of stages and rules beside their ids.
type words struct {
	stages    []schemas.StageName
	ruleTitle func(string) (en, zh string)
}

func (w words) stage(id string) schemas.StageName {
	for _, s := range w.stages {
		if s.ID == id {
			return s
		}
	}
	return schemas.StageName{ID: id, EN: id, ZH: id}
}

func (w words) rule(id string) Rule {
	r := Rule{ID: id, EN: id, ZH: id}
	if w.ruleTitle != nil && id != "" {
		en, zh := w.ruleTitle(id)
		r.EN, r.ZH = cmp.Or(en, id), cmp.Or(zh, en, id)
	}
	return r
}

// why are the rules with the most weight, either way, at an instant.
func (w words) why(rules []string, points []float64, most int) []RulePoints {
	sums := map[string]float64{}
	for i, rule := range rules {
		sums[rule] += points[i]
	}
	all := make([]RulePoints, 0, len(sums))
	for rule, sum := range sums {
		if math.Abs(sum) >= 0.05 { // what would read 0.0
			all = append(all, RulePoints{w.rule(rule), sum})
		}
	}
	slices.SortFunc(all, func(a, b RulePoints) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Points), math.Abs(a.Points)), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(most, len(all))]
}

// lead tells a record from the stream the way the tables would.
func (w words) lead(r *pb.LeadRecord, at time.Time) Lead {
	fade := newFade(r)
	atMS := float64(at.UnixMilli())
	rules, points := make([]string, len(fade.Terms)), make([]float64, len(fade.Terms))
	for i, t := range fade.Terms {
		rules[i], points[i] = r.GetTerms()[i].GetRule(), fadeTerm(t[0], t[1], t[2], atMS)
	}
	score := fade.score(atMS)
	band := fade.band(score)
	l := Lead{
		ID: schemas.LeadID(r.GetLeadId()).String(), Site: r.GetSite(), Track: r.GetTrack(),
		AnonymousID: r.GetAnonymousId(), UserID: r.GetUserId(), Name: r.GetName(), Email: r.GetEmail(), Company: r.GetCompany(), Country: r.GetCountry(),
		Score: score, Grade: gradeOf(r.GetFit(), band), Fit: r.GetFit(), Engagement: band,
		Stage: w.stage(r.GetStage()), SubStage: r.GetSubStage(), StageSince: instant(r.GetStageSince()),
		FirstSeen: instant(r.GetFirstSeen()), LastSeen: instant(r.GetLastSeen()), Sessions: r.GetSessions(),
		Last:  LastEvent{r.GetLastType(), r.GetLastName(), r.GetLastPath(), w.rule(r.GetLastRule())},
		Why:   w.why(rules, points, shortWhy),
		Flags: append([]string{}, r.GetFlags()...), ModelVersion: r.GetModelVersion(), Revision: r.GetRevision(), Fade: fade,
	}
	if id := r.GetMergedInto(); len(id) == len(schemas.LeadID{}) {
		l.MergedInto = schemas.LeadID(id).String()
	}
	for _, j := range r.GetJoined() {
		l.Joined = append(l.Joined, JoinedID{LeadID: uuidText(j.GetLeadId()), ID: j.GetId(), Known: j.GetKnown(), At: instant(j.GetAt())})
	}
	for _, p := range r.GetProposals() {
		id := schemas.NewLeadID(schemas.OriginKey(r.GetSite(), "", p.GetUserId()))
		if slices.Contains(idsOfLead(l), id.String()) {
			continue // a person joined them the other way round
		}
		l.Proposals = append(l.Proposals, Proposal{id.String(), p.GetUserId(), "alias"})
	}
	if ms := r.GetFallsAt(); ms > 0 {
		falls, to := instant(ms), w.stage(r.GetFallsTo())
		l.FallsAt, l.FallsTo = &falls, &to
	}
	return l
}

// uuidText is a lead's id as text.
func uuidText(b []byte) string {
	var id schemas.LeadID
	copy(id[:], b)
	return id.String()
}

// idsOf are all ids whose events the lead is made of, its own first.
func idsOf(r *pb.LeadRecord) []string {
	ids := []string{uuidText(r.GetLeadId())}
	for _, j := range r.GetJoined() {
		ids = append(ids, uuidText(j.GetLeadId()))
	}
	return ids
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// idsOfLead is idsOf of what was told of a lead.
func idsOfLead(l Lead) []string {
	ids := []string{l.ID}
	for _, j := range l.Joined {
		ids = append(ids, j.LeadID)
	}
	return ids
}
