package crawlers

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

//go:embed list.tsv
var listText string

// Crawler is one robot of the list, or one family of them.
type Crawler struct {
	Kind    string // the list's first tag: search-engine, seo, monitoring, ai-crawler, http-library, ...
	Pattern string // the list's regular expression, which names it
}

// List finds robots. The 1500 patterns joined into one expression cost milliseconds a user agent; so each is only tried where
// four bytes stand that it cannot do without.
type List struct {
	version  string
	crawlers []rule
	byGram   map[uint32][]int32 // four bytes -> the rules that need them
	short    []int32            // rules whose surest text is shorter than that
}

// rule is a pattern, ready to be tried.
type rule struct {
	Crawler
	literal string         // must be there
	regexp  *regexp.Regexp // nil = the literal is all
}

// Default is the list of this build. Reading it takes some milliseconds, once.
var Default = sync.OnceValue(func() *List { return parse(listText) })

// Version is the release of the list, such as 1.60.0.
func (l *List) Version() string { return l.version }

// Find is the first of the list that the user agent matches.
func (l *List) Find(userAgent string) (Crawler, bool) {
	best := int32(len(l.crawlers))
	try := func(candidates []int32) {
		for _, i := range candidates {
			if i < best && l.crawlers[i].matches(userAgent) {
				best = i
			}
		}
	}
	try(l.short)
	for i := 0; i+gramSize <= len(userAgent); i++ {
		if candidates := l.byGram[gram(userAgent[i:])]; candidates != nil {
			try(candidates)
		}
	}
	if int(best) == len(l.crawlers) {
		return Crawler{}, false
	}
	return l.crawlers[best].Crawler, true
}

func (r *rule) matches(userAgent string) bool {
	return strings.Contains(userAgent, r.literal) && (r.regexp == nil || r.regexp.MatchString(userAgent))
}

// parse panics on a list that the generator would not have written: a test reads it before any user does.
func parse(text string) *List {
	l := &List{byGram: map[uint32][]int32{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			if words := strings.Fields(comment); len(words) == 3 && words[0] == "crawler-user-agents" {
				l.version = words[1]
			}
			continue
		}
		kind, pattern, _ := strings.Cut(line, "\t")
		for _, literal := range required(pattern) {
			r := rule{Crawler: Crawler{kind, pattern}, literal: literal}
			if regexp.QuoteMeta(literal) != strings.ReplaceAll(pattern, `\/`, "/") {
				r.regexp = regexp.MustCompile(pattern)
			}
			l.crawlers = append(l.crawlers, r)
		}
	}
	l.index()
	return l
}
