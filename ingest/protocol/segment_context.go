package protocol

// context reads the part of a Segment context that an Event has a place for. What is no object is passed over: Jitsu and old
// libraries send context: null.
func (of *segmentEvent) context(c *cursor) error {
	e := of.Event
	return c.objectOrSkip(func(name string) (err error) {
		switch name {
		case "page":
			err = c.objectOrSkip(func(name string) error { return of.page.member(c, name) })
		case "campaign":
			err = c.objectOrSkip(func(name string) error { return of.campaign(c, name) })
		case "library":
			err = of.library(c)
		case "screen":
			err = of.screen(c)
		case "traits":
			of.contextTraits, err = c.attributes(of.Item, "context.traits")
		case "groupId":
			of.contextGroup, err = c.text()
		case "sessionId":
			e.SessionId, err = c.text()
		case "userAgent":
			e.UserAgent, err = c.text()
		case "locale":
			e.Locale, err = c.text()
		case "ip":
			e.Ip, err = c.text()
		default:
			err = c.skip()
		}
		return err
	})
}

func (of *segmentEvent) campaign(c *cursor, name string) (err error) {
	e := of.Event
	switch name {
	case "source":
		e.UtmSource, err = c.text()
	case "medium":
		e.UtmMedium, err = c.text()
	case "name":
		e.UtmCampaign, err = c.text()
	case "term":
		e.UtmTerm, err = c.text()
	case "content":
		e.UtmContent, err = c.text()
	default:
		err = c.skip()
	}
	return err
}

func (of *segmentEvent) library(c *cursor) error {
	var name, version string
	err := c.objectOrSkip(func(member string) (err error) {
		switch member {
		case "name":
			name, err = c.text()
		case "version":
			version, err = c.text()
		default:
			err = c.skip()
		}
		return err
	})
	of.Event.Library = name
	if version != "" {
		of.Event.Library += "/" + version
	}
	return err
}

func (of *segmentEvent) screen(c *cursor) error {
	var width, height string
	err := c.objectOrSkip(func(member string) (err error) {
		switch member {
		case "width":
			width, err = c.text()
		case "height":
			height, err = c.text()
		default:
			err = c.skip()
		}
		return err
	})
	if width != "" && height != "" {
		of.Event.Screen = width + "x" + height
	}
	return err
}

// objectOrSkip is object for a place where other kinds of values carry nothing.
func (c *cursor) objectOrSkip(member func(name string) error) error {
	if c.peek() != '{' {
		return c.skip()
	}
	return c.object(member)
}
