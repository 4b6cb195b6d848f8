//go:build kafka

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded/apachekafka"
	"leadstream/internal/embedded/embeddedtest"
)

// The same on a real cluster: brokers killed and restarted, leaders moved, `score` scaled 1 -> 3 -> 2.
func TestSoakOfTablesOnApacheKafka(t *testing.T) {
	cluster := embeddedtest.Kafka(t, 3)
	// Longer than the 3 s that the cluster needs to notice a dead coordinator.
	s := newSoak(t, cluster.Addrs(), nil, 6*time.Second)
	stop := s.feed()
	all := s.scores
	s.scores = all[:1]
	s.hire()
	s.scores = all
	s.hire()
	s.suffer(append(clusterFaults(cluster), workerFaults...))
	s.dismiss(all[2])
	s.scores = all[:2]
	s.progress()
	stop()
	s.requireTruth()
}

// clusterFaults are a broker's death, and what comes of it. (In scoring each of them dies.)
func clusterFaults(cluster *apachekafka.Cluster) []fault {
	return []fault{{"broker and a score killed, leaders moved", func(s *soak) {
		broker := s.rnd.IntN(cluster.Size())
		cluster.Kill(broker)
		s.killed(s.any(s.scores))
		time.Sleep(time.Second)
		require.NoError(s.t, cluster.Restart(s.t.Context(), broker))
		require.NoError(s.t, cluster.AwaitInSync(s.t.Context()))
		s.progress()
		_, err := cluster.MoveLeaders(s.t.Context())
		require.NoError(s.t, err)
	}}, {"broker killed and back at once", func(s *soak) {
		_, err := cluster.Bounce(s.t.Context(), 100*time.Millisecond)
		require.NoError(s.t, err)
	}}}
}
