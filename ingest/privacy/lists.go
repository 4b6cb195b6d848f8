package privacy

import "strings"

// lists are a policy's paths, by the object they begin in.
type lists struct{ properties, traits, query root }

// root are the paths below one object, without its name.
type root struct {
	deny, hash map[string]bool
	allow      map[string]bool // nil = everything
	above      map[string]bool // of what is allowed: opened, to look for it
}

func newLists(p Policy) lists {
	var l lists
	for _, r := range []struct {
		prefix string
		to     *root
	}{{"properties.", &l.properties}, {"traits.", &l.traits}, {"query.", &l.query}} {
		r.to.deny, r.to.hash, r.to.allow = below(r.prefix, p.Deny), below(r.prefix, p.Hash), below(r.prefix, p.Allow)
		if r.to.allow == nil {
			continue
		}
		r.to.above = map[string]bool{}
		for path := range r.to.allow {
			for i, c := range path {
				if c == '.' {
					r.to.above[path[:i]] = true
				}
			}
		}
	}
	return l
}

func below(prefix string, paths []string) map[string]bool {
	var found map[string]bool
	for _, path := range paths {
		if name, ok := strings.CutPrefix(path, prefix); ok {
			if found == nil {
				found = map[string]bool{}
			}
			found[name] = true
		}
	}
	return found
}

func (l lists) none() bool { return l.properties.none() && l.traits.none() && l.query.none() }

func (r root) none() bool { return r.deny == nil && r.hash == nil && r.allow == nil }

// verdict is what becomes of a value.
type verdict int

const (
	keepAll  verdict = iota // what is below it, too, but for what is denied or hashed
	keepSome                // an object that allowed values may be in; nothing else of it
	hashIt
	remove
)

// of says what becomes of the value at a path; allowed tells that the path, or one above it, is in allow.
func (r root) of(path string, allowed bool) verdict {
	switch {
	case r.deny[path]:
		return remove
	case r.hash[path]:
		return hashIt
	case r.allow == nil || allowed || r.allow[path]:
		return keepAll
	case r.above[path]:
		return keepSome
	}
	return remove
}
