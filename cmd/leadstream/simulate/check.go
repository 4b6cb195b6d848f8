package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"leadstream/internal/clickhouse"
)

// Result holds what came out against the plan.
type Result struct {
	Sent, Accepted, Stored int
	// How many visitors stand where their persona must stand.
	Visitors, AsPlanned int
	Surprises           []string
	Took                time.Duration
}

// patience is how long Check waits for the last event to be stored and scored.
const patience = 60 * time.Second

// Check waits until all events of the plan are stored and all visitors scored,
// then compares each visitor with what its persona must become.
func Check(ctx context.Context, db clickhouse.Conn, p *Plan, sent int) (*Result, error) {
	r := &Result{Sent: sent, Visitors: len(p.Visitors)}
	started := time.Now()
	for r.Stored < sent && time.Since(started) < patience {
		var n uint64
		err := db.QueryRow(ctx, "SELECT uniqExact(event_id) FROM events WHERE startsWith(event_id, ?)", p.Prefix+"-").Scan(&n)
		if err != nil {
			return nil, fmt.Errorf("simulate: counting stored events: %w", err)
		}
		if r.Stored = int(n); r.Stored < sent {
			time.Sleep(100 * time.Millisecond)
		}
	}
	for {
		if err := r.compare(ctx, db, p); err != nil {
			return nil, err
		}
		if r.AsPlanned == r.Visitors || time.Since(started) > patience/4 {
			r.Took = time.Since(started)
			return r, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (r *Result) compare(ctx context.Context, db clickhouse.Conn, p *Plan) error {
	type standing struct {
		stage string
		score float64
	}
	found := map[string]standing{}
	rows, err := db.Query(ctx, "SELECT anonymous_id, stage, score FROM leads WHERE startsWith(anonymous_id, ?) AND stage != ''", p.Prefix+"-v")
	if err != nil {
		return fmt.Errorf("simulate: reading leads: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var s standing
		if err := rows.Scan(&id, &s.stage, &s.score); err != nil {
			return fmt.Errorf("simulate: reading leads: %w", err)
		}
		found[id] = s
	}
	r.AsPlanned, r.Surprises = 0, nil
	for _, v := range p.Visitors {
		s, ok := found[v.AnonymousID]
		switch {
		case !ok:
			r.Surprises = append(r.Surprises, fmt.Sprintf("%s (%s) is no lead", v.AnonymousID, v.Persona))
		case !slices.Contains(v.Expect.Stages, s.stage) || s.score < v.Expect.Min || s.score > v.Expect.Max:
			r.Surprises = append(r.Surprises, fmt.Sprintf("%s (%s) is in %s with %.1f, want %v with %g to %g",
				v.AnonymousID, v.Persona, s.stage, s.score, v.Expect.Stages, v.Expect.Min, v.Expect.Max))
		default:
			r.AsPlanned++
		}
	}
	return rows.Err()
}

// Print says it in three lines, and the first surprises.
func (r *Result) Print(out io.Writer) {
	fmt.Fprintf(out, "events:   sent %d, accepted %d, stored %d (%s after the last was sent)\n", r.Sent, r.Accepted, r.Stored, r.Took.Round(100*time.Millisecond))
	fmt.Fprintf(out, "visitors: %d of %d stand where their plan puts them\n", r.AsPlanned, r.Visitors)
	for i, s := range r.Surprises {
		if i == 10 {
			fmt.Fprintf(out, "  ... and %d more\n", len(r.Surprises)-10)
			break
		}
		fmt.Fprintln(out, " ", s)
	}
}

// Err is nil when everything came out as planned.
func (r *Result) Err() error {
	var errs []error
	if r.Sent != r.Accepted || r.Accepted != r.Stored {
		errs = append(errs, fmt.Errorf("simulate: sent %d, accepted %d and stored %d should be equal", r.Sent, r.Accepted, r.Stored))
	}
	if r.AsPlanned != r.Visitors {
		errs = append(errs, fmt.Errorf("simulate: %d visitors are not where their plan puts them (the plan fits the built-in model only)", r.Visitors-r.AsPlanned))
	}
	return errors.Join(errs...)
}

// PrintHotList prints the n hottest leads.
func PrintHotList(ctx context.Context, db clickhouse.Conn, out io.Writer, n int) error {
	rows, err := db.Query(ctx, "SELECT score, grade, stage, if(name != '', name, anonymous_id), company, last_rule FROM hot_leads ORDER BY score DESC LIMIT ?", n)
	if err != nil {
		return fmt.Errorf("simulate: hot list: %w", err)
	}
	defer rows.Close()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nscore\tgrade\tstage\tlead\tcompany\tlast rule")
	for rows.Next() {
		var score float64
		var grade, stage, lead, company, rule string
		if err := rows.Scan(&score, &grade, &stage, &lead, &company, &rule); err != nil {
			return fmt.Errorf("simulate: hot list: %w", err)
		}
		fmt.Fprintf(t, "%.1f\t%s\t%s\t%s\t%s\t%s\n", score, grade, stage, lead, company, rule)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return t.Flush()
}
