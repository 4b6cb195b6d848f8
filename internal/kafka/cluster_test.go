package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// cluster is a Kafka-protocol broker (or several) in memory, on ports of its own, gone with the test.
func cluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, Config) {
	t.Helper()
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	cfg := DefaultConfig()
	cfg.Brokers = c.ListenAddrs()
	return c, cfg
}

func client(t *testing.T, cfg Config, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := NewClient(cfg, zap.NewNop(), extra...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}
