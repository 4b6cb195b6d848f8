package ingest

import (
	"net/http"

	"leadstream/ingest/hooks"
	"leadstream/ingest/protocol"
)

// The reasons for saying no that are not a decoder's. One word each: in the answer, as the counter's label, in the dead
// letter.
const (
	noKey           protocol.Reason = "no_key"
	wrongKey        protocol.Reason = "wrong_key"
	secretInURL     protocol.Reason = "secret_in_url"
	keyRevoked      protocol.Reason = "key_revoked"
	rateLimited     protocol.Reason = "rate_limited"
	noRoom          protocol.Reason = "no_room"
	recordTooLarge  protocol.Reason = "record_too_large"
	originRefused   protocol.Reason = "origin_not_allowed"
	notFound        protocol.Reason = "not_found"
	wrongMethod     protocol.Reason = "method_not_allowed"
	bodyTooLarge    protocol.Reason = "body_too_large"
	bodyIncomplete  protocol.Reason = "body_incomplete"
	badGzip         protocol.Reason = "bad_gzip"
	brokerAway      protocol.Reason = "broker_away"
	busy            protocol.Reason = "busy"
	spoolFull       protocol.Reason = "spool_full"
	spoolFailed     protocol.Reason = "spool_failed"
	internalFault   protocol.Reason = "internal"
	unknownType     protocol.Reason = "unknown_type"
	noID            protocol.Reason = "no_id"
	idTooLong       protocol.Reason = "id_too_long"
	secretKeyNeeded protocol.Reason = "secret_key_needed"
	consentDenied   protocol.Reason = "consent_denied"
	visitorOptedOut protocol.Reason = "opted_out"
	notAsked        protocol.Reason = "not_asked"
	siteDrops       protocol.Reason = "site_drops"
)

// refusal is what a reason means to the sender.
type refusal struct {
	status int
	says   string // when nothing more precise is known
	retry  bool   // worth the same request again, later: Retry-After
	forget bool   // keeps no dead letter: the content must not be kept, or there is none
}

// refusals is the one table from reason to status. A request is refused with its own reason; a batch whose events were all
// refused, with the reason of the first.
var refusals = map[protocol.Reason]refusal{
	protocol.BadJSON:       {status: http.StatusBadRequest, says: "the body is not JSON of this protocol", forget: true},
	protocol.BadQuery:      {status: http.StatusBadRequest, says: "the query of the address cannot be read", forget: true},
	protocol.NoEvents:      {status: http.StatusBadRequest, says: "the request holds no event", forget: true},
	protocol.BatchTooLarge: {status: http.StatusRequestEntityTooLarge, says: "the request holds too many events", forget: true},
	protocol.NotAnObject:   {status: http.StatusBadRequest, says: "an event must be a JSON object"},
	protocol.BadProperties: {status: http.StatusBadRequest, says: "properties and traits must be JSON objects"},
	protocol.TooDeep:       {status: http.StatusBadRequest, says: "the properties are nested too deeply"},
	protocol.TooLarge:      {status: http.StatusRequestEntityTooLarge, says: "the event is too large"},
	protocol.OtherKey:      {status: http.StatusBadRequest, says: "the events of one request must be of one site"},

	noKey:           {status: http.StatusUnauthorized, says: "no write key: send it as basic auth, ?key=, X-Write-Key or writeKey in the body", forget: true},
	wrongKey:        {status: http.StatusUnauthorized, says: "the write key belongs to no site of this collector", forget: true},
	secretInURL:     {status: http.StatusUnauthorized, says: "a secret key must not stand in an address, which is logged everywhere: send it as basic auth, and replace it", forget: true},
	originRefused:   {status: http.StatusForbidden, says: "pages of this origin may not send for the site: see its origins", forget: true},
	keyRevoked:      {status: http.StatusUnauthorized, says: "the write key was this site's and has been revoked", forget: true},
	rateLimited:     {status: http.StatusTooManyRequests, says: "too many events in too short a time", retry: true, forget: true},
	noRoom:          {status: http.StatusServiceUnavailable, says: "too many large requests are under way: send this one again later", retry: true, forget: true},
	recordTooLarge:  {status: http.StatusRequestEntityTooLarge, says: "the event is larger than the broker takes: raise its message.max.bytes, or send less"},
	notFound:        {status: http.StatusNotFound, says: "there is nothing at this address: GET / lists what there is", forget: true},
	wrongMethod:     {status: http.StatusMethodNotAllowed, says: "this address takes another method: see Allow", forget: true},
	bodyTooLarge:    {status: http.StatusRequestEntityTooLarge, says: "the body is too large", forget: true},
	bodyIncomplete:  {status: http.StatusBadRequest, says: "the body ended early", forget: true},
	badGzip:         {status: http.StatusBadRequest, says: "the body begins like gzip and cannot be unpacked", forget: true},
	brokerAway:      {status: http.StatusServiceUnavailable, says: "the events could not be stored now: send them again later", retry: true, forget: true},
	busy:            {status: http.StatusServiceUnavailable, says: "too many events are waiting to be stored: send these again later", retry: true, forget: true},
	spoolFull:       {status: http.StatusServiceUnavailable, says: "the broker is away and the spool is full: send the events again later", retry: true, forget: true},
	spoolFailed:     {status: http.StatusServiceUnavailable, says: "the events could not be written to disk now: send them again later", retry: true, forget: true},
	internalFault:   {status: http.StatusInternalServerError, says: "a fault of the collector; it is in its log", forget: true},
	unknownType:     {status: http.StatusBadRequest, says: "the event's type is not known"},
	noID:            {status: http.StatusBadRequest, says: "the event has neither anonymous_id nor user_id, and is not cookieless"},
	idTooLong:       {status: http.StatusBadRequest, says: "an id has more than 256 characters"},
	secretKeyNeeded: {status: http.StatusForbidden, says: "crm and market events are taken with a secret key only"},
	unknownHook:     {status: http.StatusNotFound, says: "no hook of this kind and name is configured: see ingest.hooks", forget: true},

	hooks.BadSignature: {status: http.StatusUnauthorized, says: "the delivery is not signed with this hook's secret", forget: true},
	hooks.Stale:        {status: http.StatusUnauthorized, says: "the delivery was signed more than 5 minutes ago", forget: true},
	hooks.BadChallenge: {status: http.StatusBadRequest, says: "this is not the provider's challenge", forget: true},
	hooks.BadXML:       {status: http.StatusBadRequest, says: "the body is not XML of this source", forget: true},
	hooks.BadMapping:   {status: http.StatusBadRequest, says: "an expression of this hook's map failed on the payload"},

	// The sender did nothing wrong, and asking again changes nothing: it is thanked, and nothing is kept.
	consentDenied:   {status: http.StatusOK, says: "the visitor did not consent", forget: true},
	visitorOptedOut: {status: http.StatusOK, says: "the visitor opted out, and the site keeps nothing of those", forget: true},
	notAsked:        {status: http.StatusOK, says: "the event has no word of consent, and the site keeps nothing of those", forget: true},
	siteDrops:       {status: http.StatusOK, says: "the site's policy is to keep nothing", forget: true},
}

// retryAfter is what a 503 asks for: long enough for a broker's restart to get somewhere, short enough for a page that is
// still open.
const retryAfter = "2"

func fault(reason protocol.Reason, detail string) *protocol.Fault {
	if detail == "" {
		detail = refusals[reason].says
	}
	return &protocol.Fault{Reason: reason, Detail: detail}
}
