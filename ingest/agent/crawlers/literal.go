package crawlers

import (
	"encoding/binary"
	"regexp/syntax"
)

// required are texts of which a match of the pattern holds at least one, each as long as can be had. A single "" is no help: then
// the pattern is tried on everything.
func required(pattern string) []string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic("crawlers: list.tsv: " + err.Error()) // see parse
	}
	return literals(parsed.Simplify())
}

func literals(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0])
	case syntax.OpConcat:
		best := []string{""}
		for _, part := range re.Sub {
			if found := literals(part); shortest(found) > shortest(best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, part := range re.Sub {
			all = append(all, literals(part)...)
		}
		return all
	}
	return []string{""}
}

func shortest(texts []string) int {
	least := len(texts[0])
	for _, text := range texts {
		least = min(least, len(text))
	}
	return least
}

const gramSize = 4

func gram(text string) uint32 {
	return binary.LittleEndian.Uint32([]byte(text[:gramSize]))
}

// everyday is what browsers of people send, too: grams of it would have rules tried for everybody.
const everyday = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 " +
	"(Macintosh; Intel Mac OS X 10_15_7) Version/17.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) (Linux; Android 10; K) Gecko/20100101 Firefox/130.0 Edg/130.0"

// index files each rule under the gram of its literal that the fewest others have, and no everyday text.
func (l *List) index() {
	uses := map[uint32]int{}
	for i := 0; i+gramSize <= len(everyday); i++ {
		uses[gram(everyday[i:])] += len(l.crawlers)
	}
	for _, r := range l.crawlers {
		for i := 0; i+gramSize <= len(r.literal); i++ {
			uses[gram(r.literal[i:])]++
		}
	}
	for n, r := range l.crawlers {
		if len(r.literal) < gramSize {
			l.short = append(l.short, int32(n))
			continue
		}
		best := gram(r.literal)
		for i := 1; i+gramSize <= len(r.literal); i++ {
			if g := gram(r.literal[i:]); uses[g] < uses[best] {
				best = g
			}
		}
		l.byGram[best] = append(l.byGram[best], int32(n))
	}
}
