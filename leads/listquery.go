package leads

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"leadstream/insight"
)

// leadColumns are what scanLead reads, in its order.
const leadColumns = `lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision`

// listQuery asks for one page of leads and one lead more, which tells whether there is a next page.
type listQuery struct{ listParams }

// conditions are those on what a lead's row holds, and those on what its score of an instant decides.
type conditions struct {
	stored, scored []string
	args           []any
}

func (c *conditions) when(ok bool, list *[]string, condition, name string, value any) {
	if ok {
		*list = append(*list, condition)
		c.args = append(c.args, clickhouse.Named(name, value))
	}
}

// conditions sends every value as a parameter of the server: nothing from a request is ever part of the text.
func (q listQuery) conditions() *conditions {
	c := &conditions{stored: []string{"1"}, args: []any{clickhouse.Named("as_of", q.AsOf)}}
	when := func(ok bool, condition, name string, value any) { c.when(ok, &c.stored, condition, name, value) }
	when(q.Site != "", "site = {site:String}", "site", q.Site)
	when(q.Track != "", "track = {track:String}", "track", q.Track)
	when(len(q.Stages) > 0, "has({stages:Array(String)}, stage)", "stages", q.Stages)
	c.when(len(q.Grades) > 0, &c.scored, "arrayExists(g -> startsWith(grade, g), {grades:Array(String)})", "grades", q.Grades)
	when(!q.Since.IsZero(), "last_seen >= {since:DateTime64(3, 'UTC')}", "since", q.Since)
	when(q.Search != "", `(positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))`, "q", q.Search)
	if q.MinScore != nil {
		c.when(true, &c.scored, "score >= {min_score:Float64}", "min_score", *q.MinScore)
	}
	if q.WithoutExcluded {
		c.stored = append(c.stored, "fit != 'X'")
	} else { // an id that was joined to a lead has fit X; its lead is in the list
		c.stored = append(c.stored, "(fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))")
	}
	when(q.WithoutClosed, "NOT has({closed:Array(String)}, stage)", "closed", []string{insight.StageWon, insight.StageLost})
	if key := q.sortKey(); q.After != nil {
		c.scored = append(c.scored, fmt.Sprintf(`(%[1]s < %[2]s OR %[1]s = %[2]s AND (last_seen < {after_seen:DateTime64(3, 'UTC')}
       OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND (lead_id, track) > ({after_lead:UUID}, {after_track:String})))`, key.column, key.parameter))
		c.args = append(c.args, clickhouse.Named("after_key", key.value(q.After.Key)), clickhouse.Named("after_seen", instant(q.After.Seen)),
			clickhouse.Named("after_lead", q.After.Lead), clickhouse.Named("after_track", q.After.Track))
	}
	c.args = append(c.args, clickhouse.Named("limit", uint64(q.Limit+1)))
	return c
}

// sql adds up every lead that the conditions leave; a list by score adds up only those that can be on it.
func (q listQuery) sql() (string, []any) {
	c := q.conditions()
	all := slices.Concat(c.stored, c.scored)
	if q.byScore() && q.Limit <= maxLimit {
		all = append(all, c.mayReach(q.After != nil))
	}
	return `SELECT ` + leadColumns + `
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE ` + strings.Join(all, "\n  AND ") + `
ORDER BY ` + q.sortKey().column + ` DESC, last_seen DESC, lead_id, track
LIMIT {limit:UInt64}`, c.args
}

func (q listQuery) byScore() bool { return q.Sort == "" || q.Sort == "score" }

// sortKey is a column to sort by, how its last value is sent, and what a cursor keeps of it.
type sortKey struct {
	column, parameter string
	value             func(uint64) any
	of                func(Lead) uint64
}

func (q listQuery) sortKey() sortKey {
	if q.byScore() {
		return sortKey{
			column: "score",
			// The server's own reading of decimal fractions is fast, not exact: the last bit decides who stands on which page.
			parameter: "reinterpretAsFloat64({after_key:UInt64})",
			value:     func(bits uint64) any { return bits },
			of:        func(l Lead) uint64 { return math.Float64bits(l.Score) },
		}
	}
	of := map[string]func(Lead) time.Time{
		"last_seen":   func(l Lead) time.Time { return l.LastSeen },
		"first_seen":  func(l Lead) time.Time { return l.FirstSeen },
		"stage_since": func(l Lead) time.Time { return l.StageSince },
	}[q.Sort]
	return sortKey{
		column:    q.Sort,
		parameter: "{after_key:DateTime64(3, 'UTC')}",
		value:     func(ms uint64) any { return instant(int64(ms)) },
		of:        func(l Lead) uint64 { return uint64(of(l).UnixMilli()) },
	}
}

// list reads a page, each lead through emit, and returns the next page's cursor, "" at the end. A list for a file is as long
// as its limit, so nothing is gathered here.
func (s *Service) list(ctx context.Context, p listParams, mark string, emit func(Lead) error) (next string, n int, err error) {
	q := listQuery{p}
	text, args := q.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return "", 0, fmt.Errorf("list leads: %w", err)
	}
	defer rows.Close()
	var last Lead
	for rows.Next() {
		lead, err := s.words().scanLead(rows)
		if err != nil {
			return "", n, fmt.Errorf("list leads: %w", err)
		}
		if n == p.Limit {
			return position{p.AsOf.UnixMilli(), p.Sort, q.sortKey().of(last), last.LastSeen.UnixMilli(), last.ID, last.Track, mark}.encode(), n, nil
		}
		if err := emit(lead); err != nil {
			return "", n, errors.Join(errSend, err)
		}
		last, n = lead, n+1
	}
	if err := rows.Err(); err != nil {
		return "", n, fmt.Errorf("list leads: %w", err)
	}
	return "", n, nil
}

// errSend marks a failure of the reader's connection, which is no fault of ours.
var errSend = errors.New("the answer could not be sent")

// scanLead reads leadColumns.
func (w words) scanLead(rows driver.Rows) (Lead, error) {
	var l Lead
	var rules []string
	var points []float64
	var stage, lastRule, fallsTo string
	err := rows.Scan(&l.ID, &l.Site, &l.Track, &l.AnonymousID, &l.UserID, &l.Name, &l.Email, &l.Company, &l.Country,
		&l.Score, &l.Grade, &l.Fit, &l.Engagement, &stage, &l.SubStage, &l.StageSince, &l.FirstSeen, &l.LastSeen, &l.Sessions,
		&l.Last.Type, &l.Last.Name, &l.Last.Path, &lastRule, &rules, &points, &l.Flags, &l.FallsAt, &fallsTo,
		&l.ModelVersion, &l.Revision)
	if err != nil {
		return Lead{}, err
	}
	l.Stage, l.Last.Rule = w.stage(stage), w.rule(lastRule)
	l.Why = w.why(rules, points, shortWhy)
	if l.FallsAt != nil {
		to := w.stage(fallsTo)
		l.FallsTo = &to
	}
	return l, nil
}

func (s *Service) words() words { return words{s.deps.Stages, s.deps.RuleTitle} }
