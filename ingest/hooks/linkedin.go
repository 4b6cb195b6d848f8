package hooks

import (
	"encoding/hex"
	"regexp"

	"leadstream/ingest/protocol"
)

var (
	challengeCode  = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	linkedInPerson = regexp.MustCompile(`urn:li:person:[0-9A-Za-z_-]+`)
)

// challengeLinkedIn proves that we know the secret. The code must be one: LinkedIn signs a delivery as HMAC("hmacsha256=" +
// body), and whoever may have any text signed here could ask for the signature of a delivery they made up.
func challengeLinkedIn(h *Hook, r Request) (Reply, error) {
	code := r.Query.Get("challengeCode")
	if !challengeCode.MatchString(code) {
		return Reply{}, &protocol.Fault{Reason: BadChallenge, Detail: "challengeCode must be a UUID"}
	}
	return jsonReply(map[string]string{"challengeCode": code, "challengeResponse": hex.EncodeToString(sign(h.cfg.Secret.Reveal(), code))}), nil
}

func openLinkedIn(h *Hook, r Request) (string, error) {
	if !sameHex(r.Header.Get("X-LI-Signature"), sign(h.cfg.Secret.Reveal(), "hmacsha256=", r.Body)) {
		return "", badSignature("X-LI-Signature is not that of this body and the client secret")
	}
	return r.Body, nil
}

func readLinkedIn(h *Hook, r Request, payload string, d *Delivery) error {
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	kind := text(body, "type")
	notifications := list(body, "notifications")
	switch {
	case kind == "LEAD_ACTION":
		lead := text(body, "leadGenFormResponse")
		u := update{kind: "form", name: "leadgen", id: join("leadgen", lead), person: join("lead", lead), at: instant(text(body, "occurredAt")), value: body}
		if text(body, "leadAction") == "DELETED" {
			u.kind, u.name, u.id = "track", "leadgen_deleted", join("leadgen_deleted", lead)
		}
		d.add(h, r, u)
	case notifications != nil:
		for _, n := range notifications {
			d.add(h, r, update{
				word: text(n, "action"), id: text(n, "notificationId"), person: linkedInActor(n),
				at: instant(text(n, "lastModifiedAt")), value: n, around: map[string]any{"type": kind},
			})
		}
	default:
		d.add(h, r, update{word: kind, at: instant(text(body, "occurredAt")), value: body})
	}
	return nil
}

// linkedInActor finds who did it. A comment and a share name their owner; a like is known by an URN that holds its person.
func linkedInActor(n any) string {
	for _, what := range []string{"comment", "share"} {
		if owner := text(n, "decoratedGeneratedActivity", what, "owner"); owner != "" {
			return owner
		}
	}
	return linkedInPerson.FindString(text(n, "generatedActivity"))
}
