package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/internal/kafka"
	"leadstream/schemas"
)

type migrateWord struct {
	DryRun  bool   `help:"Only print the statements that would be run on ClickHouse."`
	Cluster string `help:"Make the database on every replica of this cluster (clickhouse.cluster)." placeholder:"NAME"`
}

func (migrateWord) Help() string {
	return `Examples:
  leadstream migrate                                       topics, and tables on one server
  leadstream migrate --dry-run                             the statements that are still to be run
  leadstream migrate --cluster main --config leadstream.yml   tables on all replicas of cluster main`
}

func (w *migrateWord) Run(g *globals) error {
	if w.Cluster != "" {
		g.Set = append(g.Set, "clickhouse.cluster="+w.Cluster)
	}
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	embeddedStore := cfg.ClickHouse.Addr == ""
	cfg.stores()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour) // a migration may write a large table anew
	defer cancel()
	say := func(line string) { fmt.Fprintln(g.stdout, line) }
	if w.DryRun {
		return planTables(ctx, cfg, say)
	}
	if err := migrateTopics(ctx, cfg, false); err != nil {
		return err
	}
	say(fmt.Sprintf("topics: %d are there, %d partitions each", len(schemas.Topics()), cfg.Kafka.Partitions))
	applied, err := migrateTables(ctx, cfg, say)
	if err != nil {
		return err
	}
	if applied == 0 {
		say("tables: nothing to do")
	}
	if embeddedStore { // whose users stand in its users.xml, written by `all`
		return nil
	}
	return ensureAnalysts(ctx, cfg)
}

// keep is how long a topic holds its records on a real cluster. Events are in
// ClickHouse for good; a month is what a replay from the topic may want.
const keep = 30 * 24 * time.Hour

// migrateTopics creates what is missing. The embedded broker must not compact
// (its compaction is not safe against a kill), so there every topic is bounded
// by the broker's own retention and workers restore from their snapshots. How
// many replicas must have a record follows from how many there are (EnsureTopics).
func migrateTopics(ctx context.Context, cfg Config, embeddedBroker bool) error {
	client, err := kafka.NewClient(cfg.Kafka, zap.NewNop())
	if err != nil {
		return err
	}
	defer client.Close()
	var topics []kafka.Topic
	for _, t := range schemas.Topics() {
		topic := kafka.Topic{Name: t.Name, Partitions: cfg.Kafka.Partitions, Replication: cfg.Kafka.Replication}
		switch {
		case embeddedBroker:
			topic.Configs = map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}
		case t.Compacted:
			// An erased person's old records are gone a week later at the most, and not whenever the broker finds it worth while.
			topic.Configs = map[string]string{"cleanup.policy": "compact", "max.compaction.lag.ms": strconv.FormatInt((7 * 24 * time.Hour).Milliseconds(), 10)}
		default:
			topic.Configs = map[string]string{"cleanup.policy": "delete", "retention.ms": strconv.FormatInt(keep.Milliseconds(), 10)}
		}
		topics = append(topics, topic)
	}
	return kafka.EnsureTopics(ctx, client, topics)
}

// planTables prints what migrateTables would run.
func planTables(ctx context.Context, cfg Config, say func(string)) error {
	plan, err := clickhouse.Plan(ctx, cfg.ClickHouse, schemas.Tables())
	if err != nil {
		return err
	}
	for _, sql := range plan {
		say(sql + ";\n")
	}
	if len(plan) == 0 {
		say("tables: nothing to do")
	}
	return nil
}

func migrateTables(ctx context.Context, cfg Config, say func(string)) (int, error) {
	if err := clickhouse.EnsureDatabase(ctx, cfg.ClickHouse); err != nil {
		return 0, err
	}
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	applied, err := clickhouse.Migrate(ctx, conn, schemas.Tables(), clickhouse.MigrateOptions{Log: say})
	return len(applied), err
}

// ensureAnalysts makes the users of a real server those of the config.
func ensureAnalysts(ctx context.Context, cfg Config) error {
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	return clickhouse.EnsureAnalysts(ctx, conn, "site", cfg.ClickHouse.Analysts)
}
