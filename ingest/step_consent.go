package ingest

import (
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// respectConsent drops what the visitor or the site does not want kept. The event's own word comes first: our tracker has already
// weighed the browser's signals against what this visitor agreed to. Where the event says nothing, Sec-GPC and DNT count;
// a server speaks for itself, its request's headers are nobody's wish.
func respectConsent(f *facts, it *protocol.Item) *protocol.Fault {
	e, guard := it.Event, f.site.guard
	level, why := guard.Level(e.Consent, optedOut(f, it))
	if level == privacy.Drop {
		f.removed(privacy.RemovedEvent, 1)
		return fault(dropped[why], "")
	}
	address := e.Ip
	if level == privacy.Cookieless {
		e.Consent = pb.Consent_CONSENT_COOKIELESS
		withoutLastingIDs(f, it)
	}
	if e.Ip = guard.IP(e.Ip, level, f.removed); e.Ip == address {
		address = ""
	}
	guard.Clean(e, address, f.removed)
	return nil
}

// dropped are the words for an event of which nothing is kept, by who decided it.
var dropped = map[privacy.Why]protocol.Reason{
	privacy.VisitorDenied: consentDenied, privacy.VisitorOptedOut: visitorOptedOut, privacy.NobodyAsked: notAsked, privacy.SiteDrops: siteDrops,
}

// optedOut tells whether the visitor asked not to be followed: by the protocol's own sign, or by the browser's.
func optedOut(f *facts, it *protocol.Item) bool {
	return it.OptedOut || f.optedOut && !f.trusted && it.Event.Consent == pb.Consent_CONSENT_UNKNOWN
}

// withoutLastingIDs puts a pseudonym of the day in place of the browser's id, and drops the session. The view id lives as long as one
// page and is what dwell is counted by; the user id is there only if the visitor told the site who they are.
func withoutLastingIDs(f *facts, it *protocol.Item) {
	e := it.Event
	given := e.AnonymousId
	if e.AnonymousId+e.SessionId+e.PreviousId != "" {
		f.removed(privacy.RemovedIDs, 1)
	}
	e.AnonymousId, e.SessionId, e.PreviousId = "", "", ""
	switch {
	case e.UserId != "" || e.Type == "market": // news about a company have no visitor
		return
	case e.Ip+e.UserAgent == "":
		// A server tells of somebody without saying where they sit: all of them would be one. Their id, made another each day,
		// keeps them apart.
		e.AnonymousId = f.salts.Pseudonym(f.receivedAt, e.Site, "", "", given)
	default:
		e.AnonymousId = f.salts.Pseudonym(f.receivedAt, e.Site, e.Ip, e.UserAgent)
	}
	f.note(visitorDerived)
}

// mustForget tells whether a dead letter of this item must do without its content, and whose wish that is.
func mustForget(f *facts, it *protocol.Item) (whose string, forget bool) {
	level, _ := f.site.guard.Level(it.Event.Consent, it.OptedOut || f.optedOut)
	switch {
	case level > privacy.Full:
		return "the visitor allows no lasting ids", true
	case !f.site.guard.KeepsContent():
		return "the site's privacy policy", true
	}
	return "", false
}
