package sink

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// eventRow is a row of events, and what the side tables are made from.
type eventRow struct {
	*pb.Event
	lead      schemas.LeadID
	props     []byte // a JSON object, never empty
	partition int32
	offset    int64
}

// readEvent decodes and checks an event's record.
func readEvent(rec *kgo.Record) (*eventRow, *refusal) {
	ev := new(pb.Event)
	if err := decode(rec, ev); err != nil {
		return nil, err
	}
	if ev.Site == "" || ev.EventId == "" || ev.AnonymousId == "" && ev.UserId == "" {
		return nil, refuse(reasonIncomplete, "an event needs site, event_id and anonymous_id or user_id (site %q, event_id %q)", ev.Site, ev.EventId)
	}
	props, err := jsonObject(ev.Properties)
	if err != nil {
		return nil, refuse(reasonBadJSON, "properties of event %q: %w", ev.EventId, err)
	}
	return &eventRow{
		Event:     ev,
		lead:      schemas.NewLeadID(schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId)),
		props:     props,
		partition: rec.Partition,
		offset:    rec.Offset,
	}, nil
}

// consents are the words of pb.Consent in the table.
var consents = map[pb.Consent]string{
	pb.Consent_CONSENT_UNKNOWN:    "unknown",
	pb.Consent_CONSENT_FULL:       "full",
	pb.Consent_CONSENT_COOKIELESS: "cookieless",
	pb.Consent_CONSENT_DENIED:     "denied",
}

func newEventBlock(c *clamps) *block[eventRow] {
	b := newBlock[eventRow]("events", c)
	b.label("site", func(r *eventRow) string { return r.Site })
	b.uuid("lead_id", func(r *eventRow) [16]byte { return r.lead })
	b.text("event_id", func(r *eventRow) string { return r.EventId })
	b.instant("event_time", func(r *eventRow) int64 { return r.EventTime })
	b.instant("received_at", func(r *eventRow) int64 { return r.ReceivedAt })
	b.label("type", func(r *eventRow) string { return r.Type })
	b.text("name", func(r *eventRow) string { return r.Name })
	b.text("anonymous_id", func(r *eventRow) string { return r.AnonymousId })
	b.text("user_id", func(r *eventRow) string { return r.UserId })
	b.text("session_id", func(r *eventRow) string { return r.SessionId })
	b.text("view_id", func(r *eventRow) string { return r.ViewId })
	b.text("url", func(r *eventRow) string { return r.Url })
	b.label("host", func(r *eventRow) string { return r.Host })
	b.text("path", func(r *eventRow) string { return r.Path })
	b.text("title", func(r *eventRow) string { return r.Title })
	b.text("referrer", func(r *eventRow) string { return r.Referrer })
	b.label("referrer_host", func(r *eventRow) string { return r.ReferrerHost })
	b.label("channel", func(r *eventRow) string { return r.Channel })
	b.label("utm_source", func(r *eventRow) string { return r.UtmSource })
	b.label("utm_medium", func(r *eventRow) string { return r.UtmMedium })
	b.label("utm_campaign", func(r *eventRow) string { return r.UtmCampaign })
	b.label("utm_term", func(r *eventRow) string { return r.UtmTerm })
	b.label("utm_content", func(r *eventRow) string { return r.UtmContent })
	b.u32("engaged_ms", func(r *eventRow) uint32 { return r.EngagedMs })
	b.u8("scroll_pct", func(r *eventRow) uint32 { return r.ScrollPct })
	b.json("properties", func(r *eventRow) []byte { return r.props })
	b.bytes("traits", func(r *eventRow) []byte { return r.Traits })
	b.text("group_id", func(r *eventRow) string { return r.GroupId })
	b.text("ip", func(r *eventRow) string { return r.Ip })
	b.label("user_agent", func(r *eventRow) string { return r.UserAgent })
	b.label("locale", func(r *eventRow) string { return r.Locale })
	b.label("country", func(r *eventRow) string { return r.Country })
	b.label("region", func(r *eventRow) string { return r.Region })
	b.label("city", func(r *eventRow) string { return r.City })
	b.label("device", func(r *eventRow) string { return r.Device })
	b.label("browser", func(r *eventRow) string { return r.Browser })
	b.label("os", func(r *eventRow) string { return r.Os })
	b.label("protocol", func(r *eventRow) string { return r.Protocol })
	b.label("library", func(r *eventRow) string { return r.Library })
	b.flag("bot", func(r *eventRow) bool { return r.Bot })
	b.label("consent", func(r *eventRow) string { return consents[r.Consent] })
	b.flag("trusted", func(r *eventRow) bool { return r.Trusted })
	b.label("bot_kind", func(r *eventRow) string { return r.BotKind })
	b.label("network", func(r *eventRow) string { return r.Network })
	b.label("network_owner", func(r *eventRow) string { return r.NetworkOwner })
	b.label("enriched_by", func(r *eventRow) string { return r.EnrichedBy })
	b.u16("kafka_partition", func(r *eventRow) int32 { return r.partition })
	b.offset("kafka_offset", func(r *eventRow) int64 { return r.offset })
	return b
}
