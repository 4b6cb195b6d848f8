package protocol

// PostHog reads /e/, /i/v0/e/, /batch/ and /capture/: {"api_key", "batch": [...], "sent_at"}, a list, or one event. Mixpanel's
// /track/ is read by the same words, for PostHog has taken them over: an event is {"event", "properties": {"token",
// "distinct_id", ...}}.
func PostHog(r Request) (Batch, error) { return posthogRequest(r, false) }

// PostHogPeople reads /engage/ of both: what is known of a person, {"$token", "$distinct_id", "$set": {...}}.
func PostHogPeople(r Request) (Batch, error) { return posthogRequest(r, true) }

func posthogRequest(r Request, people bool) (Batch, error) {
	text, err := unpack(r)
	if err != nil {
		return Batch{}, asFault(err)
	}
	d := posthog{c: cursor{s: text}, limits: r.Limits, people: people}
	if err := d.body(); err != nil {
		return Batch{}, asFault(err)
	}
	if d.batch.WriteKey == "" {
		d.batch.WriteKey = first(r.Query.Get("token"), r.Query.Get("api_key"))
	}
	if r.Query.Get("verbose") == "1" {
		d.batch.Reply = ReplyFull // Mixpanel's server libraries take the short answer and no other, if they have not asked
	}
	return d.batch, nil
}

type posthog struct {
	c      cursor
	limits Limits
	people bool
	batch  Batch
}

func (d *posthog) body() error {
	var err error
	switch {
	case d.c.peek() == '[':
		err = d.c.array(d.event)
	case d.has("batch"):
		err = d.c.object(d.envelope)
	default:
		err = d.event()
	}
	if err == nil {
		err = d.c.end()
	}
	if err == nil && len(d.batch.Items) == 0 {
		err = &Fault{NoEvents, "the request holds no event"}
	}
	return err
}

// has looks ahead for a member at the top.
func (d *posthog) has(member string) (found bool) {
	ahead := d.c
	_ = ahead.object(func(name string) error { // what is wrong is found when it is read
		found = found || name == member
		return ahead.skip()
	})
	return found
}

func (d *posthog) envelope(name string) (err error) {
	switch name {
	case "api_key", "token":
		var key string
		key, err = d.c.text()
		fill(&d.batch.WriteKey, key)
	case "sent_at":
		d.batch.SentAt, err = d.c.instant()
	case "batch":
		err = d.c.array(d.event)
	default:
		err = d.c.skip()
	}
	return err
}

func (d *posthog) event() error {
	if d.batch.sent >= d.limits.Events {
		return tooMany(d.limits.Events)
	}
	of := posthogEvent{Item: d.batch.add()}
	if d.people {
		of.name = "$set"
	}
	err := d.c.item(of.Item, d.limits, func(name string) error { return of.member(&d.c, name) })
	if err != nil {
		return err
	}
	if d.batch.SentAt.State == Missing {
		d.batch.SentAt = of.sent
	}
	if of.Fault == nil {
		d.batch.claim(of.Item, of.get("token"))
		of.settle(&d.batch)
	}
	return nil
}
