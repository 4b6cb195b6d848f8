package protocol

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// SegmentPixel reads the family's images: RudderStack's /pixel/v1/{track,page}?anonymousId=..&properties.plan=.., whose dotted
// names are places in the event, and Jitsu's /api/px/{type}?data=BASE64, which holds the event.
func SegmentPixel(r Request) (Batch, error) {
	if data := r.Query.Get("data"); data != "" {
		text := strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(data, "="))
		event, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil {
			return Batch{}, &Fault{BadQuery, "data is not base64"}
		}
		r.Body = string(event)
		return Segment(r)
	}
	root := map[string]any{}
	query := flat(withoutKeys(r.Query))
	for _, name := range sortedNames(query) {
		place(root, strings.Split(name, "."), query[name])
	}
	event, err := json.Marshal(root)
	if err != nil {
		return Batch{}, &Fault{BadQuery, err.Error()} // unreachable: maps and texts
	}
	r.Body = string(event)
	batch, err := Segment(r)
	if err == nil && batch.Items[0].Event.Type == "page" {
		fill(&batch.Items[0].Event.Url, r.Referer)
	}
	return batch, err
}

// place puts a text where a dotted name says. Of a and a.b the object stays.
func place(at map[string]any, path []string, text string) {
	name := path[0]
	if len(path) == 1 || len(path) > maxNesting {
		if _, taken := at[name]; !taken {
			at[name] = text
		}
		return
	}
	inner, ok := at[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		at[name] = inner
	}
	place(inner, path[1:], text)
}
