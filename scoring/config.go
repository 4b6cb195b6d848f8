package scoring

import (
	"time"

	"leadstream/internal/config"
)

// Config is the scoring section.
type Config struct {
	// Group is the consumer group; all workers of one installation share it.
	Group string `yaml:"group"`
	// GroupProtocol is how the group shares its partitions out: classic, or consumer for
	// a next-generation group (KIP-848), which takes Kafka 4.0 and moves partition by
	// partition. All workers of a group have the same.
	GroupProtocol string `yaml:"group_protocol"`
	// TransactionalID names this instance's slot. It has to stay the same over
	// restarts, so that a new process ends its predecessor's open transaction at
	// once, and has to differ between instances that run side by side.
	TransactionalID string `yaml:"transactional_id"`
	// FreshTransactionalID takes a new id at every start instead, and trusts the
	// changelog over the group's offsets. For the embedded broker, whose open
	// transactions do not survive a kill (docs/decisions).
	FreshTransactionalID bool `yaml:"fresh_transactional_id"`
	// CommitInterval is how long a transaction gathers: it bounds both the
	// latency (p99 is this plus some 30 ms) and the cost of commits.
	CommitInterval time.Duration `yaml:"commit_interval"`
	// MaxRecords ends a transaction early.
	MaxRecords int `yaml:"max_records"`
	// SnapshotDir holds one file a partition; empty keeps none, and a restore
	// reads the whole changelog.
	SnapshotDir string `yaml:"snapshot_dir"`
	// A snapshot is due when it is this old, or when this many bytes of changelog
	// were written since. The latter has to stay well below the broker's retention
	// of leads if that topic is not compacted.
	SnapshotInterval time.Duration `yaml:"snapshot_interval"`
	SnapshotBytes    config.Size   `yaml:"snapshot_bytes"`
	// SpillBelow is the score, in points above or below 0, under which a lead that
	// nothing happens to leaves memory for a file in SnapshotDir, until it comes back.
	// 0 keeps all in memory.
	SpillBelow float64 `yaml:"spill_below"`
	// Standby follows the state of the partitions that other workers have: twice the
	// memory, for a takeover that restores only the last moments.
	Standby bool `yaml:"standby"`
	// SessionTimeout is how long a worker that died keeps its partitions. In a
	// next-generation group the broker says it.
	SessionTimeout time.Duration `yaml:"session_timeout"`
}

// DefaultConfig is for one worker on a real broker.
func DefaultConfig() Config {
	return Config{
		Group:            "leadstream-scoring",
		GroupProtocol:    groupClassic,
		TransactionalID:  "leadstream-scoring-0",
		CommitInterval:   100 * time.Millisecond,
		MaxRecords:       20_000,
		SnapshotDir:      "data/scoring",
		SnapshotInterval: 5 * time.Minute,
		SnapshotBytes:    8 << 20,
		SpillBelow:       1,
		SessionTimeout:   15 * time.Second,
	}
}

// Validate lists what is wrong.
func (c *Config) Validate() error {
	var p config.Problems
	p.Check(c.Group != "", "group", "must not be empty")
	p.Check(c.GroupProtocol == groupClassic || c.GroupProtocol == groupConsumer, "group_protocol",
		"must be %s or %s (got %q)", groupClassic, groupConsumer, c.GroupProtocol)
	p.Check(c.TransactionalID != "", "transactional_id", "must not be empty")
	p.Check(c.CommitInterval >= time.Millisecond && c.CommitInterval <= 5*time.Second, "commit_interval",
		"must be 1ms..5s, half of the 10 s after which the broker aborts a transaction (got %s)", c.CommitInterval)
	p.Check(c.MaxRecords >= 1 && c.MaxRecords <= maxBuffered/2, "max_records", "must be 1..%d (got %d)", maxBuffered/2, c.MaxRecords)
	p.Check(c.SnapshotInterval >= time.Second, "snapshot_interval", "must be at least 1s (got %s)", c.SnapshotInterval)
	p.Check(c.SnapshotBytes >= 1<<16, "snapshot_bytes", "must be at least 64KiB (got %s)", c.SnapshotBytes)
	p.Check(c.SpillBelow >= 0 && c.SpillBelow <= 100, "spill_below", "must be 0..100 points (got %g)", c.SpillBelow)
	p.Check(c.SessionTimeout >= time.Second && c.SessionTimeout <= 5*time.Minute, "session_timeout", "must be 1s..5m (got %s)", c.SessionTimeout)
	return p.Err()
}
