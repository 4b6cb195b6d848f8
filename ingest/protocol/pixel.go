package protocol

import (
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"strings"

	"leadstream/schemas/pb"
)

// Pixel reads GET /v1/pixel.gif: one event in the query, for mails and pages without scripts. The names are those of the
// native form; p.NAME is a property. Without a type it is a page view of the page that the pixel stands on.
func Pixel(r Request) (Batch, error) {
	var batch Batch
	it := batch.add()
	it.Raw = withoutKeys(r.Query).Encode()
	e := it.Event
	properties := map[string]string{}
	for name := range r.Query {
		value := r.Query.Get(name)
		if field := nativeText(e, name); field != nil {
			*field = value
			continue
		}
		switch name {
		case "timestamp":
			it.At = parseInstant(value)
		case "engaged_ms":
			e.EngagedMs = countOf(value, math.MaxUint32)
		case "scroll_pct":
			e.ScrollPct = countOf(value, 100)
		case "consent":
			e.Consent = consentWord(value)
		default:
			if property, ok := strings.CutPrefix(name, "p."); ok && property != "" {
				properties[property] = value
			}
		}
	}
	if err := setProperties(e, properties); err != nil {
		it.fault(BadProperties, err.Error())
	}
	fill(&e.Type, "page")
	if e.Type == "page" {
		fill(&e.Url, r.Referer)
	}
	if e.AnonymousId == "" && e.UserId == "" && e.Consent == pb.Consent_CONSENT_UNKNOWN {
		e.Consent = pb.Consent_CONSENT_COOKIELESS // an image keeps nothing: there is no other way to know its reader
	}
	if len(it.Raw) > r.Limits.Bytes {
		it.fault(TooLarge, "the query is longer than an event may be")
	}
	return batch, nil
}

// setProperties writes them in the order of their names, so that the same query is the same bytes.
func setProperties(e *pb.Event, properties map[string]string) error {
	if len(properties) == 0 {
		return nil
	}
	raw, err := json.Marshal(properties)
	if err != nil {
		return err
	}
	e.Properties, _ = compact(string(raw))
	return nil
}

// withoutKeys is the query as a dead letter may repeat it.
func withoutKeys(query url.Values) url.Values {
	out := maps.Clone(query)
	for _, name := range KeyNames {
		delete(out, name)
	}
	return out
}

// KeyNames are the names under which a query may hold the write key.
var KeyNames = []string{"key", "writeKey"}
