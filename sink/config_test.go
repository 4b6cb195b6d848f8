package sink

import (
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
)

func TestTheDefaultConfigIsGood(t *testing.T) { require.NoError(t, DefaultConfig().Validate()) }

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	err := Config{Batch: BatchConfig{Age: time.Hour}, Drain: -1}.Validate()
	for _, key := range []string{"group:", "batch.rows:", "batch.bytes:", "batch.age:", "connections:", "insert_timeout:", "retry_max:", "drain:", "session_timeout:"} {
		require.ErrorContains(t, err, key)
	}
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	deps := Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry(), ClickHouse: clickhouse.DefaultConfig()}
	_, err := New(DefaultConfig(), deps)
	require.ErrorContains(t, err, "clickhouse.addr")
	_, err = New(Config{}, deps)
	require.ErrorContains(t, err, "sink: group")
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m, err := newMetrics(registry)
	require.NoError(t, err)
	b := newBatch()
	b.clamped.floats = 2
	m.tookTable(b.events, time.Second, time.Now())
	m.tookBatch(b, time.Now())
	m.records.WithLabelValues("x")
	m.bytes.WithLabelValues("x")
	m.lagRecords.WithLabelValues("x")
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, reflect.TypeOf(*m).NumField(), "a metric that is made but not registered is seen by nobody")
	_, err = newMetrics(registry)
	require.ErrorContains(t, err, "sink: metrics")
}

func TestLagIsWhatIsCommittedByProducersAndNotWritten(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	l := lag{{"events", 0}: {end: 100, next: 40}, {"events", 1}: {end: 10, next: 10}, {"leads", 0}: {end: 5, next: 9}}
	l.wrote(map[partition]span{{"events", 0}: {first: 40, last: 59}})
	l.publish(m)
	require.Equal(t, 40., testutil.ToFloat64(m.lagRecords.WithLabelValues("events")))
	require.Zero(t, testutil.ToFloat64(m.lagRecords.WithLabelValues("leads")))
}
