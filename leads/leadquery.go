package leads

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// errUnknownLead is a 404.
var errUnknownLead = errors.New("no lead has this id")

// recordQuery asks for a lead's newest record, of the track asked for, else of the first one, else of the one it is hottest in.
type recordQuery struct {
	ID    schemas.LeadID
	Track string
	First string // "" where there is one track
}

// sql reads by lead_id alone, which is not the table's first key: 16 bytes a lead are scanned, 20 ms for a million leads.
func (q recordQuery) sql() (string, []any) {
	args := []any{clickhouse.Named("lead", q.ID.String())}
	track := ""
	if q.Track != "" {
		track = " AND track = {track:String}"
		args = append(args, clickhouse.Named("track", q.Track))
	}
	order := ""
	if q.First != "" {
		order = "track != {first:String}, "
		args = append(args, clickhouse.Named("first", q.First))
	}
	return `SELECT record, traits
FROM lead_state FINAL
WHERE lead_id = {lead:UUID}` + track + `
ORDER BY ` + order + `score DESC, track
LIMIT 1`, args
}

// maxRedirects is how many ids deep a record is looked for: a visitor, the user it said to be, the user that one was joined to.
const maxRedirects = 8

// record reads one lead's record; for an id that was joined to a lead, that lead's.
func (s *Service) record(ctx context.Context, q recordQuery) (raw []byte, record *pb.LeadRecord, traits json.RawMessage, err error) {
	raw, record, traits, err = s.recordOf(ctx, q)
	for range maxRedirects {
		if err != nil || len(record.GetMergedInto()) != len(q.ID) {
			return raw, record, traits, err
		}
		q.ID = schemas.LeadID(record.GetMergedInto())
		intoRaw, into, intoTraits, err := s.recordOf(ctx, q)
		if errors.Is(err, errUnknownLead) {
			return raw, record, traits, nil // it is on its way there
		}
		if err != nil {
			return nil, nil, nil, err
		}
		raw, record, traits = intoRaw, into, intoTraits
	}
	return raw, record, traits, err
}

// recordOf reads the record of this very id.
func (s *Service) recordOf(ctx context.Context, q recordQuery) (raw []byte, record *pb.LeadRecord, traits json.RawMessage, err error) {
	text, args := q.sql()
	var blob, traitText string
	if err := s.deps.DB.QueryRow(ctx, text, args...).Scan(&blob, &traitText); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil, nil, errUnknownLead
		}
		return nil, nil, nil, fmt.Errorf("read lead %s: %w", q.ID, err)
	}
	record = &pb.LeadRecord{}
	if err := proto.Unmarshal([]byte(blob), record); err != nil {
		return nil, nil, nil, fmt.Errorf("read lead %s: its record is not a LeadRecord: %w", q.ID, err)
	}
	traits = json.RawMessage(`{}`)
	if json.Valid([]byte(traitText)) {
		traits = json.RawMessage(traitText)
	}
	return []byte(blob), record, traits, nil
}

// lead is one lead as of an instant.
func (s *Service) lead(ctx context.Context, q recordQuery, at time.Time) (Lead, []byte, error) {
	raw, record, traits, err := s.record(ctx, q)
	if err != nil {
		return Lead{}, nil, err
	}
	lead := s.words().lead(record, at)
	lead.Traits = traits
	return lead, raw, s.deciders(ctx, &lead)
}

// fadeQuery asks for the records of leads that are on a page, for the scores that move in the browser.
type fadeQuery struct{ Leads []string }

func (q fadeQuery) sql() (string, []any) {
	return `SELECT lead_id, track, record
FROM lead_state FINAL
WHERE lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))`, []any{clickhouse.Named("leads", q.Leads)}
}

// fades puts Fade into leads.
func (s *Service) fades(ctx context.Context, leads []Lead) error {
	if len(leads) == 0 {
		return nil
	}
	q := fadeQuery{}
	for _, l := range leads {
		q.Leads = append(q.Leads, l.ID)
	}
	text, args := q.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("read fades: %w", err)
	}
	defer rows.Close()
	found := map[leadTrack]*Fade{}
	for rows.Next() {
		var id, track, blob string
		if err := rows.Scan(&id, &track, &blob); err != nil {
			return fmt.Errorf("read fades: %w", err)
		}
		var record pb.LeadRecord
		if err := proto.Unmarshal([]byte(blob), &record); err != nil {
			return fmt.Errorf("read fades: lead %s: %w", id, err)
		}
		found[leadTrack{id, track}] = newFade(&record)
	}
	for i := range leads {
		leads[i].Fade = found[leadTrack{leads[i].ID, leads[i].Track}]
	}
	return rows.Err()
}

// crowdQuery asks how many leads stand where, for the tabs and choices above the hot list.
type crowdQuery struct{}

func (crowdQuery) sql() (string, []any) {
	return `SELECT site, track, stage, count()
FROM lead_state FINAL
WHERE fit != 'X'
GROUP BY site, track, stage
ORDER BY site, track, stage
LIMIT 10000`, nil
}

// crowd is how many leads of one site and track are in one stage.
type crowd struct {
	Site, Track, Stage string
	Leads              uint64
}

func (s *Service) crowds(ctx context.Context) ([]crowd, error) {
	text, args := crowdQuery{}.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("count leads: %w", err)
	}
	defer rows.Close()
	var all []crowd
	for rows.Next() {
		var c crowd
		if err := rows.Scan(&c.Site, &c.Track, &c.Stage, &c.Leads); err != nil {
			return nil, fmt.Errorf("count leads: %w", err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}
