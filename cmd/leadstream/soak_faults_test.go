package main

import (
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is one thing that goes wrong.
type fault struct {
	name string
	do   func(*soak)
}

// workerFaults leave the broker alone.
var workerFaults = []fault{
	{"score killed", func(s *soak) { s.killed(s.any(s.scores)) }},
	{"score asleep for longer than its session", func(s *soak) { s.asleep(s.any(s.scores)) }},
	{"score stopped and started", func(s *soak) { s.stopped(s.any(s.scores)) }},
	{"sink killed", func(s *soak) { s.killed(s.any(s.sinks)) }},
	{"sink asleep for longer than its session", func(s *soak) { s.asleep(s.any(s.sinks)) }},
	{"sink stopped and started", func(s *soak) { s.stopped(s.any(s.sinks)) }},
	{"ClickHouse killed", (*soak).clickHouseKilled},
	{"ClickHouse asleep", (*soak).clickHouseAsleep},
}

// machineFaults take the broker with them: commits may be torn, and rows stand in topics twice.
var machineFaults = []fault{
	{"broker killed", (*soak).brokerKilled},
	{"broker, scores and sinks killed", func(s *soak) { s.fallen(false) }},
	{"everything killed", func(s *soak) { s.fallen(true) }},
}

// suffer has every fault once in an order that the seed says, then any of them until half of the time is up.
func (s *soak) suffer(faults []fault) {
	s.t.Helper()
	end := time.Now().Add(s.span / 2)
	order := s.rnd.Perm(len(faults))
	for n := 0; n < len(order) || time.Now().Before(end); n++ {
		f := faults[s.rnd.IntN(len(faults))]
		if n < len(order) {
			f = faults[order[n]]
		}
		time.Sleep(time.Duration(s.rnd.IntN(150)) * time.Millisecond) // any moment of a transaction, or of a batch
		s.revive()
		began := time.Now()
		f.do(s)
		s.progress()
		s.count[f.name]++
		s.t.Logf("%s: going on after %.1f s", f.name, time.Since(began).Seconds())
	}
}

func (s *soak) any(slots []*slot) *slot { return slots[s.rnd.IntN(len(slots))] }

func (s *soak) killed(w *slot) {
	w.kill()
	time.Sleep(time.Duration(s.rnd.IntN(300)) * time.Millisecond)
	w.process = start(s.t, w.words...)
}

// asleep is a zombie: when it wakes up, in the middle of a transaction or an insert, its partitions are others'.
func (s *soak) asleep(w *slot) {
	w.signal(syscall.SIGSTOP)
	time.Sleep(s.session) // with this it is put out; the others go on
	s.progress()
	w.signal(syscall.SIGCONT)
}

func (s *soak) stopped(w *slot) {
	s.dismiss(w)
	w.process = start(s.t, w.words...)
}

// dismiss leaves the place empty, once who has it is at work: before that nobody may be listening for the signal yet.
func (s *soak) dismiss(w *slot) {
	s.await(time.Minute, func() bool { return strings.Contains(w.out.String(), "partitions assigned") }, "a process did not begin to work:\n%s", w.out)
	require.Zero(s.t, w.stop(), "Ctrl-C is an orderly end:\n%s", w.out)
	w.process = nil
}

// clickHouseKilled: whoever started it starts it again.
func (s *soak) clickHouseKilled() { require.NoError(s.t, syscall.Kill(s.store.PID(), syscall.SIGKILL)) }

func (s *soak) clickHouseAsleep() {
	pid := s.store.PID()
	require.NoError(s.t, syscall.Kill(pid, syscall.SIGSTOP))
	time.Sleep(time.Duration(500+s.rnd.IntN(2500)) * time.Millisecond)
	require.NoError(s.t, syscall.Kill(pid, syscall.SIGCONT))
}

func (s *soak) brokerKilled() {
	s.broker.Kill()
	s.broker.Start()
}

// fallen is a power switch for the processes of a machine, whose disk lives.
func (s *soak) fallen(everything bool) {
	for _, w := range s.workers() {
		w.signal(syscall.SIGSTOP)
	}
	if everything {
		s.clickHouseKilled()
	}
	s.broker.Kill()
	for _, w := range s.workers() {
		w.kill()
		w.process = nil
	}
	s.broker.Start()
	s.hire()
}

// hire fills the places that are empty, and waits until work is done.
func (s *soak) hire() {
	for _, w := range s.workers() {
		if w.process == nil {
			w.process = start(s.t, w.words...)
		}
	}
	s.progress()
}

// beginAfresh has workers take a fresh transactional id from now on: the rule where the broker may be killed with a
// transaction open. (Before, a worker that is killed alone is not waited for until its transaction times out.)
func (s *soak) beginAfresh() {
	for _, w := range s.scores {
		w.words = append(w.words, "--set", "scoring.fresh_transactional_id=true")
		s.stopped(w)
	}
	s.progress()
}

// revive starts again, as a service manager does, who gave up because the broker was away. Nobody ends for another reason.
func (s *soak) revive() {
	for _, w := range s.workers() {
		if w.process == nil || !w.ended() {
			continue
		}
		require.Contains(s.t, w.out.String(), "sessions in a row failed", "%s ended by itself", w.words[0])
		s.count[w.words[0]+" gave up"]++
		w.process = start(s.t, w.words...)
	}
}
