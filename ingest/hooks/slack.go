package hooks

import (
	"net/url"
	"strings"

	"leadstream/ingest/protocol"
)

// openSlack verifies v0=HMAC("v0:" time ":" body), the scheme that several others have taken over from Slack.
func openSlack(h *Hook, r Request) (string, error) {
	stamp := r.Header.Get("X-Slack-Request-Timestamp")
	given, ok := strings.CutPrefix(r.Header.Get("X-Slack-Signature"), "v0=")
	if !ok || !sameHex(given, sign(h.cfg.Secret.Reveal(), "v0:", stamp, ":", r.Body)) {
		return "", badSignature("X-Slack-Signature is not that of this body, its time and the signing secret")
	}
	return r.Body, fresh(r.Now, stamp)
}

func readSlack(h *Hook, r Request, payload string, d *Delivery) error {
	if !strings.HasPrefix(strings.TrimSpace(payload), "{") {
		return readSlackForm(h, r, payload, d)
	}
	body, err := decodeObject(payload)
	if err != nil {
		return err
	}
	delete(body, "token") // the retired way to verify: a secret, of no use in a table
	event := at(body, "event")
	switch {
	case text(body, "type") == "url_verification":
		d.Reply = textReply(text(body, "challenge"))
		return nil
	case event == nil:
		event = map[string]any{}
	case text(event, "bot_id") != "" || text(event, "subtype") == "bot_message":
		d.pass() // a program's words, most often our own
		return nil
	}
	word := first(event, "subtype", "type")
	switch {
	case word == "":
		word = text(body, "type")
	case text(event, "type") == "message" && !strings.Contains(word, "delete"):
		word = "message"
	}
	d.add(h, r, update{
		word: word, id: text(body, "event_id"), person: slackPerson(first(body, "team_id", "team.id"), first(event, "user", "user.id")),
		at: instant(first(body, "event_time")), value: body,
	})
	return nil
}

// readSlackForm reads a command, and the payload of a button: both come as a form, and never twice.
func readSlackForm(h *Hook, r Request, payload string, d *Delivery) error {
	values, err := url.ParseQuery(payload)
	if err != nil || len(values) == 0 {
		return &protocol.Fault{Reason: protocol.BadJSON, Detail: "the body is neither JSON nor a form"}
	}
	if inner := values.Get("payload"); inner != "" {
		body, err := decodeObject(inner)
		if err != nil {
			return err
		}
		delete(body, "token")
		delete(body, "response_url")
		d.add(h, r, update{name: text(body, "type"), id: text(body, "trigger_id"), person: slackPerson(text(body, "team", "id"), text(body, "user", "id")), value: body})
		return nil
	}
	body := map[string]any{}
	for name := range values {
		body[name] = values.Get(name)
	}
	delete(body, "token")
	delete(body, "response_url") // lets whoever has it answer in our name
	d.add(h, r, update{name: "command", id: values.Get("trigger_id"), person: slackPerson(values.Get("team_id"), values.Get("user_id")), value: body})
	return nil
}

// slackPerson is a user within a workspace.
func slackPerson(team, user string) string { return join(team, user) }
