package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// Lag returns how many records of each topic the group has not committed yet. A group that never committed is behind by
// everything that is kept. The end is the high watermark, not the last stable offset: a transaction that hangs should show.
// The control records that end transactions count as records, so a reader of such a topic may rest at one a partition.
func Lag(ctx context.Context, cl *kgo.Client, group string, topics ...string) (map[string]int64, error) {
	adm := kadm.NewClient(cl)
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, fmt.Errorf("lag of group %s: where the topics begin: %w", group, err)
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, fmt.Errorf("lag of group %s: where the topics end: %w", group, err)
	}
	committed, err := adm.FetchOffsetsForTopics(ctx, group, topics...)
	if err = errors.Join(err, committed.Error()); err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // no group yet: no commits
		return nil, fmt.Errorf("lag of group %s: what it committed: %w", group, err)
	}
	lag := make(map[string]int64, len(topics))
	for _, topic := range topics {
		lag[topic] = 0
	}
	ends.Each(func(end kadm.ListedOffset) {
		from := int64(-1)
		if at, ok := committed.Lookup(end.Topic, end.Partition); ok {
			from = at.At
		}
		if start, ok := starts.Lookup(end.Topic, end.Partition); ok {
			from = max(from, start.Offset) // what retention took is not ahead of the group any more, it is lost
		}
		lag[end.Topic] += max(0, end.Offset-from)
	})
	return lag, nil
}

// Watch is a group and the topics it reads.
type Watch struct {
	Group  string
	Topics []string
}

// LagMonitor is the part that keeps leadstream_kafka_lag_records fresh.
type LagMonitor struct {
	client  *kgo.Client
	log     *zap.Logger
	every   time.Duration
	watches []Watch
	records *prometheus.GaugeVec
	failed  prometheus.Counter
	failing bool
}

// NewLagMonitor asks every so often; a scrape shows the last answer. The caller closes the client after Run returned.
func NewLagMonitor(cl *kgo.Client, reg prometheus.Registerer, log *zap.Logger, every time.Duration, watches ...Watch) *LagMonitor {
	m := &LagMonitor{client: cl, log: log, every: every, watches: watches,
		records: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "leadstream_kafka_lag_records",
			Help: "Records a consumer group has still to commit, by topic.",
		}, []string{"group", "topic"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_kafka_lag_errors_total",
			Help: "Failed attempts to learn a group's lag; leadstream_kafka_lag_records is older than it looks.",
		}),
	}
	reg.MustRegister(m.records, m.failed)
	return m
}

// Run asks until ctx ends. Not getting an answer is a counter and one log line a spell, never an end: the path itself may
// well be working, and if it is not, its own parts say so.
func (m *LagMonitor) Run(ctx context.Context) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		m.ask(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (m *LagMonitor) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(m.every, time.Second))
	defer cancel()
	failing := false
	for _, w := range m.watches {
		lag, err := Lag(ctx, m.client, w.Group, w.Topics...)
		if errors.Is(ctx.Err(), context.Canceled) {
			return
		}
		if err != nil {
			m.failed.Inc()
			if !m.failing {
				m.log.Warn("lag is not known", zap.Error(err))
			}
			failing = true
			continue
		}
		for topic, records := range lag {
			m.records.WithLabelValues(w.Group, topic).Set(float64(records))
		}
	}
	m.failing = failing
}
