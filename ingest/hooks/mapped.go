package hooks

import (
	"encoding/base64"
	"strings"

	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// The two kinds whose payloads the config explains: hmac for who signs as GitHub, Shopify, Typeform, Cal.com or Calendly do,
// generic for who can only be given a header or an address. CRMs, forms, calendars, mail tools and market feeds are these.

const defaultSignature = "X-Hub-Signature-256"

// openHMAC verifies HMAC-SHA256 over the body as hex or base64, with or without sha256= before it; and, when the header says
// t=, over time and body.
func openHMAC(h *Hook, r Request) (string, error) {
	name := h.cfg.Header
	if name == "" {
		name = defaultSignature
	}
	given, key := strings.TrimSpace(r.Header.Get(name)), h.cfg.Secret.Reveal()
	if strings.HasPrefix(given, "t=") || strings.Contains(given, ",t=") {
		return r.Body, openStamped(r, key, given, "v1", "s")
	}
	given = strings.TrimPrefix(given, "sha256=")
	want := sign(key, r.Body)
	if !sameHex(given, want) && !sameBase64(given, want) {
		return "", badSignature(name + " is not the HMAC-SHA256 of this body and the secret")
	}
	return r.Body, nil
}

// openGeneric wants the secret in a header; a token in the address only where the config has one, for senders that can do no
// better: addresses end up in logs.
func openGeneric(h *Hook, r Request) (string, error) {
	secret, token := h.cfg.Secret.Reveal(), h.cfg.Token.Reveal()
	good := false
	for _, given := range headerSecrets(r) {
		good = secret != "" && same(given, secret) || good
	}
	if token != "" && same(r.Query.Get("token"), token) {
		good = true
	}
	if !good {
		return "", badSignature("send the secret as Authorization: Bearer, as basic auth's password or as X-Hook-Secret; a token as ?token=")
	}
	return r.Body, nil
}

func headerSecrets(r Request) []string {
	found := []string{r.Header.Get("X-Hook-Secret")}
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(kind) {
	case "bearer":
		found = append(found, value)
	case "basic":
		if login, err := base64.StdEncoding.DecodeString(value); err == nil {
			_, password, _ := strings.Cut(string(login), ":")
			found = append(found, password)
		}
	}
	return found
}

func readMapped(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decode(payload)
	if err != nil {
		return err
	}
	env := h.mapped.environment(r, body)
	elements, err := h.mapped.elements(env, body)
	if err != nil {
		d.Items = append(d.Items, unmapped(body, "each", err))
		return nil
	}
	for _, element := range elements {
		env["item"] = native(element)
		skip, err := h.mapped.skips(env)
		switch {
		case err != nil:
			d.Items = append(d.Items, unmapped(element, "skip", err))
		case skip:
			d.pass()
		default:
			d.Items = append(d.Items, h.mappedItem(r, env, element))
		}
	}
	return nil
}

// unmapped is what an expression failed on: a dead letter that names it, for the delivery was genuine and would come again
// as it is.
func unmapped(what any, key string, err error) protocol.Item {
	return protocol.Item{Event: &pb.Event{}, Raw: string(encode(plain(what))), Fault: failed(key, err)}
}

func failed(key string, err error) *protocol.Fault {
	return &protocol.Fault{Reason: BadMapping, Detail: "map." + key + " failed on this payload: " + firstLine(err)}
}

// mappedItem is one element as the config sees it. What fails becomes a dead letter.
func (h *Hook) mappedItem(r Request, env map[string]any, element any) protocol.Item {
	it := protocol.Item{Event: &pb.Event{}, Raw: string(encode(plain(element)))}
	e, m := it.Event, h.mapped
	if len(it.Raw) > r.Limits.Bytes {
		it.Fault = &protocol.Fault{Reason: protocol.TooLarge, Detail: "the update is larger than the limit of an event"}
		return it
	}
	for _, field := range m.fields {
		value, err := run(field.program, env)
		if err != nil {
			it.Fault = failed(field.key, err)
			return it
		}
		field.set(&it, written(value))
	}
	id := e.EventId
	if id == "" {
		id = digest(it.Raw)
	}
	e.EventId = eventID(h.cfg.Name, id)
	if e.Properties, it.Fault = m.object("properties", m.properties, env); it.Fault == nil {
		e.Traits, it.Fault = m.object("traits", m.traits, env)
	}
	if it.Fault == nil && len(m.properties) == 0 {
		fields, ok := plain(element).(map[string]any)
		if !ok {
			fields = map[string]any{"value": plain(element)}
		}
		e.Properties, it.Fault = properties(fields)
	}
	return it
}
