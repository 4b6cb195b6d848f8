package ingest

import (
	"strings"

	"leadstream/ingest/channel"
	"leadstream/ingest/protocol"
)

// classify says where the visitor came from. Only views of pages have a channel: on a click it would be counted twice.
func classify(_ *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.Type != "page" && e.Type != "screen" {
		return nil
	}
	_, query, _ := strings.Cut(e.Url, "?")
	query, _, _ = strings.Cut(query, "#")
	e.Channel = channel.Of(channel.Visit{
		Medium: e.UtmMedium, Source: e.UtmSource, Campaign: e.UtmCampaign,
		Query: query, LandingQuery: visitCampaign(e), Host: e.Host, ReferrerHost: e.ReferrerHost,
	})
	return nil
}
