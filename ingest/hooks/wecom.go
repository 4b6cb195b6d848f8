package hooks

import "strings"

// WeCom always encrypts. What its own staff do in the app is no interest of a lead; what external contacts do is.

func challengeWeCom(h *Hook, r Request) (Reply, error) {
	echo, err := h.decrypt(r, r.Query.Get("echostr"))
	if err != nil {
		return Reply{}, err
	}
	return textReply(echo), nil
}

func openWeCom(h *Hook, r Request) (string, error) { return h.decrypted(r) }

var weComNames = map[string]string{
	"add_external_contact": "contact_added", "add_half_external_contact": "contact_added", "edit_external_contact": "contact_edited",
	"kf_msg_or_event": "message",
}

func readWeCom(h *Hook, r Request, payload string, d *Delivery) error {
	d.Reply = textReply("success")
	m, err := tencentMessage(payload)
	if err != nil {
		return err
	}
	staff, created := text(m, "FromUserName"), text(m, "CreateTime")
	person := first(m, "ExternalUserID", "ExternalUserId", "external_userid")
	event := strings.ToLower(first(m, "ChangeType", "Event"))
	if person == "" && staff != "sys" && event != "kf_msg_or_event" {
		d.pass() // a colleague in the app
		return nil
	}
	u := update{
		person: person, at: instant(created), value: m, name: weComNames[event], word: event,
		id: join(event, text(m, "UserID"), person, created),
	}
	if person == "" {
		u.id = "" // sys reports many things in one second: a digest tells them apart
	}
	switch event {
	case "del_follow_user":
		u.kind, u.name = "track", "unsubscribe" // the contact removed us
	case "del_external_contact":
		u.kind, u.name = "track", "contact_removed" // we removed the contact
	}
	d.add(h, r, u)
	return nil
}
