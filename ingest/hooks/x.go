package hooks

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"leadstream/ingest/protocol"
)

var crcToken = regexp.MustCompile(`^[0-9A-Za-z_+/=.-]{1,256}$`)

// challengeX proves every hour that we know the secret. X signs its deliveries in the same way, with the same key, so the
// token must not be able to be a body: without this check, whoever asks for the answer to crc_token={"..."} can send that.
func challengeX(h *Hook, r Request) (Reply, error) {
	token := r.Query.Get("crc_token")
	if !crcToken.MatchString(token) {
		return Reply{}, &protocol.Fault{Reason: BadChallenge, Detail: "crc_token must be letters, digits and _ + / = . -"}
	}
	return jsonReply(map[string]string{"response_token": "sha256=" + base64.StdEncoding.EncodeToString(sign(h.cfg.Secret.Reveal(), token))}), nil
}

func openX(h *Hook, r Request) (string, error) {
	given, ok := strings.CutPrefix(r.Header.Get("X-Twitter-Webhooks-Signature"), "sha256=")
	if !ok || !sameBase64(given, sign(h.cfg.Secret.Reveal(), r.Body)) {
		return "", badSignature("X-Twitter-Webhooks-Signature is not that of this body and the consumer secret")
	}
	return r.Body, nil
}

// readX reads the Activity API's {"data": {...}} and the older Account Activity API's lists.
func readX(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	if data := at(body, "data"); data != nil {
		xActivity(h, r, data, d)
		return nil
	}
	ours := text(body, "for_user_id")
	around := map[string]any{"for_user_id": ours}
	known := false
	for _, name := range slices.Sorted(maps.Keys(body)) { // one order for equal deliveries
		for _, e := range list(body, name) {
			known = true
			u := xOld(name, ours, e)
			if u.person != "" && u.person == ours {
				d.pass() // our own account's act
				continue
			}
			u.around = around
			d.add(h, r, u)
		}
	}
	if !known {
		d.add(h, r, update{word: other(body, "for_user_id"), value: body})
	}
	return nil
}

func xActivity(h *Hook, r Request, data any, d *Delivery) {
	kind := text(data, "event_type")
	if kind == "dm.sent" {
		d.pass()
		return
	}
	// Who did it stands in a place that depends on the kind; of profile events it is who is watched.
	person := first(data, "payload.source.id", "payload.author_id", "payload.sender_id", "payload.actor_id", "payload.user_id", "filter.user_id")
	d.add(h, r, update{
		word: kind, id: text(data, "event_uuid"), person: person,
		at: xTime(first(data, "payload.created_at", "payload.created_timestamp", "created_at")), value: data,
	})
}

// xOld reads an element of one of the old API's lists.
func xOld(name, ours string, e any) update {
	u := update{
		word: strings.TrimSuffix(name, "_events"), person: first(e, "user.id_str", "source.id", "user.id", "sender_id", "status.user_id"),
		at: xTime(first(e, "created_timestamp", "timestamp_ms", "created_at")), value: e,
	}
	id := first(e, "id_str", "id")
	u.id = join(u.word, id)
	switch name {
	case "tweet_create_events":
		u.word = tweetWord(e, ours)
	case "follow_events":
		u.word = first(e, "type")
	case "direct_message_events":
		u.person = first(e, "message_create.sender_id", "sender_id")
	case "direct_message_indicate_typing_events":
		u.name = "typing"
	case "direct_message_mark_read_events":
		u.name = "read"
	}
	return u
}

// tweetWord tells what a post is to us.
func tweetWord(e any, ours string) string {
	switch {
	case at(e, "retweeted_status") != nil || at(e, "quoted_status") != nil:
		return "share"
	case text(e, "in_reply_to_user_id_str") == ours && ours != "":
		return "comment"
	}
	for _, m := range list(e, "entities", "user_mentions") {
		if text(m, "id_str") == ours {
			return "mention"
		}
	}
	return "post"
}

// xTime also reads the form that the old API writes: Wed Oct 10 20:19:24 +0000 2018.
func xTime(text string) protocol.Instant {
	if t, err := time.Parse(time.RubyDate, text); err == nil {
		return protocol.Instant{Ms: t.UnixMilli(), State: protocol.Known}
	}
	return instant(text)
}
