package hooks

import "strings"

// TikTok repeats a delivery for 72 hours and gives it no id: an event is known by a digest of all that it says.

func openTikTok(h *Hook, r Request) (string, error) {
	return r.Body, openStamped(r, h.cfg.Secret.Reveal(), r.Header.Get("TikTok-Signature"), "s")
}

func readTikTok(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	unfold(body)
	event := text(body, "event")
	if ownTikTok(event) {
		d.pass()
		return nil
	}
	word := event
	if action := text(body, "content", "comment_action"); action == "delete" {
		word = "comment removed"
	}
	d.add(h, r, update{
		word: word, person: first(body, "content.from_user.id", "content.unique_identifier", "user_openid"),
		at: instant(text(body, "create_time")), value: body,
	})
	return nil
}

// ownTikTok tells what our own account did: its uploads, its publishing, its messages.
func ownTikTok(event string) bool {
	return strings.HasPrefix(event, "video.") || strings.HasPrefix(event, "post.publish.") || event == "im_send_msg"
}

// unfold replaces content, an object written as text, by the object.
func unfold(body map[string]any) {
	inner, isText := body["content"].(string)
	if !isText {
		return
	}
	if content, err := decodeObject(inner); err == nil {
		body["content"] = content
	}
}
