package insight

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Store keeps a forecast that somebody has seen, so that it can be graded against what happened. Stages without a forecast are
// kept too, with matured = 0: "we could not tell" is part of the record. The total's stage is the empty string.
func Store(ctx context.Context, db driver.Conn, f Forecast) error {
	batch, err := db.PrepareBatch(ctx, `INSERT INTO forecasts (site, track, made_at, stage, horizon_days, open_leads, matured, won,
wins_mean, wins_p10, wins_p90, value_mean, value_p10, value_p50, value_p90)`)
	if err != nil {
		return fmt.Errorf("insight: store forecast: %w", err)
	}
	defer batch.Close() // after Send it has nothing to do
	lines := append(append([]StageForecast{}, f.Stages...), f.Total)
	for _, s := range lines {
		wins, value := orZero(s.Wins), orZero(s.Value)
		err := batch.Append(f.Site, f.Track, f.At, s.Stage.ID, uint16(f.WindowDays), uint32(s.Open), uint32(s.Matured), uint32(s.Won),
			wins.Mean, wins.P10, wins.P90, value.Mean, value.P10, value.P50, value.P90)
		if err != nil {
			return fmt.Errorf("insight: store forecast: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insight: store forecast: %w", err)
	}
	return nil
}

func orZero(b *Band) Band {
	if b == nil {
		return Band{}
	}
	return *b
}
