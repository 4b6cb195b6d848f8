// Package model is the pure heart of scoring. Draft of the public API: the
// bodies follow, the signatures stand.
package model

import (
	"errors"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Model is one track's rules and stages, compiled.
type Model struct{}

// Stage is one step of the funnel.
type Stage struct {
	ID, EN, ZH string
	Up, Down   float64
	MinDwell   int64 // ms
	Cooldown   int64 // ms
	// "machine" or "sales".
	Owner     string
	SubStages []schemas.StageName
}

// Lead is a lead's live state in one track.
type Lead struct{}

// Outcome is what one event or timer did.
type Outcome struct {
	Ledger []*pb.LedgerRow
	Stages []*pb.StageRow
	// The state differs from before: a record is due.
	Changed bool
	// Why a CRM move or the whole event was refused, one word; "" = it was not.
	Refused string
	// Rules whose expression failed on this event's values (they count as not met).
	Failed []string
}

// ScriptFailure is one expectation of a .score script that did not hold.
type ScriptFailure struct {
	File    string
	Line    int
	Message string
}

var errDraft = errors.New("model: not written yet")

func Load(data []byte, filename string) (*Model, error)              { return nil, errDraft }
func Default() *Model                                                { return &Model{} }
func (m *Model) Version() string                                     { return "" }
func (m *Model) Track() string                                       { return "" }
func (m *Model) Stages() []Stage                                     { return nil }
func NewLead(id schemas.LeadID, site string) *Lead                   { return &Lead{} }
func (l *Lead) Clone() *Lead                                         { return &Lead{} }
func (l *Lead) ID() schemas.LeadID                                   { return schemas.LeadID{} }
func (l *Lead) Revision() uint64                                     { return 0 }
func (m *Model) Apply(l *Lead, ev *pb.Event, src *pb.Source) Outcome { return Outcome{} }
func (m *Model) Due(l *Lead) (at int64, ok bool)                     { return 0, false }
func (m *Model) Fire(l *Lead, now int64, src *pb.Source) Outcome     { return Outcome{} }
func (m *Model) Fold(l *Lead, watermark int64) bool                  { return false }
func (m *Model) Record(l *Lead, receivedAt int64, src *pb.Source) *pb.LeadRecord {
	return &pb.LeadRecord{}
}
func (m *Model) Restore(r *pb.LeadRecord) (*Lead, error)           { return nil, errDraft }
func (m *Model) Score(l *Lead, at int64) float64                   { return 0 }
func (m *Model) Explain(l *Lead, at int64) schemas.Explanation     { return schemas.Explanation{} }
func FoldLedger(rows []*pb.LedgerRow, at int64) float64            { return 0 }
func RunScript(m *Model, name string, text []byte) []ScriptFailure { return nil }
