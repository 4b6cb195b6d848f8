package scoring

import (
	"go.uber.org/zap"
)

// timersDue tells whether a partition has one.
func (s *session) timersDue() bool {
	if !s.ready.Load() && s.moves == nil { // nobody knows yet how far behind the partitions are
		return false
	}
	now := s.now().UnixMilli()
	for _, p := range s.parts {
		if s.held(p) {
			continue
		}
		p.leads.lookAhead(p.clock(now))
		if at, ok := p.leads.timers.next(); ok && at <= p.clock(now) {
			return true
		}
	}
	return false
}

// timersATime bounds how many timers a partition fires in one transaction.
const timersATime = 1000

// fireTimers lets leads fall whose instant has come. It leaves a transaction
// open in any case, for commit to end.
func (s *session) fireTimers() error {
	now := s.now().UnixMilli()
	for _, p := range s.parts {
		if s.held(p) {
			continue
		}
		for _, id := range p.leads.due(p.clock(now), timersATime) {
			if err := s.begin(); err != nil {
				return err
			}
			s.txn.join(p)
			out, no := p.fire(p.model, id, p.clock(now))
			if no != nil {
				p.work.tally.failedTimers++
				s.log.Error("scoring: timer failed, the lead keeps its stage", zap.Stringer("lead", id), zap.String("detail", no.detail))
				continue
			}
			p.work.tally.timers++
			s.emit(p, out)
		}
	}
	return s.begin()
}
