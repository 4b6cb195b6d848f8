package hooks

import (
	"strings"

	"leadstream/ingest/protocol"
)

// WeChat's Official Accounts send XML, plain or encrypted. Plain deliveries are signed over time and nonce alone, not over
// their body: with aes_key set nothing plain is taken.

func challengeWeChat(h *Hook, r Request) (Reply, error) {
	if err := h.weChatSigned(r); err != nil {
		return Reply{}, err
	}
	return textReply(r.Query.Get("echostr")), nil
}

// weChatSigned verifies the signature of token, timestamp and nonce.
func (h *Hook) weChatSigned(r Request) error {
	q := r.Query
	if !sameHex(q.Get("signature"), sortedDigest(h.cfg.Token.Reveal(), q.Get("timestamp"), q.Get("nonce"))) {
		return badSignature("signature is not that of the token, timestamp and nonce")
	}
	return fresh(r.Now, q.Get("timestamp"))
}

func openWeChat(h *Hook, r Request) (string, error) {
	if r.Query.Get("encrypt_type") == "aes" {
		if h.aes == nil {
			return "", badSignature("the message is encrypted: set aes_key and app_id of this hook")
		}
		return h.decrypted(r)
	}
	if h.aes != nil {
		return "", badSignature("the message is not encrypted, and this hook has an aes_key: choose the secure mode at WeChat")
	}
	return r.Body, h.weChatSigned(r)
}

func readWeChat(h *Hook, r Request, payload string, d *Delivery) error {
	d.Reply = textReply("success") // all else is repeated three times, and shown to the person as an error
	m, err := tencentMessage(payload)
	if err != nil {
		return err
	}
	person, created := text(m, "FromUserName"), text(m, "CreateTime")
	u := update{person: person, at: instant(created), value: m}
	if text(m, "MsgType") != "event" {
		u.word, u.id = "message", text(m, "MsgId")
		d.add(h, r, u)
		return nil
	}
	event := strings.ToLower(text(m, "Event"))
	u.id = join(person, created, event)
	switch {
	case strings.HasSuffix(event, "jobfinish"):
		d.pass() // the platform's report about our own mailing
		return nil
	case event == "unsubscribe":
		u.kind, u.name = "track", "unsubscribe" // the account's opt-out: the model's rule of that name counts it
	case weChatNames[event] != "":
		u.name = weChatNames[event]
	default:
		u.word = event
	}
	d.add(h, r, u)
	return nil
}

var weChatNames = map[string]string{"subscribe": "follow", "scan": "scan", "click": "menu_click", "view": "menu_view", "view_miniprogram": "menu_view"}

// tencentMessage reads a message, XML or, for the accounts that get it, JSON.
func tencentMessage(payload string) (map[string]any, error) {
	if strings.HasPrefix(strings.TrimSpace(payload), "{") {
		return decodeObject(payload)
	}
	m, err := decodeXML(payload)
	if err != nil {
		return nil, &protocol.Fault{Reason: BadXML, Detail: "the body is not XML of this source: " + err.Error()}
	}
	return m, nil
}
