package scoring

import "go.uber.org/zap"

// takeUp makes every partition go over to the wanted model, between two transactions.
// Their leads are fitted to it: rules that are gone take their points with them, open
// days are counted anew, and timers are solved again.
func (s *session) takeUp() {
	m := s.wanted.Load()
	if s.txn != nil {
		return
	}
	for _, parts := range []map[int32]*partition{s.parts, s.idle} {
		for _, p := range parts {
			if p.model == m {
				continue
			}
			if p.model.Version() != m.Version() {
				p.leads.refit(m)
				p.snapshotBytes++ // a snapshot is due: what it says of timers is old
				s.log.Info("scoring: another model", zap.Int32("partition", p.num), zap.String("was", p.model.Version()), zap.String("is", m.Version()))
			}
			p.model = m
		}
	}
	s.metrics.runs(m.Version())
}
