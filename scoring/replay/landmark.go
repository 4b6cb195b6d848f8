package replay

import (
	"fmt"
	"slices"
	"time"

	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// Question is what a backtest asks and a training learns: of leads that entered a stage, what was
// known one window later, and did they win within the horizon after that?
//
// Only the window counts, and only leads that were still open at its end: winners stay longer, so
// that without the landmark every rule looks like a cause of winning.
type Question struct {
	// Entry is the stage; empty is the lead's first event.
	Entry string
	// Window from the entry to the landmark, horizon from there to the outcome.
	Window, Horizon time.Duration
	// Outcome is a stage that sales owns. One that the machine moves would be learned from the very
	// rules that made it.
	Outcome string
	// Now is when the outcome was looked at, Unix ms: a lead whose horizon is not over is left out,
	// also if it has won already, or the quick ones would count and the slow ones not.
	Now int64
}

// Check says what is wrong with the question under the model that draws the path.
func (q Question) Check(m *model.Model) error {
	known := func(id, owner string) bool {
		return slices.ContainsFunc(m.Stages(), func(s model.Stage) bool { return s.ID == id && (owner == "" || s.Owner == owner) })
	}
	switch {
	case q.Entry != "" && !known(q.Entry, ""):
		return fmt.Errorf("entry: the model has no stage %q", q.Entry)
	case !known(q.Outcome, "sales"):
		return fmt.Errorf("outcome: %q is no stage that sales owns: what the machine decides would be learned from its own rules", q.Outcome)
	case q.Window < 24*time.Hour || q.Horizon < 24*time.Hour:
		return fmt.Errorf("window and horizon: at least 24h each (got %s and %s)", q.Window, q.Horizon)
	}
	return nil
}

// Left says why a lead makes no example.
type Left string

const (
	LeftNothing  Left = "judged"  // it makes one
	LeftOut      Left = "no_lead" // a machine, or no consent
	LeftNoEntry  Left = "not_entered"
	LeftDecided  Left = "decided"   // won or lost before the landmark
	LeftImmature Left = "too_young" // the horizon is not over
)

// Landmark is a lead's place in the question.
type Landmark struct {
	Entry, At int64 // Unix ms
	Won       bool
}

// terminal are the stages after which nothing is open any more.
var terminal = []string{"won", "lost"}

// Landmark finds it on the path that the model draws; the model that runs should.
func (q Question) Landmark(m *model.Model, h History) (Landmark, Left) {
	var at Landmark
	var decided, won int64
	lead := Play(m, h, q.Now, func(out model.Outcome) {
		for _, row := range out.Stages {
			if at.Entry == 0 && (q.Entry == "" || row.To == q.Entry) {
				at.Entry = row.At
			}
			if row.To == q.Outcome && won == 0 {
				won = row.At
			}
			if decided == 0 && (row.To == q.Outcome || slices.Contains(terminal, row.To)) {
				decided = row.At
			}
		}
	})
	at.At = at.Entry + q.Window.Milliseconds()
	switch {
	case lead == nil:
		return at, LeftOut
	case at.Entry == 0:
		return at, LeftNoEntry
	case at.At+q.Horizon.Milliseconds() > q.Now:
		return at, LeftImmature
	case decided != 0 && decided <= at.At:
		return at, LeftDecided
	}
	at.Won = won > at.At && won <= at.At+q.Horizon.Milliseconds()
	return at, LeftNothing
}

// Score is the model's, as it stood at the landmark: from what was received by then.
func (at Landmark) Score(m *model.Model, h History) float64 {
	if lead := Play(m, h, at.At, nil); lead != nil {
		return m.Score(lead, at.At)
	}
	return 0
}

// Features are the model's rules, as met between entry and landmark, faded to the landmark: how much
// of each, whatever it is worth. What was received outside the window is not there.
func (at Landmark) Features(m *model.Model, h History) []float64 {
	inside := History{ID: h.ID, Site: h.Site}
	for _, x := range h.Moments {
		if r := x.Event.GetReceivedAt(); r >= at.Entry && r <= at.At && !decides(x.Event) {
			inside.Moments = append(inside.Moments, x)
		}
	}
	if lead := Play(m, inside, at.At, nil); lead != nil {
		return m.Exposure(lead, at.At)
	}
	return make([]float64, len(m.Rules()))
}

// decides: what sales does is the outcome, not a reason for it.
func decides(ev *pb.Event) bool { return ev.GetType() == "crm" }
