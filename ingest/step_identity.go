package ingest

import (
	"github.com/google/uuid"

	"leadstream/ingest/protocol"
)

// ensureIDs makes sure that the event can be counted once, and for somebody.
func ensureIDs(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.AnonymousId == "" && e.UserId == "" {
		if e.Type != "market" {
			return fault(noID, "")
		}
		// News about a company has no visitor; its account is who it is about.
		if e.GroupId == "" {
			return fault(noID, "a market event needs group_id, the account that it is about")
		}
		e.UserId = "account:" + e.GroupId
	}
	if e.EventId == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fault(internalFault, err.Error())
		}
		e.EventId, it.IDMade = id.String(), true
		f.note(idMade)
	}
	return nil
}
