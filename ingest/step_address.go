package ingest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"leadstream/ingest/protocol"
	"leadstream/schemas/pb"
)

// parseAddress reads host, path and campaign out of the page's url, and the host of where the visitor came from. Campaign
// names that the event itself carries come first.
func parseAddress(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	if e.Url != "" {
		if a, ok := addressOf(f, &e.Url); ok {
			e.Host, e.Path = host(f, a.host), clean(f, a.path)
			if e.Path == "" && e.Host != "" {
				e.Path = "/"
			}
			campaign(f, e, a.query)
		} else {
			f.note(urlUnreadable)
		}
	}
	if visit := visitCampaign(e); visit != "" {
		campaign(f, e, visit)
	}
	if e.Referrer != "" {
		if a, ok := addressOf(f, &e.Referrer); ok {
			e.ReferrerHost = host(f, a.host)
		}
	}
	return nil
}

// address is what steps look at of a url.
type address struct{ host, path, query string }

// addressOf reads an event's url, and takes a login out of it.
func addressOf(f *facts, text *string) (a address, ok bool) {
	if a.host, a.path, a.query, ok = plainAddress(*text); ok {
		return a, true
	}
	u, err := url.Parse(*text)
	if err != nil {
		return address{}, false
	}
	if u.User != nil {
		u.User = nil
		*text = u.String()
		f.note(credentialsCut)
	}
	return address{u.Hostname(), u.Path, u.RawQuery}, true
}

func host(f *facts, name string) string {
	return cut(f, clean(f, strings.ToLower(strings.TrimSuffix(name, "."))), maxLabel)
}

// visitCampaign is what our tracker says of the landing page on the later pages of a visit: a query, "utm_source=x&gclid=y".
func visitCampaign(e *pb.Event) string {
	if e.Type != "page" || !bytes.Contains(e.Properties, []byte(`"session_campaign"`)) {
		return ""
	}
	var properties struct {
		Campaign any `json:"session_campaign"`
	}
	if err := json.Unmarshal(e.Properties, &properties); err != nil {
		return "" // unreachable: the decoder has checked it
	}
	text, _ := properties.Campaign.(string)
	return text
}

// campaign fills the utm fields that are still empty from a query.
func campaign(f *facts, e *pb.Event, query string) {
	if !strings.Contains(query, "utm_") {
		return
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		var field *string
		switch name {
		case "utm_source":
			field = &e.UtmSource
		case "utm_medium":
			field = &e.UtmMedium
		case "utm_campaign":
			field = &e.UtmCampaign
		case "utm_term":
			field = &e.UtmTerm
		case "utm_content":
			field = &e.UtmContent
		default:
			continue
		}
		if text, err := url.QueryUnescape(value); err == nil && *field == "" {
			*field = cut(f, clean(f, text), maxLabel)
		}
	}
}
