package leads

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// deciderQuery asks for the records of ids that were joined to a lead: each knows who said so.
type deciderQuery struct {
	Site, Track string
	Leads       []string
}

func (q deciderQuery) sql() (string, []any) {
	return `SELECT lead_id, record
FROM lead_state FINAL
WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))`, []any{clickhouse.Named("site", q.Site), clickhouse.Named("track", q.Track), clickhouse.Named("leads", q.Leads)}
}

// deciders puts into the joined ids of a lead who joined them, and why; an id that events joined has neither.
func (s *Service) deciders(ctx context.Context, l *Lead) error {
	if len(l.Joined) == 0 {
		return nil
	}
	text, args := deciderQuery{l.Site, l.Track, idsOfLead(*l)[1:]}.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("read who joined ids: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, blob string
		if err := rows.Scan(&id, &blob); err != nil {
			return fmt.Errorf("read who joined ids: %w", err)
		}
		var r pb.LeadRecord
		if err := proto.Unmarshal([]byte(blob), &r); err != nil {
			return fmt.Errorf("read who joined %s: its record is not a LeadRecord: %w", id, err)
		}
		for i := range l.Joined {
			if l.Joined[i].LeadID == id {
				l.Joined[i].By, l.Joined[i].Why = decider(&r)
			}
		}
	}
	return rows.Err()
}

// decider is who said the newest yes on an id.
func decider(r *pb.LeadRecord) (by, why string) {
	var newest int64
	for _, d := range r.GetDecisions() {
		if d.GetJoined() && d.GetAt() >= newest {
			newest, by, why = d.GetAt(), d.GetBy(), d.GetWhy()
		}
	}
	return by, why
}
