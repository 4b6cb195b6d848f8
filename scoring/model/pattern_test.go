package model

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A pattern says what the regular expression says, whoever asks, whatever was asked before: more texts than it has places, texts
// that share one, and texts too long to be remembered.
func TestAPatternSaysWhatTheRegularExpressionSays(t *testing.T) {
	const text = "(demo|quote).*(request|start)|退订"
	p, err := newPattern(text)
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(text)
	var texts []string
	for i := range 2000 {
		texts = append(texts, fmt.Sprintf("%s-%d-%s", []string{"demo", "quote", "form", "退订"}[i%4], i, []string{"request", "sent", "start"}[i%3]))
	}
	texts = append(texts, "", "demo"+strings.Repeat("x", maxKnown)+"start", strings.Repeat("x", 2*maxKnown))
	var all sync.WaitGroup
	for share := range 4 {
		all.Go(func() {
			for round := range 3 {
				for i := range texts {
					asked := texts[(i*(share+1)+round)%len(texts)]
					if got, want := p.matches(asked), plain.MatchString(asked); got != want {
						t.Errorf("%q: %v, want %v", asked, got, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
	known := 0
	for i := range p.known {
		if v := p.known[i].Load(); v != nil && len(v.text) <= maxKnown {
			known++
		} else if v != nil {
			t.Errorf("%d bytes of text are remembered", len(v.text))
		}
	}
	if known < 200 {
		t.Errorf("%d of %d places are used", known, len(p.known))
	}
}
