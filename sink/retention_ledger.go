package sink

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// foldLedgers lets each site's ledger forget the days that are older than its rule says.
func (k *keeper) foldLedgers(ctx context.Context) error {
	own, all := map[string]int{}, 0
	for _, r := range k.rules {
		if r.Table != "ledger" {
			continue
		}
		if r.Site == "" {
			all = r.Days
		} else {
			own[r.Site] = r.Days
		}
	}
	if len(own) == 0 && all == 0 {
		return nil
	}
	sites, err := k.sites(ctx)
	if err != nil {
		return err
	}
	for _, site := range sites {
		days, named := own[site]
		if !named {
			days = all
		}
		if days == 0 {
			continue
		}
		through := k.now().UTC().AddDate(0, 0, -days).Truncate(24 * time.Hour)
		if err := k.foldLedger(ctx, site, through); err != nil {
			return fmt.Errorf("sink: retention of the ledger of %s: %w", site, err)
		}
	}
	return nil
}

func (k *keeper) sites(ctx context.Context) (sites []string, err error) {
	if err := k.conn.QueryRow(ctx, "SELECT arraySort(groupUniqArray(toString(site))) FROM ledger").Scan(&sites); err != nil {
		return nil, fmt.Errorf("sink: retention: list the ledger's sites: %w", err)
	}
	return sites, nil
}

// foldLedger lets one site forget all days up to `through`. Its order is what makes it safe to be killed anywhere:
//
//  1. The days' points, faded to the end of `through`, go to ledger_folded, one row a rule. Views do not look at rows of a day
//     that is no horizon yet.
//  2. The horizon moves. From this row on views take the sums, and leave the days out. A repeat of an old row changes nothing.
//  3. The rows of the days go, and the sums of earlier horizons. A kill before leaves them for the next run; views do not see them.
//
// A sum needs the days as they were: between 1 and 2 no row may come for them, which is why the shortest rule is longer than
// the week in which late events count.
func (k *keeper) foldLedger(ctx context.Context, site string, through time.Time) error {
	day := through.Format(time.DateOnly)
	var old uint64
	if err := k.conn.QueryRow(ctx, "SELECT count() FROM ledger WHERE site = $1 AND day <= $2 AND reason != 'published'", site, day).Scan(&old); err != nil {
		return err
	}
	if old == 0 {
		return nil
	}
	for _, sql := range []string{
		foldDays,
		"INSERT INTO ledger_horizon (site, through) SELECT $1, toDate($2)",
		"ALTER TABLE ledger DELETE WHERE site = $1 AND day <= toDate($2) AND reason != 'published' SETTINGS mutations_sync = 2",
		`ALTER TABLE ledger_folded DELETE WHERE site = $1 AND through < toDate($2)
			AND (track, lead_id, rule, publication) IN (SELECT track, lead_id, rule, publication FROM ledger_folded WHERE site = $1 AND through = toDate($2)) SETTINGS mutations_sync = 2`,
	} {
		if err := k.conn.Exec(ctx, sql, site, day); err != nil {
			return err
		}
	}
	k.log.Info("sink: the ledger's old days are summed up and gone", zap.String("site", site), zap.String("through", day), zap.Uint64("rows", old))
	return nil
}

// foldDays is the fold of view lead_score_at up to a day's end, on top of what was folded before. $1 is the site, $2 the day.
// Rows below the present horizon are what an earlier run could not remove any more; they are in the sums already.
const foldDays = `INSERT INTO ledger_folded (site, track, lead_id, rule, publication, through, first_day, rule_group, group_cap, group_floor, once, half_life_days, value)
WITH toDate($2) AS fold_through, (SELECT max(through) FROM ledger_horizon WHERE site = $1) AS horizon
SELECT
    site, track, lead_id, rule, publication, fold_through,
    if(before.first_day = toDate(0), days.first_day, least(before.first_day, days.first_day)) AS first_day,
    facts.1, facts.2, facts.3, facts.4, facts.7,
    if(facts.4 AND before.first_day != toDate(0), 0., day_value)
        + if(before.first_day = toDate(0), 0., before.value * if(facts.7 = 0, 1., exp2(-toFloat64(fold_through - before.through) / facts.7)))
FROM
(
    SELECT
        site, track, lead_id, rule, publication,
        min(day) AS first_day,
        argMax(day_facts, day_newest) AS facts,
        groupArray((day, day_units)) AS list,
        arraySum(d -> if(facts.4 AND d.1 != first_day, 0.,
            facts.5 * least(d.2, facts.6) * if(facts.7 = 0, 1., exp2(-toFloat64(fold_through - d.1) / facts.7))), list) AS day_value
    FROM
    (
        SELECT site, track, lead_id, rule, publication, day, sum(unit_count) AS day_units, max(unit_newest) AS day_newest, argMax(unit_facts, unit_newest) AS day_facts
        FROM
        (
            SELECT
                site, track, lead_id, rule, publication, day, unit_key,
                max(units) AS unit_count,
                max((received_at, model_version)) AS unit_newest,
                argMax((rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days), (received_at, model_version)) AS unit_facts
            FROM ledger
            WHERE site = $1 AND reason IN ('ok', 'cap') AND day <= fold_through AND day > horizon
            GROUP BY site, track, lead_id, rule, publication, day, unit_key
        )
        GROUP BY site, track, lead_id, rule, publication, day
    )
    GROUP BY site, track, lead_id, rule, publication
) AS days
LEFT JOIN
(
    SELECT site, track, lead_id, rule, publication, argMax(f.through, f.through) AS through, argMax(f.value, f.through) AS value, argMax(f.first_day, f.through) AS first_day
    FROM ledger_folded AS f
    WHERE site = $1 AND f.through <= horizon
    GROUP BY site, track, lead_id, rule, publication
) AS before USING (site, track, lead_id, rule, publication)`
