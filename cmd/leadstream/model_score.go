package main

import (
	"context"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// storedLead plays one lead's events of the table up to an instant: of all ids that it is made of now. An id that was
// joined leads to its lead.
func storedLead(ctx context.Context, conn clickhouse.Conn, m *model.Model, id string, at time.Time) (lead *model.Lead, err error) {
	if _, err := schemas.ParseLeadID(id); err != nil {
		return nil, fmt.Errorf("model score: %w", err)
	}
	if err := conn.QueryRow(ctx, "SELECT if(count() = 0, {lead:String}, toString(any(counts_for))) FROM lead_ids WHERE lead_id = toUUID({lead:String})", driver.Named("lead", id)).Scan(&id); err != nil {
		return nil, fmt.Errorf("model score: which lead %s was joined to: %w", id, err)
	}
	err = storedHistory{conn: conn, lead: id, people: true}.source(ctx, 0, 1, func(h replay.History) error {
		h.Arrange()
		lead = replay.Play(m, h, at.UnixMilli(), nil)
		return nil
	})
	if err == nil && lead == nil {
		err = fmt.Errorf("model score: lead %s has no events up to %s", id, at.UTC().Format(time.RFC3339))
	}
	return lead, err
}
