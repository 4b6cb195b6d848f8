package embeddedtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"leadstream/internal/embedded/apachekafka"
)

// kafkaPrefix marks the folders of test clusters.
const kafkaPrefix = "leadstream-test-kafka-"

// Kafka starts a real Apache Kafka cluster for this one test. When the test fails, the brokers' logs
// are kept, and where they are is logged.
func Kafka(t testing.TB, brokers int) *apachekafka.Cluster {
	t.Helper()
	sweepClusters()
	dir, err := os.MkdirTemp("", kafkaPrefix)
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	began := time.Now()
	cluster, err := apachekafka.Start(t.Context(), dir, brokers, os.Stderr)
	t.Cleanup(func() {
		if cluster != nil {
			cluster.Stop()
		}
		if t.Failed() {
			data, _ := filepath.Glob(filepath.Join(dir, "*", "data"))
			for _, d := range data {
				_ = os.RemoveAll(d)
			}
			t.Logf("embeddedtest: the brokers' logs are kept in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("embeddedtest: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	t.Logf("embeddedtest: Apache Kafka %s, %d brokers, up after %.1f s", apachekafka.Version(), brokers, time.Since(began).Seconds())
	return cluster
}

// sweepClusters removes what test processes left that were killed, or that failed a day ago.
func sweepClusters() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), kafkaPrefix+"*"))
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}
