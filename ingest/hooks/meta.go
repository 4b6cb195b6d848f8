package hooks

import (
	"strings"

	"leadstream/ingest/protocol"
)

// Meta sends for Pages, Instagram, Lead Ads and WhatsApp, all in one envelope: up to 1000 updates in a delivery, repeated for
// a day and a half until it hears 200.

func challengeMeta(h *Hook, r Request) (Reply, error) {
	if r.Query.Get("hub.mode") != "subscribe" {
		return Reply{}, &protocol.Fault{Reason: BadChallenge, Detail: "hub.mode must be subscribe"}
	}
	if !same(r.Query.Get("hub.verify_token"), h.cfg.Token.Reveal()) {
		return Reply{}, badSignature("hub.verify_token is not this hook's token")
	}
	return textReply(r.Query.Get("hub.challenge")), nil
}

// openMeta reads the sha256 header only; the old sha1 one is sent beside it.
func openMeta(h *Hook, r Request) (string, error) {
	given, ok := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !ok || !sameHex(given, sign(h.cfg.Secret.Reveal(), r.Body)) {
		return "", badSignature("X-Hub-Signature-256 is not that of this body and the app's secret")
	}
	return r.Body, nil
}

func readMeta(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	for _, entry := range list(body, "entry") {
		m := meta{h: h, r: r, d: d, page: text(entry, "id"), at: instant(text(entry, "time"))}
		m.around = map[string]any{"object": text(body, "object"), "entry_id": m.page}
		for _, change := range list(entry, "changes") {
			m.change(text(change, "field"), at(change, "value"))
		}
		// standby: another app answers the person; what they wrote counts the same.
		for _, channel := range []string{"messaging", "standby"} {
			for _, message := range list(entry, channel) {
				m.message(message)
			}
		}
	}
	return nil
}

// meta is one entry: the updates of one page or account.
type meta struct {
	h      *Hook
	r      Request
	d      *Delivery
	page   string
	at     protocol.Instant
	around map[string]any
}

func (m meta) add(u update) {
	if u.person != "" && u.person == m.page {
		m.d.pass() // the page's own act
		return
	}
	if u.at.State == protocol.Missing {
		u.at = m.at
	}
	u.around = m.around
	m.d.add(m.h, m.r, u)
}

func (m meta) change(field string, value any) {
	around := map[string]any{"field": field}
	for name, v := range m.around {
		around[name] = v
	}
	m.around = around
	switch {
	case field == "leadgen":
		lead := text(value, "leadgen_id")
		m.add(update{kind: "form", name: "leadgen", id: join("leadgen", lead), person: join("lead", lead), at: instant(text(value, "created_time")), value: value})
	case field == "feed":
		m.feed(value)
	case field == "messages" && (list(value, "messages") != nil || list(value, "statuses") != nil):
		m.whatsApp(value)
	case field == "messages" && at(value, "sender") != nil:
		m.message(value)
	default:
		id := first(value, "id", "comment_id")
		m.add(update{word: field, id: join(field, id), person: first(value, "from.id", "sender.id"), at: instant(text(value, "created_time")), value: value})
	}
}

// feed is what happens to a page's posts. An act is named by its item (comment, reaction, post, ...) and its verb (add, edited,
// remove, ...); it has no id of its own but for comments and posts.
func (m meta) feed(value any) {
	item, verb := text(value, "item"), text(value, "verb")
	word := item
	if verb == "remove" || verb == "unlike" {
		word = item + " removed"
	}
	what := first(value, "comment_id", "post_id", "share_id", "photo_id", "video_id")
	id := join(item, what)
	if item != "comment" && item != "post" && item != "share" || verb != "add" {
		id = join(item, what, text(value, "from", "id"), verb, text(value, "created_time"))
	}
	if what == "" {
		id = ""
	}
	m.add(update{word: word, id: id, person: text(value, "from", "id"), at: instant(text(value, "created_time")), value: value})
}

// message is one entry of Messenger or of Instagram's direct messages.
func (m meta) message(value any) {
	u := update{person: text(value, "sender", "id"), at: instant(text(value, "timestamp")), value: value}
	switch {
	case at(value, "delivery") != nil || text(value, "message", "is_echo") == "true":
		m.d.pass() // a receipt, and the page's own words
		return
	case at(value, "message") != nil:
		u.word, u.id = "message", join("message", text(value, "message", "mid"))
	case at(value, "reaction") != nil:
		u.word = "reaction"
		if text(value, "reaction", "action") == "unreact" {
			u.word = "reaction removed"
		}
	case at(value, "postback") != nil:
		u.name, u.id = "postback", join("postback", text(value, "postback", "mid"))
	default:
		u.name = other(value, "sender", "recipient", "timestamp")
	}
	m.add(u)
}

// whatsApp is a business number's messages; statuses are receipts.
func (m meta) whatsApp(value any) {
	for _, message := range list(value, "messages") {
		m.add(update{word: "message", id: join("message", text(message, "id")), person: text(message, "from"), at: instant(text(message, "timestamp")), value: message})
	}
	for range list(value, "statuses") {
		m.d.pass()
	}
}
