package ingest

import (
	"slices"

	"leadstream/ingest/protocol"
)

// acts are what visitors do, within a visit. Who they are, and what others tell of them, is none of a visit.
var acts = []string{"page", "screen", "dwell", "scroll", "click", "form", "track"}

// findSession gives events a visit whose client has named none: visitors without lasting ids, Plausible, Umami, Segment on a page. A
// visit's id that was sent is kept. Servers and robots make no visits.
func findSession(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.SessionId != "" || e.UserAgent == "" || e.Bot || f.trusted || !slices.Contains(acts, e.Type) {
		return nil
	}
	visitor := e.AnonymousId
	if visitor == "" {
		visitor = e.UserId
	}
	e.SessionId = f.sessions.ID(e.Site, visitor, e.EventTime)
	return nil
}
