package hooks

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
	u := update{word: text(body, "event"), person: text(body, "user_openid"), at: instant(text(body, "create_time")), value: body}
	d.add(h, r, u)
	return nil
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
