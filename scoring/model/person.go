package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// trait is one attribute, the newest value anyone sent.
type trait struct {
	key   string
	value []byte // JSON, compact
	stamp stamp
}

// Bounds of what is kept of a person. Past maxTraits the keys that come first in
// the alphabet stay, which again does not depend on order.
const (
	maxTraits     = 64
	maxTraitKey   = 128
	maxTraitValue = 4 << 10
)

// companyPrefix sets the attributes of a group call apart: its "name" is the
// company's, not the person's.
const companyPrefix = "company."

// person takes ids, country and attributes from the event; for each the newest
// event wins, however late it comes.
func (a *application) person() {
	l, ev := a.l, a.ev
	changed := l.userID.set(ev.GetUserId(), a.stamp)
	changed = l.anonymousID.set(ev.GetAnonymousId(), a.stamp) || changed
	if was := l.country.value; l.country.set(ev.GetCountry(), a.stamp) {
		changed = true
		if l.country.value != was {
			l.fitBand = 0 // to be measured again
		}
	}
	prefix := ""
	switch ev.GetType() {
	case "group":
		prefix = companyPrefix
	case "identify":
	default:
		if len(ev.GetTraits()) == 0 {
			a.out.Changed = a.out.Changed || changed
			return
		}
	}
	changed = a.traits(prefix) || changed
	a.out.Changed = a.out.Changed || changed
}

func (a *application) traits(prefix string) (changed bool) {
	data := a.ev.GetTraits()
	if len(data) < 3 || len(data) > maxObject {
		return false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return false // no object: the collectors checked, an old record may differ
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		var value bytes.Buffer
		if json.Compact(&value, object[key]) != nil || value.Len() > maxTraitValue {
			continue
		}
		key = prefix + key
		if key == "" || len(key) > maxTraitKey {
			continue
		}
		changed = a.l.setTrait(trait{key, value.Bytes(), a.stamp}) || changed
	}
	return changed
}

// setTrait keeps the newer value.
func (l *Lead) setTrait(t trait) bool {
	i, found := slices.BinarySearchFunc(l.traits, t.key, compareTrait)
	if !found || !bytes.Equal(l.traits[i].value, t.value) {
		l.fitBand = 0 // to be measured again
	}
	switch {
	case found:
		if !t.stamp.after(l.traits[i].stamp) {
			return false
		}
		l.traits[i] = t
		return true
	case i >= maxTraits:
		return false
	}
	l.traits = slices.Insert(l.traits, i, t)
	if len(l.traits) > maxTraits {
		l.traits = l.traits[:maxTraits]
	}
	return true
}

func compareTrait(t trait, key string) int { return strings.Compare(t.key, key) }

// raw is a trait's JSON, "" if nobody said it.
func (l *Lead) raw(key string) string {
	i, found := slices.BinarySearchFunc(l.traits, key, compareTrait)
	if !found {
		return ""
	}
	return string(l.traits[i].value)
}

// text is a trait that is a JSON string, else "".
func (l *Lead) text(key string) string {
	i, found := slices.BinarySearchFunc(l.traits, key, compareTrait)
	if !found {
		return ""
	}
	var s string
	if json.Unmarshal(l.traits[i].value, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// inner is a text inside a trait that is an object, such as company.name.
func (l *Lead) inner(key, field string) string {
	i, found := slices.BinarySearchFunc(l.traits, key, compareTrait)
	if !found {
		return ""
	}
	var object map[string]any
	if json.Unmarshal(l.traits[i].value, &object) != nil {
		return ""
	}
	s, _ := object[field].(string)
	return strings.TrimSpace(s)
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// name is the person's, as the sender's library spells it: Segment says
// firstName, forms say first_name.
func (l *Lead) name() string {
	given := firstOf(l.text("first_name"), l.text("firstName"))
	family := firstOf(l.text("last_name"), l.text("lastName"))
	return firstOf(l.text("name"), strings.TrimSpace(given+" "+family))
}

func (l *Lead) email() string { return l.text("email") }

func (l *Lead) company() string {
	return firstOf(l.text("company"), l.inner("company", "name"), l.text("company_name"),
		l.text(companyPrefix+"name"))
}

func (l *Lead) countryName() string {
	return firstOf(l.text("country"), l.inner("address", "country"), l.country.value)
}

// identified tells whether the lead is more than a cookie.
func (l *Lead) identified() bool {
	if l.userID.value != "" {
		return true
	}
	i, found := slices.BinarySearchFunc(l.traits, "email", compareTrait)
	return found && len(l.traits[i].value) > len(`""`) && l.traits[i].value[0] == '"'
}

// traitsJSON is all attributes as one JSON object.
func (l *Lead) traitsJSON() []byte {
	out := []byte{'{'}
	for i, t := range l.traits {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(t.key)
		if err != nil {
			key = []byte(`""`) // strings always marshal
		}
		out = append(append(append(out, key...), ':'), t.value...)
	}
	return append(out, '}')
}
