package sink

import (
	"time"

	"leadstream/internal/config"
)

// Config shapes batches and patience.
type Config struct {
	// Group is the consumer group: the workers that share the partitions.
	Group string      `yaml:"group"`
	Batch BatchConfig `yaml:"batch"`
	// Connections to ClickHouse: how many blocks are written at once. Two use two
	// cores of the server; four were not faster (research: 290k -> 448k rows/s with two).
	Connections int `yaml:"connections"`
	// InsertTimeout bounds one insert of one table; then it is tried again.
	InsertTimeout time.Duration `yaml:"insert_timeout"`
	// RetryMax is the longest pause between two tries while ClickHouse is away.
	RetryMax time.Duration `yaml:"retry_max"`
	// RefusedPatience is how long a batch is tried again of which ClickHouse takes not one row of a table: it may be
	// the table that is wrong, and somebody mending it. Then the rows go to dead-letter, and the line goes on.
	RefusedPatience time.Duration `yaml:"refused_patience"`
	// Drain is how long a stop waits for the last batch. What is not written by
	// then is read again at the next start.
	Drain time.Duration `yaml:"drain"`
	// SessionTimeout is how long a sink that died keeps its partitions, and its successors wait.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// Retention is how long tables keep rows; what no rule names is kept for ever.
	Retention []RetentionRule `yaml:"retention"`
}

// BatchConfig ends a batch at whichever bound is met first.
type BatchConfig struct {
	Rows  int         `yaml:"rows"`
	Bytes config.Size `yaml:"bytes"`
	// Age is counted from the batch's first record: the price of a batch in freshness when it is quiet.
	Age time.Duration `yaml:"age"`
}

// DefaultConfig shows a row within a quarter of a second when it is quiet, and
// writes blocks of 50,000 rows when it is behind: under that the server's cost
// per row doubles.
func DefaultConfig() Config {
	return Config{
		Group:           "leadstream-sink",
		Batch:           BatchConfig{Rows: 50_000, Bytes: 32 << 20, Age: 200 * time.Millisecond},
		Connections:     2,
		InsertTimeout:   30 * time.Second,
		RetryMax:        5 * time.Second,
		RefusedPatience: 5 * time.Minute,
		Drain:           10 * time.Second,
		SessionTimeout:  45 * time.Second, // Kafka's own
	}
}

// Validate names every fault at once, by key.
func (c Config) Validate() error {
	var p config.Problems
	p.Check(c.Group != "", "group", "must name a consumer group")
	p.Check(c.Batch.Rows >= 1 && c.Batch.Rows <= 1_000_000, "batch.rows", "must be 1..1000000 (got %d)", c.Batch.Rows)
	p.Check(c.Batch.Bytes >= 1<<10 && c.Batch.Bytes <= 1<<30, "batch.bytes", "must be 1KiB..1GiB (got %v)", c.Batch.Bytes)
	p.Check(c.Batch.Age >= time.Millisecond && c.Batch.Age <= time.Minute, "batch.age", "must be 1ms..1m (got %s)", c.Batch.Age)
	p.Check(c.Connections >= 1 && c.Connections <= 16, "connections", "must be 1..16 (got %d)", c.Connections)
	// A rebalance waits for a running insert; the group gives it a minute.
	p.Check(c.InsertTimeout >= 100*time.Millisecond && c.InsertTimeout <= 45*time.Second, "insert_timeout", "must be 100ms..45s (got %s)", c.InsertTimeout)
	p.Check(c.RetryMax >= 10*time.Millisecond && c.RetryMax <= time.Minute, "retry_max", "must be 10ms..1m (got %s)", c.RetryMax)
	p.Check(c.RefusedPatience >= 0 && c.RefusedPatience <= 24*time.Hour, "refused_patience", "must be 0s..24h (got %s)", c.RefusedPatience)
	p.Check(c.Drain >= 0 && c.Drain <= 5*time.Minute, "drain", "must be 0s..5m (got %s)", c.Drain)
	p.Check(c.SessionTimeout >= time.Second && c.SessionTimeout <= 5*time.Minute, "session_timeout", "must be 1s..5m (got %s)", c.SessionTimeout)
	validateRetention(&p, c.Retention)
	return p.Err()
}
