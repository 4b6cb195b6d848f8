package scoring

import (
	"testing"
	"time"

	"leadstream/schemas/pb"
)

// TestSoakOfPeople: ids of the same people are joined over all partitions while workers suffer; every person is one
// lead in the leads topic, with the very score, ledger and redirects that the oracle says. Only in a long run:
// TestPeopleAreOneLeadWhateverIsKilled is the short one.
func TestSoakOfPeople(t *testing.T) {
	if soakFor(t) == 0 {
		t.Skip("`make soak-score` runs it for minutes; TestPeopleAreOneLeadWhateverIsKilled is its short form")
	}
	s := newSoak(t)
	told, done := make(chan struct{}), make(chan struct{})
	var sent []*pb.Event
	go func() {
		defer close(done)
		for seed := uint64(1); ; seed++ {
			more := people(seed, 50, 12)
			s.sendSurely(more)
			s.sendSurely(more[:5]) // repeats
			sent = append(sent, more...)
			select {
			case <-told:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	s.scaleTo(3)
	s.progress(s.group)
	s.suffer(workerFaults)
	s.scaleTo(2)
	close(told)
	<-done
	s.caughtUp(s.group)
	s.settledRouted(s.group)
	for len(s.workers) > 0 {
		s.retire(s.anyone())
	}
	s.requirePeople(sent, true)
	s.report()
}
