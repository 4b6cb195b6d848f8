package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/replay"
)

// storedHistory gives histories out of table events: all there ever was, in the table's own order
// of leads, so that one lead is in memory at a time.
type storedHistory struct {
	conn clickhouse.Conn
	site string
	lead string // "" = all
	// people plays all ids of a person as one lead, the one that they are joined to now; else each id is a lead.
	people bool
}

// eventColumns are what scoring reads of an event, in the order of scanEvent. An instant is cut out
// as a number: a time.Time a column costs more than the rest.
const eventColumns = `site, lead_id, event_id, toUnixTimestamp64Milli(event_time), toUnixTimestamp64Milli(received_at), type, name,
anonymous_id, user_id, session_id, view_id, url, host, path, title, referrer, referrer_host, channel,
utm_source, utm_medium, utm_campaign, utm_term, utm_content, engaged_ms, scroll_pct, toJSONString(properties), traits, group_id,
locale, country, region, city, network, device, browser, os, protocol, library, bot, bot_kind, consent, trusted, kafka_partition, kafka_offset`

func (s storedHistory) query(share, of int) (string, []any) {
	where, args := []string{"cityHash64(lead_id) % {of:UInt32} = {share:UInt32}"}, []any{driver.Named("of", of), driver.Named("share", share)}
	if s.site != "" {
		where, args = append(where, "site = {site:String}"), append(args, driver.Named("site", s.site))
	}
	if s.lead != "" {
		where, args = append(where, "lead_id = {lead:UUID}"), append(args, driver.Named("lead", s.lead))
	}
	from, joined := "events FINAL", notJoined
	if s.people {
		joined = "toUnixTimestamp64Milli(joined_at)" // 1970 where an id was never joined: 0
		from = `(SELECT * REPLACE (if(counts_for = toUUID('00000000-0000-0000-0000-000000000000'), lead_id, counts_for) AS lead_id)
FROM (SELECT * FROM events FINAL) AS e LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id)`
	}
	return selectEvents(from, where, joined), args
}

// notJoined stands for when an event's id was joined to the lead, where nobody asks.
const notJoined = "toInt64(0)"

// selectEvents tells events lead by lead, each with when its id was joined (Unix ms; 0 = it is the lead's own).
func selectEvents(from string, where []string, joined string) string {
	return "SELECT " + eventColumns + ", " + joined + "\nFROM " + from + "\nWHERE " + strings.Join(where, " AND ") +
		"\nORDER BY site, lead_id\nSETTINGS max_execution_time = 0, max_threads = 2, output_format_json_quote_64bit_integers = 0"
}

// source is what replay.Run reads.
func (s storedHistory) source(ctx context.Context, share, of int, each func(replay.History) error) error {
	text, args := s.query(share, of)
	return eachHistory(ctx, s.conn, text, args, each)
}

// eachHistory reads what selectEvents asks for.
func eachHistory(ctx context.Context, conn clickhouse.Conn, text string, args []any, each func(replay.History) error) error {
	rows, err := conn.Query(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("replay: table events: %w", err)
	}
	defer rows.Close()
	var h replay.History
	row := new(eventScan)
	for rows.Next() {
		if err := rows.Scan(row.into()...); err != nil {
			return fmt.Errorf("replay: table events: %w", err)
		}
		id, moment := row.moment()
		if id != h.ID && h.Moments != nil {
			if err := each(h); err != nil {
				return err
			}
			h.Moments = nil
		}
		h.ID, h.Site = id, moment.Event.Site
		h.Moments = append(h.Moments, moment)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("replay: table events: %w", err)
	}
	if h.Moments == nil {
		return nil
	}
	return each(h)
}

