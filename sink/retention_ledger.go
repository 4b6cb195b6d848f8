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
