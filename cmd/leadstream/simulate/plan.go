package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Event is one event as the native protocol carries it (POST /v1/events).
// Times are Unix milliseconds.
type Event struct {
	EventID     string         `json:"event_id"`
	Type        string         `json:"type"`
	Name        string         `json:"name,omitempty"`
	AnonymousID string         `json:"anonymous_id,omitempty"`
	UserID      string         `json:"user_id,omitempty"`
	SessionID   string         `json:"session_id,omitempty"`
	ViewID      string         `json:"view_id,omitempty"`
	Timestamp   int64          `json:"timestamp"`
	ReceivedAt  int64          `json:"received_at,omitempty"`
	URL         string         `json:"url,omitempty"`
	Title       string         `json:"title,omitempty"`
	Referrer    string         `json:"referrer,omitempty"`
	EngagedMS   int64          `json:"engaged_ms,omitempty"`
	ScrollPct   int            `json:"scroll_pct,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
}

// Visitor is one simulated person.
type Visitor struct {
	AnonymousID string
	Persona     string
	Expect      Expect
}

// Plan is what will be played.
type Plan struct {
	// Sent with the public key: a day that ends at the start instant.
	Events []Event
	// Sent with the secret key as an import: older leads and what became of them.
	History  []Event
	Visitors []Visitor
	// Every id of this plan begins with it.
	Prefix string
}

// Options shape a plan.
type Options struct {
	Seed     uint64
	Visitors int
	// How many older leads with known outcomes go before; 0 = none.
	Past int
	// The instant at which the simulated day ends; ids depend on it too.
	End  time.Time
	Base string // the site's address, as pages see it
}

// NewPlan draws a plan. The same options give the same plan.
func NewPlan(o Options) *Plan {
	end := o.End.UTC().Truncate(time.Second)
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d", o.Seed, o.Visitors, end.Unix()))
	p := &Plan{Prefix: "sim-" + hex.EncodeToString(sum[:4])}
	r := rand.New(rand.NewPCG(o.Seed, uint64(end.Unix())))
	kinds := Personas()
	for i := range o.Visitors {
		kind := draw(r, kinds)
		v := Visitor{fmt.Sprintf("%s-v%04d", p.Prefix, i), kind.Name, kind.Expect}
		p.Visitors = append(p.Visitors, v)
		p.Events = append(p.Events, p.play(r, v.AnonymousID, o.Base, spread(r, kind.script(r), end.Add(-24*time.Hour), end))...)
	}
	for i := range o.Past {
		p.History = append(p.History, p.past(r, fmt.Sprintf("%s-p%04d", p.Prefix, i), o.Base, end)...)
	}
	byTime := func(a, b Event) int { return cmp.Compare(a.Timestamp, b.Timestamp) }
	slices.SortStableFunc(p.Events, byTime)
	slices.SortStableFunc(p.History, byTime)
	return p
}

func draw(r *rand.Rand, kinds []Persona) Persona {
	total := 0
	for _, k := range kinds {
		total += k.Weight
	}
	n := r.IntN(total)
	for _, k := range kinds {
		if n < k.Weight {
			return k
		}
		n -= k.Weight
	}
	panic("unreachable: weights sum to total")
}

type visit struct {
	at    time.Time
	steps []step
}

// spread lays visits out in order over (from, to), the last one ending before to.
func spread(r *rand.Rand, scripts [][]step, from, to time.Time) []visit {
	visits := make([]visit, len(scripts))
	share := to.Sub(from) / time.Duration(len(scripts))
	for i, steps := range scripts {
		secs := 0
		for _, s := range steps {
			secs += s.secs
		}
		room := share - time.Duration(secs+60)*time.Second
		offset := time.Duration(r.Int64N(max(1, int64(room))))
		visits[i] = visit{from.Add(time.Duration(i)*share + offset), steps}
	}
	return visits
}

// play turns visits into events with ids that the plan alone decides.
func (p *Plan) play(r *rand.Rand, anon, base string, visits []visit) []Event {
	var events []Event
	for n, v := range visits {
		at, view := v.at, ""
		for i, s := range v.steps {
			e := Event{
				EventID:     fmt.Sprintf("%s-%d-%d", anon, n, i),
				AnonymousID: anon,
				SessionID:   fmt.Sprintf("%s-s%d", anon, n),
				Timestamp:   at.UnixMilli(),
				URL:         base + s.path,
			}
			if s.kind == "page" {
				view = fmt.Sprintf("%s-w%d-%d", anon, n, i)
			}
			e.ViewID = view
			fill(r, &e, s)
			if i == 0 {
				e.Referrer = []string{"https://www.google.com/", "https://news.example/", ""}[r.IntN(3)]
			}
			events = append(events, e)
			at = at.Add(time.Duration(s.secs) * time.Second)
		}
	}
	return events
}

func fill(r *rand.Rand, e *Event, s step) {
	e.Type, e.Name, e.Properties = s.kind, s.name, s.props
	switch s.kind {
	case "read":
		e.Type, e.EngagedMS = "dwell", int64(s.secs)*1000
	case "scroll":
		e.ScrollPct = 100
	case "download":
		e.Type, e.Name = "click", s.name
		e.Properties = map[string]any{"kind": "download", "href": e.URL + "/" + s.name}
	case "form":
		e.Properties = map[string]any{"fields": []string{"name", "email", "company"}}
	case "identify":
		e.UserID, e.Traits = person(r)
	}
}
