package ingest

import (
	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// respectConsent drops what the visitor did not allow to be kept. The event's own word comes first: our tracker has already
// weighed the browser's signals against what this visitor agreed to. Where the event says nothing, Sec-GPC and DNT count;
// a server speaks for itself, its request's headers are nobody's wish.
func respectConsent(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.Consent == pb.Consent_CONSENT_UNKNOWN && f.optedOut && !f.trusted {
		e.Consent = pb.Consent_CONSENT_COOKIELESS
	}
	switch e.Consent {
	case pb.Consent_CONSENT_DENIED:
		return fault(consentDenied, "")
	case pb.Consent_CONSENT_COOKIELESS:
		withoutLastingIDs(f, it)
	}
	return nil
}

// withoutLastingIDs puts a pseudonym of the day in place of the browser's id, and drops address and session. The view id
// lives as long as one page and is what dwell is counted by; the user id is there only if the visitor told the site who
// they are.
func withoutLastingIDs(f *facts, it *protocol.Item) {
	e := it.Event
	if e.AnonymousId+e.SessionId+e.PreviousId != "" {
		f.note(idsDropped)
	}
	e.AnonymousId, e.SessionId, e.PreviousId = "", "", ""
	if e.UserId == "" {
		e.AnonymousId = f.visitors.pseudonym(f.receivedAt, e.Site, e.Ip, e.UserAgent)
		f.note(visitorDerived)
	}
	if e.Ip != "" {
		e.Ip = ""
		f.note(addressDropped)
	}
}

// optedOut tells whether a dead letter of this item must do without its content.
func optedOut(f *facts, it *protocol.Item) bool {
	consent := it.Event.Consent
	return f.optedOut || consent == pb.Consent_CONSENT_COOKIELESS || consent == pb.Consent_CONSENT_DENIED
}
