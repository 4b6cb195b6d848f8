package leads

import (
	"encoding/json"
	"slices"
	"strings"
)

// trait is one attribute for the lead's page.
type trait struct{ Name, Value string }

// maxTraits keeps a page readable whatever a site sends; the API has them all.
const maxTraits = 40

// traitsOf lists the attributes of a JSON object by name; texts without their quotes, all else as it was sent.
func traitsOf(raw json.RawMessage) []trait {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	var all []trait
	for name, value := range object {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		if text != "" && text != "null" {
			all = append(all, trait{name, text})
		}
	}
	slices.SortFunc(all, func(a, b trait) int { return strings.Compare(a.Name, b.Name) })
	return all[:min(maxTraits, len(all))]
}
