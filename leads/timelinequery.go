package leads

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/schemas"
)

// Moment is one entry of a lead's timeline: an event with the ledger rows it made, or a stage change.
type Moment struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // event, stage
	// What it did to the score now standing; null for a stage change.
	Event  *EventSeen    `json:"event,omitempty"`
	Ledger []LedgerEntry `json:"ledger,omitempty"`
	Stage  *StageChange  `json:"stage,omitempty"`

	place moment
}

// EventSeen is what a person wants to know of an event.
type EventSeen struct {
	ID           string `json:"id"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	URL          string `json:"url"`
	Path         string `json:"path"`
	Title        string `json:"title"`
	Channel      string `json:"channel"`
	ReferrerHost string `json:"referrer_host"`
	Device       string `json:"device"`
	EngagedMS    uint32 `json:"engaged_ms"`
	ScrollPct    uint8  `json:"scroll_pct"`
}

// LedgerEntry is one rule that the event met.
type LedgerEntry struct {
	Rule    Rule    `json:"rule"`
	Points  float64 `json:"points"` // of one unit
	Units   uint32  `json:"units"`
	Counted bool    `json:"counted"`
	Reason  string  `json:"reason"`
}

// StageChange is one row of the stage log.
type StageChange struct {
	From      schemas.StageName `json:"from"`
	To        schemas.StageName `json:"to"`
	Direction string            `json:"direction"`
	Cause     string            `json:"cause"`
	Why       string            `json:"why"`
	Score     float64           `json:"score"`
	Grade     string            `json:"grade"`
	Criteria  []string          `json:"criteria"`
}

// moment is a place in a timeline: newest first, a stage change above the event of the same instant that caused it.
type moment struct {
	At   int64  `json:"at"`
	Kind uint8  `json:"k"` // 0 event, 1 stage
	ID   string `json:"i"`
}

// timelineQuery asks for a page of a lead's timeline. A view's dwell and scroll beats are cumulative, so only the newest of
// each view is an entry: ten minutes of reading are one line, not forty.
type timelineQuery struct {
	Site, Track string
	Leads       []string // the lead, and the ids joined to it
	After       *moment
	Limit       int
}

func (q timelineQuery) sql() (string, []any) {
	args := []any{
		clickhouse.Named("site", q.Site), clickhouse.Named("track", q.Track), clickhouse.Named("leads", q.Leads),
		clickhouse.Named("limit", uint64(q.Limit+1)),
	}
	after := "1"
	if q.After != nil {
		after = "(at_ms, kind, id) < ({after_at:Int64}, {after_kind:UInt8}, {after_id:String})"
		args = append(args, clickhouse.Named("after_at", q.After.At), clickhouse.Named("after_kind", q.After.Kind), clickhouse.Named("after_id", q.After.ID))
	}
	return `SELECT at_ms, kind, id, type, name, url, path, title, channel, referrer_host, device, engaged_ms, scroll_pct,
       from_stage, to_stage, direction, cause, why, score, grade, criteria
FROM (
    SELECT toUnixTimestamp64Milli(event_time) AS at_ms, toUInt8(0) AS kind, event_id AS id,
           toString(type) AS type, name, url, path, title, toString(channel) AS channel, toString(referrer_host) AS referrer_host, toString(device) AS device, engaged_ms, scroll_pct,
           '' AS from_stage, '' AS to_stage, '' AS direction, '' AS cause, '' AS why, 0. AS score, '' AS grade, []::Array(String) AS criteria
    FROM events FINAL
    WHERE site = {site:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
    ORDER BY event_time DESC, event_id DESC
    LIMIT 1 BY if(type IN ('dwell', 'scroll') AND view_id != '', concat(type, view_id), event_id)
    UNION ALL
    SELECT toUnixTimestamp64Milli(at), toUInt8(1), leftPad(toString(entry_no), 10, '0'),
           '', '', '', '', '', '', '', '', toUInt32(0), toUInt8(0),
           toString(from_stage), toString(to_stage), toString(direction), toString(cause), why, score, toString(grade), criteria::Array(String)
    FROM stage_log FINAL
    WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
)
WHERE ` + after + `
ORDER BY at_ms DESC, kind DESC, id DESC
LIMIT {limit:UInt64}`, args
}

// ledgerQuery asks which rules the events of a page met.
type ledgerQuery struct {
	Site, Track   string
	Leads, Events []string
}

func (q ledgerQuery) sql() (string, []any) {
	return `SELECT event_id, rule, points, units, counted, reason
FROM ledger FINAL
WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)})) AND has({events:Array(String)}, event_id)
    AND (lead_id, publication) IN (SELECT lead_id, maxIf(publication, reason = 'published') FROM ledger WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)})) GROUP BY lead_id)
ORDER BY counted DESC, abs(points * units) DESC, rule, reason`, []any{
			clickhouse.Named("site", q.Site), clickhouse.Named("track", q.Track), clickhouse.Named("leads", q.Leads), clickhouse.Named("events", q.Events),
		}
}

// timeline reads one page; next is nil at the end.
func (s *Service) timeline(ctx context.Context, q timelineQuery) (page []Moment, next *moment, err error) {
	text, args := q.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("timeline of %s: %w", q.Leads[0], err)
	}
	defer rows.Close()
	page = []Moment{}
	for rows.Next() {
		var m Moment
		var e EventSeen
		var c StageChange
		var from, to string
		err := rows.Scan(&m.place.At, &m.place.Kind, &m.place.ID, &e.Type, &e.Name, &e.URL, &e.Path, &e.Title, &e.Channel, &e.ReferrerHost, &e.Device,
			&e.EngagedMS, &e.ScrollPct, &from, &to, &c.Direction, &c.Cause, &c.Why, &c.Score, &c.Grade, &c.Criteria)
		if err != nil {
			return nil, nil, fmt.Errorf("timeline of %s: %w", q.Leads[0], err)
		}
		m.At = instant(m.place.At)
		if m.place.Kind == 0 {
			e.ID = m.place.ID
			m.Kind, m.Event = "event", &e
		} else {
			c.From, c.To = s.words().stage(from), s.words().stage(to)
			m.Kind, m.Stage = "stage", &c
		}
		page = append(page, m)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("timeline of %s: %w", q.Leads[0], err)
	}
	if len(page) > q.Limit {
		page = page[:q.Limit]
		next = &page[q.Limit-1].place
	}
	return page, next, s.ledger(ctx, q, page)
}

// ledger puts the ledger's rows to the events of a page.
func (s *Service) ledger(ctx context.Context, t timelineQuery, page []Moment) error {
	byEvent := map[string]int{}
	q := ledgerQuery{Site: t.Site, Track: t.Track, Leads: t.Leads}
	for i, m := range page {
		if m.Event != nil {
			byEvent[m.Event.ID] = i
			q.Events = append(q.Events, m.Event.ID)
		}
	}
	if len(q.Events) == 0 {
		return nil
	}
	text, args := q.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("ledger of %s: %w", t.Leads[0], err)
	}
	defer rows.Close()
	for rows.Next() {
		var event, rule string
		var e LedgerEntry
		if err := rows.Scan(&event, &rule, &e.Points, &e.Units, &e.Counted, &e.Reason); err != nil {
			return fmt.Errorf("ledger of %s: %w", t.Leads[0], err)
		}
		e.Rule = s.words().rule(rule)
		m := &page[byEvent[event]]
		m.Ledger = append(m.Ledger, e)
	}
	return rows.Err()
}
