package ingest

import (
	"fmt"
	"slices"
	"strings"

	"leadstream/ingest/protocol"
	"leadstream/schemas"
)

// privileged types can move a stage that sales owns or an account that nobody visited with: whoever can read a page's source
// must not be able to send them.
var privileged = []string{"crm", "market"}

func checkType(f *facts, it *protocol.Item) *protocol.Fault {
	kind := it.Event.Type
	switch {
	case !schemas.KnownType(kind):
		return fault(unknownType, fmt.Sprintf("the type %.40q is not one of %s", kind, strings.Join(schemas.EventTypes, ", ")))
	case !f.trusted && slices.Contains(privileged, kind):
		return fault(secretKeyNeeded, fmt.Sprintf("%s events are taken with a secret key only", kind))
	}
	return nil
}

// stampSender decides whose address and user agent the event gets. A server (secret key) speaks of somebody else: only its
// claims describe the visitor. A page describes itself, so the request counts. Server libraries of other protocols use the
// public key too, and there address and agent are part of the protocol.
func stampSender(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	e.Site, e.Protocol, e.Trusted, e.EnrichedBy = f.site.name, f.protocol, f.trusted, f.enrichedBy
	switch {
	case f.trusted:
	case !servesOthers[f.protocol]:
		if e.Ip+e.UserAgent != "" {
			f.note(claimIgnored)
		}
		e.Ip, e.UserAgent = f.ip, f.userAgent
	case ownDevice(f.userAgent, e.Library):
		if e.Ip == "" {
			e.Ip = f.ip
		}
		if e.UserAgent == "" {
			e.UserAgent = f.userAgent
		}
	}
	return nil
}

// servesOthers are the protocols in which a server speaks of its visitors with a public key; Plausible, the pixel and our own
// form are not among them.
var servesOthers = map[string]bool{
	"segment": true, "snowplow": true, "posthog": true, "mixpanel": true, "ga4": true, "matomo": true, "umami": true,
}

// ownDevice tells a visitor's browser or phone from a server that sends for its visitors: a server's address would put them
// all into its data centre.
func ownDevice(userAgent, library string) bool {
	if strings.HasPrefix(userAgent, "Mozilla/") {
		return true
	}
	library = strings.ToLower(library)
	for _, kit := range [...]string{"ios", "swift", "android", "kotlin", "flutter", "react-native"} {
		if strings.Contains(library, kit) {
			return true
		}
	}
	return false
}
