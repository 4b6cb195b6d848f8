package scoring

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

// A worker that is killed with -9 while its partitions go over to a published model, at any moment and again and again:
// the last one ends with the very leads, ledger and silent stage rows of one that nobody killed.
func TestKill9WhileAModelIsPublishedEndsInTheSame(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, t.TempDir(), testPartitions)
	group := DefaultConfig().Group
	kill := r.child()
	r.send(old(append(visits(64, 1000, 40), people(65, 1000, 15)...))...)
	r.settledRouted(group)
	kill()
	before := r.stagesNow()

	m := published(t, 3)
	r.model = m
	_, at := m.Publication()
	rng := rand.New(rand.NewPCG(64, 1))
	over := func() (n int) { // leads that the publication has reached
		for _, rec := range r.newest() {
			if rec.ModelVersion == m.Version() {
				n++
			}
		}
		return n
	}
	ledger := len(r.read(schemas.TopicLedger))
	for range 2 {
		was := over()
		kill = r.child(childPublished + "=" + strconv.FormatInt(at, 10))
		// From the first row of the publication's ledger on, and then as some partition has gone over.
		require.Eventually(t, func() bool { return len(r.read(schemas.TopicLedger)) > ledger || over() > was }, time.Minute, time.Millisecond)
		time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		kill()
		ledger = len(r.read(schemas.TopicLedger))
		if over() == len(r.newest()) {
			break
		}
	}
	kill = r.child(childPublished + "=" + strconv.FormatInt(at, 10))
	require.Eventually(t, func() bool { return over() == len(r.newest()) }, 2*time.Minute, 20*time.Millisecond)
	r.settledRouted(group)
	kill()
	r.requirePublished(m, before, true)
}
