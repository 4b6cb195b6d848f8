package replay

import (
	"cmp"
	"math"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// Side is a lead under one model.
type Side struct {
	Score float64 `json:"score"`
	Grade string  `json:"grade"`
	Stage string  `json:"stage"`
	// When it falls if nothing more happens, Unix ms; 0 = never.
	FallsAt int64 `json:"falls_at_ms"`
}

// Change is a lead under the model that runs and under the draft.
type Change struct {
	Lead string `json:"lead"`
	Site string `json:"site"`
	Who  string `json:"who"`
	Old  Side   `json:"old"`
	New  Side   `json:"new"`
}

// Differs tells whether anybody would see the change.
func (c Change) Differs() bool {
	return c.Old.Grade != c.New.Grade || c.Old.Stage != c.New.Stage || math.Abs(c.Old.Score-c.New.Score) >= 0.05
}

// Move is how many leads go from one grade or stage to another.
type Move struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Leads int    `json:"leads"`
}

// Alerts are the entries into a stage within the days before the diff: what people would have been told.
type Alerts struct {
	Stage string `json:"stage"`
	Old   int    `json:"old"`
	New   int    `json:"new"`
}

// Diff is what publishing the draft would change.
type Diff struct {
	Old     string   `json:"old"`
	New     string   `json:"new"`
	At      int64    `json:"at_ms"`
	Leads   int      `json:"leads"`
	Same    int      `json:"same"` // score, grade and stage, as far as people see
	Grades  []Move   `json:"grades"`
	Stages  []Move   `json:"stages"`
	Alerts  []Alerts `json:"alerts"`
	Days    int      `json:"alert_days"`
	Changes []Change `json:"changes"` // the largest first
}

// Differ compares two models over histories; one a share, then merged.
type Differ struct {
	old, new *model.Model
	at       int64
	days     int
	keep     int

	leads, same    int
	grades, stages map[[2]string]int
	alerts         map[string]*[2]int
	changes        []Change
}

// NewDiffer compares as of an instant. Alerts are counted over the days before it; the `keep`
// largest changes are kept, all of them when it is negative.
func NewDiffer(old, draft *model.Model, at int64, days, keep int) *Differ {
	return &Differ{old: old, new: draft, at: at, days: days, keep: keep,
		grades: map[[2]string]int{}, stages: map[[2]string]int{}, alerts: map[string]*[2]int{}}
}

// Add plays one history twice.
func (d *Differ) Add(h History) {
	a, b := d.play(d.old, h, 0), d.play(d.new, h, 1)
	if a == nil || b == nil { // the same for both: it depends on consent and machines only
		return
	}
	c := Change{Lead: h.ID.String(), Site: h.Site, Who: cmp.Or(a.GetEmail(), a.GetUserId(), a.GetAnonymousId()), Old: side(d.old, a, d.at), New: side(d.new, b, d.at)}
	d.leads++
	if !c.Differs() {
		d.same++
	} else {
		d.changes = append(d.changes, c)
		d.trim()
	}
	if c.Old.Grade != c.New.Grade {
		d.grades[[2]string{c.Old.Grade, c.New.Grade}]++
	}
	if c.Old.Stage != c.New.Stage {
		d.stages[[2]string{c.Old.Stage, c.New.Stage}]++
	}
}

func (d *Differ) play(m *model.Model, h History, which int) *pb.LeadRecord {
	since := d.at - int64(d.days)*dayMS
	lead := Play(m, h, d.at, func(out model.Outcome) {
		for _, row := range out.Stages {
			if row.Direction == "promote" && row.EntryNo > 1 && row.At > since {
				n := d.alerts[row.To]
				if n == nil {
					n = new([2]int)
					d.alerts[row.To] = n
				}
				n[which]++
			}
		}
	})
	if lead == nil {
		return nil
	}
	return m.Record(lead, 0, nil)
}

const dayMS = int64(24 * 60 * 60 * 1000)

// side reads a record as of an instant, as the tables and pages do.
func side(m *model.Model, r *pb.LeadRecord, at int64) Side {
	lead, err := m.Restore(r)
	if err != nil { // the model's own record
		return Side{}
	}
	x := m.Explain(lead, at)
	return Side{Score: x.Score, Grade: x.Grade, Stage: r.GetStage(), FallsAt: r.GetFallsAt()}
}

// trim keeps the list short while it grows.
func (d *Differ) trim() {
	if d.keep >= 0 && len(d.changes) > 2*d.keep+64 {
		d.sort()
		d.changes = d.changes[:d.keep]
	}
}

func (d *Differ) sort() {
	slices.SortFunc(d.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(math.Abs(b.New.Score-b.Old.Score), math.Abs(a.New.Score-a.Old.Score)), cmp.Compare(a.Lead, b.Lead))
	})
}

// Merge takes over what another share found.
func (d *Differ) Merge(o *Differ) {
	d.leads, d.same = d.leads+o.leads, d.same+o.same
	for k, n := range o.grades {
		d.grades[k] += n
	}
	for k, n := range o.stages {
		d.stages[k] += n
	}
	for k, n := range o.alerts {
		mine := d.alerts[k]
		if mine == nil {
			mine = new([2]int)
			d.alerts[k] = mine
		}
		mine[0], mine[1] = mine[0]+n[0], mine[1]+n[1]
	}
	d.changes = append(d.changes, o.changes...)
	d.trim()
}

// Diff is the answer.
func (d *Differ) Diff() Diff {
	d.sort()
	if d.keep >= 0 {
		d.changes = d.changes[:min(d.keep, len(d.changes))]
	}
	out := Diff{Old: d.old.Version(), New: d.new.Version(), At: d.at, Leads: d.leads, Same: d.same,
		Grades: moves(d.grades), Stages: moves(d.stages), Days: d.days, Changes: slices.Clone(d.changes)}
	for _, s := range path(d.old, d.new) {
		if n := d.alerts[s.ID]; n != nil {
			out.Alerts = append(out.Alerts, Alerts{s.ID, n[0], n[1]})
		}
	}
	return out
}

// path is the stages of both models, the draft's own ones last.
func path(old, draft *model.Model) (list []schemas.StageName) {
	for _, s := range append(old.Stages(), draft.Stages()...) {
		if !slices.ContainsFunc(list, func(n schemas.StageName) bool { return n.ID == s.ID }) {
			list = append(list, s.StageName)
		}
	}
	return list
}

func moves(counts map[[2]string]int) []Move {
	list := make([]Move, 0, len(counts))
	for k, n := range counts {
		list = append(list, Move{k[0], k[1], n})
	}
	slices.SortFunc(list, func(a, b Move) int {
		return cmp.Or(cmp.Compare(b.Leads, a.Leads), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return list
}
