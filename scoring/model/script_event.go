package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// sessionGap of silence ends a session, as in the tracker.
const sessionGap = 30 * msMinute

// scriptFields are the fields of an event that key=value sets; any other key is a
// property, or an attribute on identify and group.
var scriptFields = map[string]func(*pb.Event, string){
	"id":           func(ev *pb.Event, v string) { ev.EventId = v },
	"name":         func(ev *pb.Event, v string) { ev.Name = v },
	"session":      func(ev *pb.Event, v string) { ev.SessionId = v },
	"view":         func(ev *pb.Event, v string) { ev.ViewId = v },
	"path":         func(ev *pb.Event, v string) { ev.Path = v },
	"host":         func(ev *pb.Event, v string) { ev.Host = v },
	"title":        func(ev *pb.Event, v string) { ev.Title = v },
	"referrer":     func(ev *pb.Event, v string) { ev.ReferrerHost = v },
	"channel":      func(ev *pb.Event, v string) { ev.Channel = v },
	"utm_source":   func(ev *pb.Event, v string) { ev.UtmSource = v },
	"utm_medium":   func(ev *pb.Event, v string) { ev.UtmMedium = v },
	"utm_campaign": func(ev *pb.Event, v string) { ev.UtmCampaign = v },
	"country":      func(ev *pb.Event, v string) { ev.Country = v },
	"device":       func(ev *pb.Event, v string) { ev.Device = v },
	"user":         func(ev *pb.Event, v string) { ev.UserId = v },
}

// event makes the event a line describes: its type, then what it is about, then
// key=value pairs and the bare words bot, denied, unsigned.
func (r *scriptRun) event(kind string, words []string) (*pb.Event, error) {
	if !schemas.KnownType(kind) {
		return nil, fmt.Errorf("nothing is called %.40q%s", kind, suggest(kind, append([]string{"silence"}, schemas.EventTypes...)))
	}
	l := r.lead
	if l.lastAt == 0 || r.now-l.lastAt > sessionGap {
		l.session++
	}
	l.lastAt = r.now
	ev := &pb.Event{
		EventId: fmt.Sprintf("%s:%d", l.name, r.line), Site: "script", Type: kind, AnonymousId: l.name,
		EventTime: r.now, ReceivedAt: r.now, SessionId: fmt.Sprintf("%s-s%d", l.name, l.session),
		Host: "www.example.com", Protocol: "script", Trusted: kind == "crm",
	}
	words, err := r.subject(ev, words)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	for _, word := range words {
		if err := scriptPair(ev, object, word); err != nil {
			return nil, err
		}
	}
	if len(object) > 0 {
		data, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("properties: %w", err)
		}
		if kind == "identify" || kind == "group" {
			ev.Traits = data
		} else {
			ev.Properties = data
		}
	}
	return ev, nil
}

// subject reads the words that stand without a key: a path, a name, an amount.
func (r *scriptRun) subject(ev *pb.Event, words []string) ([]string, error) {
	take := func() string {
		if len(words) == 0 || strings.Contains(words[0], "=") {
			return ""
		}
		word := words[0]
		words = words[1:]
		return word
	}
	switch ev.Type {
	case "page", "screen":
		ev.Path = take()
		ev.ViewId = ev.EventId
		r.lead.views[ev.Path] = ev.ViewId
	case "dwell", "scroll":
		ev.Path = take()
		ev.ViewId = r.lead.views[ev.Path]
		if ev.Path == "" || ev.ViewId == "" {
			return nil, fmt.Errorf("%s of which page? first: at TIME page %s", ev.Type, firstOf(ev.Path, "/path"))
		}
		return words, r.measure(ev, take())
	case "identify":
		ev.UserId = take()
		if strings.Contains(ev.UserId, "@") {
			words = append(slices.Clone(words), "email="+ev.UserId)
		}
	default:
		ev.Name = take()
	}
	return words, nil
}

// measure reads `dwell /path 60s` and `scroll /path 80%`.
func (r *scriptRun) measure(ev *pb.Event, word string) error {
	if ev.Type == "dwell" {
		ms, err := parseDuration(word)
		if err != nil {
			return err
		}
		ev.EngagedMs = uint32(min(ms, 1<<31))
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(word, "%"), 10, 32)
	if err != nil {
		return fmt.Errorf("how far? write: scroll %s 80%%", ev.Path)
	}
	ev.ScrollPct = uint32(n)
	return nil
}

// scriptPair reads one key=value, or one of the bare words.
func scriptPair(ev *pb.Event, object map[string]any, word string) error {
	key, text, paired := strings.Cut(word, "=")
	switch {
	case !paired && key == "bot":
		ev.Bot = true
		return nil
	case !paired && key == "denied":
		ev.Consent = pb.Consent_CONSENT_DENIED
		return nil
	case !paired && key == "unsigned":
		ev.Trusted = false
		return nil
	case !paired:
		return fmt.Errorf("%.40q: want key=value, or bot, denied, unsigned", word)
	case key == "late":
		ms, err := parseDuration(text)
		if err != nil {
			return err
		}
		ev.EventTime = ev.ReceivedAt - ms
		return nil
	}
	if set, ok := scriptFields[key]; ok {
		set(ev, strings.ToValidUTF8(text, "?"))
		return nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !bad(n) {
		object[key] = n
		return nil
	}
	object[key] = text
	return nil
}

// ScriptFields are the keys that set a field of the event, sorted.
func ScriptFields() []string { return slices.Sorted(maps.Keys(scriptFields)) }