// count is how many events there are to play, for the bar; repeats that have not been merged count twice.
func (s storedHistory) count(ctx context.Context) (uint64, error) {
	text, args := "SELECT count() FROM events WHERE 1", []any{}
	if s.site != "" {
		text, args = text+" AND site = {site:String}", append(args, driver.Named("site", s.site))
	}
	if s.lead != "" {
		text, args = text+" AND lead_id = {lead:UUID}", append(args, driver.Named("lead", s.lead))
	}
	var n uint64
	if err := s.conn.QueryRow(ctx, text, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("replay: table events: %w", err)
	}
	return n, nil
}

// eventScan is one row on its way to an event.
type eventScan struct {
	ev                 pb.Event
	lead               uuid.UUID
	properties, traits string
	engaged            uint32
	scroll             uint8
	consent            string
	partition          uint16
	offset             uint64
	joined             int64
}

func (s *eventScan) into() []any {
	e := &s.ev
	return []any{&e.Site, &s.lead, &e.EventId, &e.EventTime, &e.ReceivedAt, &e.Type, &e.Name,
		&e.AnonymousId, &e.UserId, &e.SessionId, &e.ViewId, &e.Url, &e.Host, &e.Path, &e.Title, &e.Referrer, &e.ReferrerHost, &e.Channel,
		&e.UtmSource, &e.UtmMedium, &e.UtmCampaign, &e.UtmTerm, &e.UtmContent, &s.engaged, &s.scroll, &s.properties, &s.traits, &e.GroupId,
		&e.Locale, &e.Country, &e.Region, &e.City, &e.Network, &e.Device, &e.Browser, &e.Os, &e.Protocol, &e.Library, &e.Bot, &e.BotKind, &s.consent, &e.Trusted,
		&s.partition, &s.offset, &s.joined}
}

// storedConsents are the table's words.
var storedConsents = map[string]pb.Consent{
	"unknown": pb.Consent_CONSENT_UNKNOWN, "full": pb.Consent_CONSENT_FULL,
	"cookieless": pb.Consent_CONSENT_COOKIELESS, "denied": pb.Consent_CONSENT_DENIED,
}

// moment copies the row out: the next one is scanned over it.
func (s *eventScan) moment() (schemas.LeadID, replay.Moment) {
	e := &s.ev
	ev := &pb.Event{
		EventId: e.EventId, Site: e.Site, Type: e.Type, Name: e.Name, AnonymousId: e.AnonymousId, UserId: e.UserId,
		EventTime: e.EventTime, ReceivedAt: e.ReceivedAt, SessionId: e.SessionId, ViewId: e.ViewId, Url: e.Url, Host: e.Host,
		Path: e.Path, Title: e.Title, Referrer: e.Referrer, ReferrerHost: e.ReferrerHost, Channel: e.Channel,
		UtmSource: e.UtmSource, UtmMedium: e.UtmMedium, UtmCampaign: e.UtmCampaign, UtmTerm: e.UtmTerm, UtmContent: e.UtmContent,
		EngagedMs: s.engaged, ScrollPct: uint32(s.scroll), GroupId: e.GroupId, Locale: e.Locale, Country: e.Country, Region: e.Region,
		City: e.City, Network: e.Network, Device: e.Device, Browser: e.Browser, Os: e.Os, Protocol: e.Protocol, Library: e.Library,
		Bot: e.Bot, BotKind: e.BotKind, Trusted: e.Trusted, Consent: storedConsents[s.consent],
	}
	if s.properties != "{}" {
		ev.Properties = []byte(s.properties)
	}
	if s.traits != "" {
		ev.Traits = []byte(s.traits)
	}
	return schemas.LeadID(s.lead), replay.Moment{Event: ev, Partition: int32(s.partition), Offset: int64(s.offset), Joined: s.joined}
}

// instantOf reads an --at: an instant, or an age.
func instantOf(text string, now time.Time) (time.Time, error) {
	if text == "" || text == "now" {
		return now, nil
	}
	at, err := sinceWhen(text, now)
	if err != nil {
		return at, fmt.Errorf("%s", strings.Replace(err.Error(), "--since", "--at", 1))
	}
	return at, nil
}
