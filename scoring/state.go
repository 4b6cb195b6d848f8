package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// entry is one lead in memory.
type entry struct {
	lead *model.Lead
	// due is when the lead falls if nothing more happens; 0 = never.
	due int64
}

// leads keeps a partition's leads. All access goes through it, so that what
// stands behind it can change (a map of pointers costs the collector a scan of
// all of them; an arena would not).
type leads struct {
	byID   map[schemas.LeadID]*entry
	timers timers
}

func newLeads() *leads { return &leads{byID: map[schemas.LeadID]*entry{}} }

func (s *leads) len() int                        { return len(s.byID) }
func (s *leads) get(id schemas.LeadID) *entry    { return s.byID[id] }
func (s *leads) forget(id schemas.LeadID)        { delete(s.byID, id) }
func (s *leads) put(id schemas.LeadID, e *entry) { s.byID[id] = e }

// restore takes one record of the changelog, which replaces what was known of
// the lead.
func (s *leads) restore(m *model.Model, rec *pb.LeadRecord) error {
	lead, err := m.Restore(rec)
	if err != nil {
		return err
	}
	e := &entry{lead: lead}
	s.put(lead.ID(), e)
	at := rec.FallsAt
	if rec.ModelVersion != m.Version() {
		at, _ = m.Due(lead) // solved by another model: what it says does not hold
	}
	s.arm(lead.ID(), e, at)
	return nil
}

// arm sets the lead's timer; 0 is never.
func (s *leads) arm(id schemas.LeadID, e *entry, at int64) {
	if at != e.due && at != 0 {
		s.timers.add(at, id)
		s.prune()
	}
	e.due = at
}

// sweep folds up to n leads that nobody touches, so that their closed days do
// not stay in memory for ever. Go starts a map's iteration anywhere, which
// spreads the work evenly enough without a cursor to keep.
func (s *leads) sweep(m *model.Model, watermark int64, n int) {
	for _, e := range s.byID {
		if n--; n < 0 {
			return
		}
		m.Fold(e.lead, watermark)
	}
}
