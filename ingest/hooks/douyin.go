package hooks

import (
	"crypto/sha1"

	"leadstream/ingest/protocol"
)

// openDouyin verifies what Douyin calls a signature, sha1 over secret and body. It holds no time, so a recorded delivery can be
// sent again; its id makes that harmless.
func openDouyin(h *Hook, r Request) (string, error) {
	want := sha1.Sum([]byte(h.cfg.Secret.Reveal() + r.Body))
	if !sameHex(r.Header.Get("X-Douyin-Signature"), want[:]) {
		return "", badSignature("X-Douyin-Signature is not that of this body and the client secret")
	}
	return r.Body, nil
}

// douyinWords are the events whose own names say too little.
var douyinWords = map[string]string{
	"new_video_digg": "reaction", "new_follow_action": "follow", "item_comment_reply": "comment",
	"im_receive_msg": "message", "im_group_receive_msg": "message", "receive_msg": "message",
}

func readDouyin(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	unfold(body)
	event := text(body, "event")
	switch event {
	case "verify_webhook":
		challenge := at(body, "content", "challenge")
		if challenge == nil {
			return &protocol.Fault{Reason: BadChallenge, Detail: "verify_webhook has no content.challenge"}
		}
		d.Reply = jsonReply(map[string]any{"challenge": challenge})
		return nil
	case "im_send_msg", "im_group_send_msg":
		d.pass() // our own words
		return nil
	}
	word := event
	if known := douyinWords[event]; known != "" {
		word = known
	}
	d.add(h, r, update{
		word: word, id: r.Header.Get("Msg-Id"), person: first(body, "from_user_id", "content.from_user_id"),
		at: instant(first(body, "content.create_time", "content.action_time", "create_time")), value: body,
	})
	return nil
}
