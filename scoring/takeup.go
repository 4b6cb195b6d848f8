package scoring

import "go.uber.org/zap"

// takeUp makes every partition go over to the wanted model, between two transactions.
// Their leads are fitted to it: rules that are gone take their points with them, open
// days are counted anew, and timers are solved again.
//
// One that was published is another matter: it scores history anew; see rescore.go.
func (s *session) takeUp() error {
	m := s.wanted.Load()
	if number, _ := m.Publication(); number > 0 && s.history != nil {
		if s.job == nil && len(s.pending(m)) == 0 {
			s.metrics.runs(m.Version())
			return nil
		}
		return s.rescore(m)
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
	return nil
}
