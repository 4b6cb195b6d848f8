package model

import (
	"encoding/json"
	"math"
	"strings"

	"leadstream/schemas"
)

// crmMove is what a CRM event says of the deal, in its properties; the stage may
// also be the event's name.
type crmMove struct {
	Stage    string  `json:"stage"`
	SubStage string  `json:"sub_stage"`
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
	Reason   string  `json:"reason"`
}

// crm moves the stage on a salesperson's word. The newest word counts: an older
// one that comes late, or the same one again, moves nothing, so the stage, too,
// does not depend on the order of CRM events.
func (a *application) crm() {
	if a.ev.GetType() != "crm" {
		return
	}
	said, found := a.crmMove()
	if !found {
		return
	}
	l, i := a.l, a.m.stageIndex(said.Stage)
	switch {
	case !a.ev.GetTrusted():
		a.out.Refused = RefusedUntrusted
		return
	case i < 0:
		a.out.Refused = RefusedStage
		return
	case !a.stamp.after(l.crm):
		a.out.Refused = RefusedStale
		return
	}
	l.crm, a.out.Changed = a.stamp, true
	if l.stage == said.Stage {
		a.crmSubStage(i, said)
		return
	}
	row := a.row(schemas.CauseCRM)
	row.Score = a.m.Score(l, l.clock)
	row.Direction, row.Why = move, said.Reason
	row.Amount, row.Currency = said.Amount, said.Currency
	a.moveTo(i, l.clock, row)
	row.SubStage = a.crmSubStage(i, said)
	if i < a.m.machine {
		// Sales gave the lead back. Its score may still be high, and must not undo
		// that with the next page view.
		l.cooldownUntil = l.clock + a.m.stages[i].Cooldown
	}
}

// crmSubStage takes the CRM's word for a sub-stage the model knows.
func (a *application) crmSubStage(i int, m crmMove) string {
	for _, s := range a.m.stages[i].SubStages {
		if s.ID == m.SubStage {
			a.l.subStage = s.ID
			return s.ID
		}
	}
	return ""
}

// crmMove reads the event; not found means it is a note that moves nothing.
func (a *application) crmMove() (m crmMove, found bool) {
	data := a.ev.GetProperties()
	if len(data) <= maxObject && json.Unmarshal(data, &m) != nil {
		// An amount in quotes must not cost the move: read what can be read.
		object := jsonObject(data)
		m = crmMove{}
		m.Stage, _ = object["stage"].(string)
		m.SubStage, _ = object["sub_stage"].(string)
		m.Currency, _ = object["currency"].(string)
		m.Reason, _ = object["reason"].(string)
	}
	if math.IsInf(m.Amount, 0) || math.IsNaN(m.Amount) {
		m.Amount = 0
	}
	if m.Stage == "" {
		name := strings.ToLower(strings.TrimSpace(a.ev.GetName()))
		if a.m.stageIndex(name) >= 0 {
			m.Stage = name
		}
	}
	return m, m.Stage != ""
}
