package ingest

import (
	"strings"
	"time"

	"leadstream/ingest/agent"
	"leadstream/ingest/geo"
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/ingest/session"
)

// facts is what the request says about all of its events.
type facts struct {
	site       *site
	trusted    bool // a secret key
	protocol   string
	path       string // of the address, for the dead letters
	receivedAt int64  // Unix ms
	sentAt     protocol.Instant
	ip         string
	userAgent  string
	optedOut   bool // Sec-GPC or DNT
	enrichedBy string
	placedIP   string // whose place is known
	place      geo.Place
	atlas      *geo.Atlas

	salts    *privacy.Salts
	sessions *session.Table
	agents   *agent.Reader
	note     func(change)
	removed  func(privacy.Removal, int)
	hide     *strings.Replacer // takes the secret keys out of what is kept of a refused event
}

// step is one decision on the way from what was sent to what is kept: pure, but for what facts hands it.
type step struct {
	name string
	run  func(*facts, *protocol.Item) *protocol.Fault
}

// steps is the way, in its order. A step may count on what stands above it and must not count on what stands below.
var steps = []step{
	{"type", checkType},         // is it of a known type, and may its sender say so
	{"sender", stampSender},     // site, protocol, and whose address and user agent these are
	{"text", cleanText},         // valid UTF-8, no NUL, bounded lengths; ids refused instead of cut
	{"place", findPlace},        // country, region, city, network: facts about the address, while it is there
	{"consent", respectConsent}, // drops what may not be kept; after this line all that is left is allowed
	{"identity", ensureIDs},     // an event id, and somebody who did it
	{"clock", setTimes},         // event_time and received_at
	{"address", parseAddress},   // host, path, campaign
	{"channel", classify},       // where the visit came from
	{"agent", readAgent},        // device, browser, os, bot
	{"session", findSession},    // the visit, where the client has named none
}

// change is one word for what the pipeline altered, and a counter's label: altering in silence is a bug report that nobody
// can answer.
type change string

const (
	clockCorrected change = "clock_corrected"   // the sender's clock was off by more than a minute
	futureClamped  change = "future_clamped"    // event_time lay more than 5 min ahead
	timeReplaced   change = "time_replaced"     // the time was unreadable or absurd: received_at stands in
	textRepaired   change = "text_repaired"     // invalid UTF-8 or NUL
	textCut        change = "text_cut"          // longer than its place
	idJunk         change = "id_junk"           // an id such as "undefined", which would make one lead of thousands
	idMade         change = "event_id_made"     // no message id: a retry of this event cannot be told from a new one
	visitorDerived change = "visitor_derived"   // a daily pseudonym stands in for the anonymous id
	claimIgnored   change = "claim_ignored"     // ip, user_agent or received_at without the right to say so
	urlUnreadable  change = "url_unreadable"    // kept as text, without host and path
	botFlagged     change = "bot_flagged"       // kept, and marked
	credentialsCut change = "url_login_removed" // user:password@ in a url
)

var changes = []change{
	clockCorrected, futureClamped, timeReplaced, textRepaired, textCut, idJunk, idMade,
	visitorDerived, claimIgnored, urlUnreadable, botFlagged, credentialsCut,
}

// run takes the items through all steps. One request of timedRuns is timed, and stands for the others: reading the clock at every
// step of every request would cost as much as three of the steps.
func (m *metrics) run(f *facts, items []protocol.Item) {
	timed := m.runs.Add(1)%timedRuns == 1
	var began time.Time
	if timed {
		began = time.Now()
	}
	for i := range steps {
		for j := range items {
			if it := &items[j]; it.Fault == nil {
				it.Fault = steps[i].run(f, it)
			}
		}
		if timed {
			now := time.Now()
			m.steps[i].Add(now.Sub(began).Seconds() * timedRuns)
			began = now
		}
	}
}

const timedRuns = 16
