package model

import (
	"hash/maphash"
	"regexp"
	"strings"
	"sync/atomic"
)

// pattern is a regular expression that remembers what it said of the last texts: names of forms and campaigns are few. It is shared by
// all partitions, and only in memory.
type pattern struct {
	*regexp.Regexp
	seed  maphash.Seed
	known [256]atomic.Pointer[verdictOf] // by the text's hash
}

type verdictOf struct {
	text string
	is   bool
}

// maxKnown bounds a text that is remembered: 256 of them are 32 KB a pattern at most.
const maxKnown = 128

func newPattern(text string) (*pattern, error) {
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	return &pattern{Regexp: compiled, seed: maphash.MakeSeed()}, nil
}

// matches is MatchString.
func (p *pattern) matches(text string) bool {
	if len(text) > maxKnown {
		return p.MatchString(text)
	}
	place := &p.known[maphash.String(p.seed, text)%uint64(len(p.known))]
	if v := place.Load(); v != nil && v.text == text {
		return v.is
	}
	is := p.MatchString(text)
	place.Store(&verdictOf{strings.Clone(text), is}) // the text is a part of a whole fetch
	return is
}
