package protocol

import (
	"net/url"

	"leadstream/schemas/pb"
)

// Request is all that a decoder may see of an HTTP request. The Content-Type is not part of it: half of the clients send a
// wrong one.
type Request struct {
	Body    string     // inflated
	Query   url.Values // of the address
	Type    string     // the event type that the path names, /v1/page says page; empty for batches
	Referer string     // the page that a pixel stands on
	// Anonymous is Snowplow's header SP-Anonymous: this visitor is to have no lasting ids.
	Anonymous bool
	Limits    Limits
}

// Limits bound what one request may hold.
type Limits struct {
	Events int // of a request
	Bytes  int // of one event as it was sent
}

// Batch is a decoded request.
type Batch struct {
	WriteKey string  // the key, when it was in the body
	SentAt   Instant // the sender's clock when it sent
	Reply    Reply   // the form of the answer, where the request asks for one
	Items    []Item

	sent int // events that the request holds; a few of them make two Items
}

// Reply is what a request said about its answer.
type Reply uint8

// Most protocols have one form of answer. Matomo's and Mixpanel's depend on the request.
const (
	ReplyUsual Reply = iota
	ReplyEmpty       // no body: send_image=0
	ReplyFull        // how it went, in JSON: a bulk request, verbose=1
)

// Item is one event of a request. With a Fault it is none, and Raw says why to whoever reads the dead letters.
type Item struct {
	Event      *pb.Event // never nil; its ip and user_agent are claims of the sender
	At         Instant   // when it happened, by the sender's clock
	SentAt     Instant   // when this event was sent, if the protocol says it for each
	ReceivedAt Instant   // history: when it was received long ago
	Raw        string    // as it came
	IDMade     bool      // the event id is the pipeline's own: no sender can repeat it
	// OptedOut is the protocol's own sign that the visitor does not want to be followed: a denying gcs, SP-Anonymous.
	OptedOut bool
	Fault    *Fault
}

// Fault says why a request or an event was refused.
type Fault struct {
	Reason Reason
	Detail string // for a person
}

// Reason is one word of package ingest's table of refusals, and the label of its counter.
type Reason string

// Error is both halves.
func (f *Fault) Error() string { return string(f.Reason) + ": " + f.Detail }

// The reasons that decoders give.
const (
	BadJSON       Reason = "bad_json"        // the body is not JSON, or not of the protocol's shape
	BadQuery      Reason = "bad_query"       // the query of a pixel cannot be read
	BatchTooLarge Reason = "batch_too_large" // more events than a request may hold
	NoEvents      Reason = "no_events"       // a well-formed request without a single event
	NotAnObject   Reason = "not_an_object"   // an event that is a number, a list, ...
	BadProperties Reason = "bad_properties"  // properties or traits that are not a JSON object
	TooDeep       Reason = "too_deep"        // properties nested deeper than any reader down the path will follow
	TooLarge      Reason = "too_large"       // an event above the size limit
	OtherKey      Reason = "other_key"       // an event of another site than the first of its request
)

// Decoder turns a request into events. The error is a *Fault, and then there is no Batch.
type Decoder func(Request) (Batch, error)

// fault gives the item its first fault; later ones are consequences.
func (it *Item) fault(reason Reason, detail string) {
	if it.Fault == nil {
		it.Fault = &Fault{Reason: reason, Detail: detail}
	}
}
