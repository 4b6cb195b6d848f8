package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// update is one thing that a provider tells.
type update struct {
	kind   string // event type; empty = the word decides
	name   string // event name; empty = the word decides
	word   string // what the provider calls it
	id     string // the provider's id; empty = a digest of value and around
	person string // the provider's id of who did it; empty = it does not say
	at     protocol.Instant
	value  any            // what was sent: the properties
	around map[string]any // what the delivery says about all of its updates
}

// add makes an update an item of the delivery.
func (d *Delivery) add(h *Hook, r Request, u update) {
	fields, ok := u.value.(map[string]any)
	if !ok {
		d.Items = append(d.Items, protocol.Item{
			Event: &pb.Event{}, Raw: string(encode(u.value)),
			Fault: &protocol.Fault{Reason: protocol.NotAnObject, Detail: "an update must be a JSON object"},
		})
		return
	}
	all := maps.Clone(u.around)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, fields) // the update's own word comes first
	kind, name := named(u.word)
	if u.kind != "" {
		kind = u.kind
	}
	if u.name != "" {
		name = u.name
	}
	it := protocol.Item{Event: &pb.Event{Type: kind, Name: name}, At: u.at, Raw: string(encode(all))}
	it.Event.Properties, it.Fault = properties(all)
	if len(it.Raw) > r.Limits.Bytes {
		it.Fault = &protocol.Fault{Reason: protocol.TooLarge, Detail: fmt.Sprintf("the update has %d bytes, the limit is %d", len(it.Raw), r.Limits.Bytes)}
	}
	id := u.id
	if id == "" {
		id = digest(it.Raw)
	}
	it.Event.EventId = eventID(h.cfg.Kind, id)
	it.Event.AnonymousId = h.somebody(u.person)
	d.Items = append(d.Items, it)
}

// pass leaves an update out: nobody outside did it.
func (d *Delivery) pass() { d.Passed++ }

// somebody is the anonymous id of a provider's person. What the provider tells without saying who, such as Instagram's
// mentions, is gathered under one id a hook instead of making a lead of each.
func (h *Hook) somebody(person string) string {
	if person == "" {
		return h.cfg.Kind + ":somebody:" + h.cfg.Name
	}
	return h.cfg.Kind + ":" + person
}

// longestID leaves room below the pipeline's 256 characters for a hook's name, which has up to 63, and a colon.
const longestID = 192

// eventID is the same for every retry. An id that is too long stands as its digest.
func eventID(source, id string) string {
	if len(id) > longestID {
		id = digest(id)
	}
	return source + ":" + id
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func properties(v map[string]any) ([]byte, *protocol.Fault) {
	tidied, ok := tidy(v, 1)
	if !ok {
		return nil, &protocol.Fault{Reason: protocol.TooDeep, Detail: fmt.Sprintf("the update is nested more than %d deep", maxNesting)}
	}
	if len(v) == 0 {
		return nil, nil
	}
	return encode(tidied), nil
}

// words are what providers call the same acts, in the order that decides: message_reactions is a reaction.
var words = []struct{ name, signs string }{
	{"reaction", "reaction like favorite digg"},
	{"mention", "mention"},
	{"comment", "comment reply replies"},
	{"message", "message dm msg"},
	{"share", "share retweet repost"},
	{"follow", "follow subscribe"},
}

// undone are acts taken back. They are no interest, so they are no social events: the default model gives points to those.
const undone = "unlike unfollow unreact unfavorite removed remove deleted delete cancel revoked unsubscribe deauthorize"

// named gives a provider's word its event type and name; a word that nobody has heard of is its own name.
func named(word string) (kind, name string) {
	parts := strings.FieldsFunc(strings.ToLower(word), func(r rune) bool { return !unicode.IsLetter(r) })
	if anyOf(parts, undone) {
		return "track", "social_removed"
	}
	for _, w := range words {
		if anyOf(parts, w.signs) {
			return "social", w.name
		}
	}
	return "social", word
}

// anyOf tells whether a part is one of the signs, in the singular or the plural.
func anyOf(parts []string, signs string) bool {
	for sign := range strings.FieldsSeq(signs) {
		for _, part := range parts {
			if part == sign || part == sign+"s" {
				return true
			}
		}
	}
	return false
}

// join makes an id of its parts; a missing last part makes none, so that a digest stands in.
func join(parts ...string) string {
	if parts[len(parts)-1] == "" {
		return ""
	}
	return strings.Join(parts, ":")
}

// other is the first name, in order, that is none of the known ones: what a message of a new kind is called.
func other(v any, known ...string) string {
	m, _ := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, name) {
			return name
		}
	}
	return "update"
}
