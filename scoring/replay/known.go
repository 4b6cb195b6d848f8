package replay

import (
	"math"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// AsKnown parts a person's history into the leads that there were at the landmark. Ids are joined to a person when somebody
// says who they are, which whoever buys does sooner or later: a device that was joined after the landmark, taken for the person's,
// would bring its visits and its earlier beginning to those who won, and to nobody else.
//
//	device   o--o-o----------L······joined    is a lead of its own, and won when the person did
//	person            o------|------o---L     has the device's events from the joining on
//
// Of an id that was joined before its own landmark, but after that of the person, no example is made.
func (q Question) AsKnown(m *model.Model, h History) []History {
	joined := h.joined()
	if len(joined) == 0 {
		return []History{h}
	}
	bar := int64(math.MaxInt64)
	for {
		at, _ := q.Landmark(m, h.known(bar))
		if at.Entry == 0 || !slices.ContainsFunc(joined, func(g guest) bool { return g.at <= bar && g.at > at.At }) {
			break
		}
		bar = at.At
	}
	list := []History{h.known(bar)}
	for _, g := range joined {
		if g.at <= bar {
			continue
		}
		if alone, ok := q.alone(m, h, g); ok {
			list = append(list, alone)
		}
	}
	return list
}

// alone is what one id did, and how it ended with the person that it turned out to be; also if sales knew that before
// anybody knew the id.
func (q Question) alone(m *model.Model, h History, g guest) (History, bool) {
	own := func(x Moment) bool { return x.Joined != 0 && origin(x.Event) == g.id }
	h.ID = g.id
	at, _ := q.Landmark(m, h.only(own))
	if g.at <= at.At {
		return h, false
	}
	if at.Entry == 0 {
		return h.only(own), true
	}
	since := func(from int64) History {
		return h.only(func(x Moment) bool { return own(x) || decides(x.Event) && x.Event.GetReceivedAt() > from })
	}
	if _, left := q.Landmark(m, since(at.Entry)); left == LeftDecided {
		return since(at.Entry), true
	}
	return since(at.At), true
}

// guest is an id that was joined to the person.
type guest struct {
	id schemas.LeadID
	at int64
}

func (h History) joined() (list []guest) {
	for _, x := range h.Moments {
		if x.Joined == 0 {
			continue
		}
		g := guest{origin(x.Event), x.Joined}
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

// known leaves out what ids that were joined after the bar brought before they were, but for how it ended.
func (h History) known(bar int64) History {
	return h.only(func(x Moment) bool {
		received := x.Event.GetReceivedAt()
		return x.Joined <= bar || received >= x.Joined || decides(x.Event) && received > bar
	})
}

func (h History) only(keep func(Moment) bool) History {
	out := History{ID: h.ID, Site: h.Site}
	for _, x := range h.Moments {
		if keep(x) {
			out.Moments = append(out.Moments, x)
		}
	}
	return out
}

// origin is the lead of the id that the event names.
func origin(ev *pb.Event) schemas.LeadID {
	return schemas.NewLeadID(schemas.OriginKey(ev.GetSite(), ev.GetAnonymousId(), ev.GetUserId()))
}
