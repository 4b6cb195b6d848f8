package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/internal/config"
)

// RetentionRule says how long rows are kept. A rule with a site goes before one without.
type RetentionRule struct {
	Table string `yaml:"table"`
	Site  string `yaml:"site"` // empty: every site without a rule of its own
	Days  int    `yaml:"days"`
}

// aged are the tables that can be told to forget, each with the column that a row's age is counted from.
var aged = map[string]string{
	"events": "received_at", "ledger": "day", "stage_log": "at", "lead_state": "received_at", "identities": "at",
	"deals": "at", "market_signals": "at", "forecasts": "made_at", "handovers": "at",
}

// shortestLedger leaves room for what comes late: a day that is summed up takes no more points.
const shortestLedger = 30

func validateRetention(p *config.Problems, rules []RetentionRule) {
	seen := map[[2]string]bool{}
	for i, r := range rules {
		key := fmt.Sprintf("retention[%d]", i)
		_, known := aged[r.Table]
		p.Check(known, key+".table", "must be a table that can forget: deals, events, forecasts, handovers, identities, lead_state, ledger, market_signals or stage_log (got %q)", r.Table)
		least := 1
		if r.Table == "ledger" {
			least = shortestLedger
		}
		p.Check(r.Days >= least && r.Days <= 36_500, key+".days", "must be %d..36500 (got %d)", least, r.Days)
		p.Check(!strings.ContainsAny(r.Site, "'\\\n"), key+".site", "must be a site's name (got %q)", r.Site)
		p.Check(!seen[[2]string{r.Table, r.Site}], key+".site", "a second rule for %s and this site", r.Table)
		seen[[2]string{r.Table, r.Site}] = true
	}
}

// keeper lets tables forget. Most are told by a TTL. The ledger is summed up first, so that what is left of it still folds to
// the score (foldLedger).
type keeper struct {
	rules []RetentionRule
	conn  clickhouse.Conn
	log   *zap.Logger
	now   func() time.Time
}

// retentionEvery is how often the ledger is looked at: its age is counted in days.
const retentionEvery = time.Hour

// keepTidy does what the config says about age until ctx ends. Several sinks may do it: one works, the others find it done.
func (s *Sink) keepTidy(ctx context.Context) {
	for {
		err := s.tidy(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := retentionEvery
		if err != nil {
			s.metrics.retentionFails.Inc()
			s.log.Error("sink: retention: rows stay longer than they should; it is tried again", zap.Error(err))
			pause = time.Minute
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Sink) tidy(ctx context.Context) (err error) {
	conn, err := clickhouse.Open(ctx, s.clickhouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	k := keeper{rules: s.cfg.Retention, conn: conn, log: s.log, now: time.Now}
	if nothing, err := k.nothingToDo(ctx); nothing || err != nil {
		return err
	}
	return clickhouse.Exclusive(ctx, conn, func(ctx context.Context) error {
		return errors.Join(k.setTTLs(ctx), k.foldLedgers(ctx))
	})
}

// nothingToDo: there is no rule, and never was one that would have to be taken back.
func (k *keeper) nothingToDo(ctx context.Context) (bool, error) {
	if len(k.rules) > 0 {
		return false, nil
	}
	var noted uint64
	if err := k.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_retention'").Scan(&noted); err != nil {
		return false, fmt.Errorf("sink: retention: %w", err)
	}
	return noted == 0, nil
}

// ttl is a table's clause: a term a site, and one for all others. Empty: keeps for ever.
func (k *keeper) ttl(table string) string {
	column, own, terms := aged[table], []string{}, []string{}
	all := 0
	for _, r := range k.rules {
		switch {
		case r.Table != table:
		case r.Site == "":
			all = r.Days
		default:
			own = append(own, "'"+r.Site+"'")
			terms = append(terms, fmt.Sprintf("toDateTime(%s) + toIntervalDay(%d) DELETE WHERE site = '%s'", column, r.Days, r.Site))
		}
	}
	if all > 0 {
		where := ""
		if len(own) > 0 {
			slices.Sort(own)
			where = " WHERE site NOT IN (" + strings.Join(own, ", ") + ")"
		}
		terms = append(terms, fmt.Sprintf("toDateTime(%s) + toIntervalDay(%d) DELETE%s", column, all, where))
	}
	slices.Sort(terms)
	return strings.Join(terms, ", ")
}

// setTTLs tells each table once: a change of TTL makes the server look at every part.
func (k *keeper) setTTLs(ctx context.Context) error {
	err := k.conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_retention (table String, rule String, at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree(at) ORDER BY table COMMENT 'The TTL that sink.retention has given each table'`)
	if err != nil {
		return fmt.Errorf("sink: retention: %w", err)
	}
	var faults []error
	for table := range aged {
		if table != "ledger" {
			faults = append(faults, k.setTTL(ctx, table, k.ttl(table)))
		}
	}
	return errors.Join(faults...)
}

func (k *keeper) setTTL(ctx context.Context, table, want string) error {
	var have string
	if err := k.conn.QueryRow(ctx, "SELECT max(rule) FROM schema_retention FINAL WHERE table = $1", table).Scan(&have); err != nil {
		return fmt.Errorf("sink: retention of %s: %w", table, err)
	}
	if have == want {
		return nil
	}
	alter := "ALTER TABLE " + table + " MODIFY TTL " + want
	if want == "" {
		alter = "ALTER TABLE " + table + " REMOVE TTL"
	}
	if err := k.conn.Exec(ctx, alter); err != nil {
		return fmt.Errorf("sink: retention of %s: %w", table, err)
	}
	k.log.Info("sink: retention changed", zap.String("table", table), zap.String("ttl", want))
	return k.conn.Exec(ctx, "INSERT INTO schema_retention (table, rule) VALUES ($1, $2)", table, want)
}
