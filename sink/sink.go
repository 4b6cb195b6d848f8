package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
)

// Deps is what the sink is given.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
	// KafkaOpts say where the brokers are and how to speak to them.
	KafkaOpts  []kgo.Opt
	ClickHouse clickhouse.Config
}

// Sink is the stage: one member of the consumer group.
type Sink struct {
	cfg       Config
	log       *zap.Logger
	kafkaOpts []kgo.Opt
	server    ch.Options
	// For questions and mutations; rows go through server.
	clickhouse clickhouse.Config
	metrics    *metrics
	// Set by the worker, asked by Ready.
	joined atomic.Bool
	paused atomic.Pointer[error]
}

// New checks everything and starts nothing.
func New(cfg Config, deps Deps) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	server, err := deps.ClickHouse.Columnar()
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	m, err := newMetrics(deps.Registry)
	if err != nil {
		return nil, err
	}
	return &Sink{cfg: cfg, log: deps.Log, kafkaOpts: deps.KafkaOpts, server: server, clickhouse: deps.ClickHouse, metrics: m}, nil
}

// Run moves records until ctx ends; then it writes and commits what it holds,
// within cfg.Drain, and returns. An error means that something was left, which
// the next start reads again.
func (s *Sink) Run(ctx context.Context) error {
	in := newInserter(s.server, s.cfg, s.metrics)
	defer in.close()
	w := newWorker(s, in)
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, s.kafkaOpts...), s.groupOpts(w)...)...)
	if err != nil {
		return fmt.Errorf("sink: kafka client: %w", err)
	}
	w.client = client
	close(w.made)
	// Closing leaves the group at once, so that nobody waits for this worker's session to time out.
	defer client.CloseAllowingRebalance()
	tidy, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { s.keepTidy(tidy) })
	defer background.Wait()
	defer stop()
	return w.run(ctx)
}

// fetchBytes bounds one fetch, as the broker counts it (compressed). The client has one a broker in flight.
const fetchBytes = 8 << 20

// groupOpts are the sink's own; they win over those it is given.
func (s *Sink) groupOpts(w *worker) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(s.cfg.Group),
		kgo.SessionTimeout(s.cfg.SessionTimeout),
		kgo.HeartbeatInterval(min(3*time.Second, s.cfg.SessionTimeout/5)),
		kgo.ConsumeTopics(schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// Where the log lost what was to be read next, all of it is read again: repeats are harmless, gaps are not.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AdjustFetchOffsetsFn(w.rewindRegrown),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The client has one fetch a broker in flight. When it joins, the first one
		// asks for those partitions whose offsets it knows already, and the others
		// wait until it returns: with the default of 5 s, and no data, that long.
		kgo.FetchMaxWait(250 * time.Millisecond),
		// What is fetched ahead while ClickHouse is slow or away: with the batch, all that the sink ever holds.
		kgo.FetchMaxBytes(fetchBytes),
		// Transaction markers are offsets too: with them committed, no lag is left when all is read.
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		// An eager balancer: at a rebalance everything is given back, so the batch
		// is written or dropped as a whole. Range gives the same partition number
		// of all topics to one worker.
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(w.assigned),
		kgo.OnPartitionsRevoked(w.revoked),
		kgo.OnPartitionsLost(w.lost),
		kgo.RequiredAcks(kgo.AllISRAcks()),
	}
}

// Ready tells whether records flow: a place in the group, and ClickHouse there.
func (s *Sink) Ready(context.Context) error {
	if err := s.paused.Load(); err != nil {
		return fmt.Errorf("sink: ClickHouse is away, reading waits: %w", *err)
	}
	if !s.joined.Load() {
		return errors.New("sink: not in the consumer group yet")
	}
	return nil
}
