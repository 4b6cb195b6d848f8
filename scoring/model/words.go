package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Words are the texts that many packed leads share: rules, stages, sites, paths.
// A packed lead says a number instead. Numbers are given once and for good, so a
// lead packed long ago can be read; the table is stored beside the leads.
type Words struct {
	texts []string
	byID  map[string]uint32
	terms []term // what a rule's word means, by the word's number
	// The model that terms' indexes belong to, and the numbers of its rules' words, plus one.
	model string
	rules []uint32
}

// term is a rule under one half-life: two models that disagree about it have two.
type term struct {
	rule     string
	halfLife float64
	index    int32
}

// Bounds of the table, so that a site with a million paths does not fill it: what
// has no number is written out in full. Rules are always taken.
const (
	maxTexts = 1 << 14      // the end for paths and names
	maxWords = 2 * maxTexts // the end for what there is less of: sites, types, stages
	maxWord  = 64           // bytes
)

// NewWords is an empty table.
func NewWords() *Words { return &Words{byID: map[string]uint32{}} }

// Texts are the words in the order of their numbers. The slice is not to be changed.
func (w *Words) Texts() []string { return w.texts[:len(w.texts):len(w.texts)] }

// LoadWords makes the table that had these texts.
func LoadWords(texts []string) *Words {
	w := NewWords()
	for _, s := range texts {
		w.insert(strings.Clone(s))
	}
	return w
}

// number finds a word's number, or gives it one while there are fewer than limit.
func (w *Words) number(s string, limit int) (n uint32, ok bool) {
	n, ok = w.byID[s]
	if ok || len(w.texts) >= limit || len(s) > maxWord {
		return n, ok
	}
	return w.insert(strings.Clone(s)), true // a copy: s may be a part of a megabyte that was fetched
}

func (w *Words) insert(s string) uint32 {
	n := uint32(len(w.texts))
	w.texts, w.terms = append(w.texts, s), append(w.terms, term{index: -1})
	w.byID[s] = n
	return n
}

// text is the word of a number.
func (w *Words) text(n uint64) (string, error) {
	if n >= uint64(len(w.texts)) {
		return "", fmt.Errorf("word %d of %d", n, len(w.texts))
	}
	return w.texts[n], nil
}

// termNumber is the number of a rule under a half-life. Its word ends in a zero byte
// and the half-life's bits, which no other text does by accident: ids are plain words.
func (w *Words) termNumber(model string, s *ruleState) uint32 {
	if model != w.model || model == "" || s.index < 0 {
		return w.termWord(s.rule, s.halfLife)
	}
	for int(s.index) >= len(w.rules) {
		w.rules = append(w.rules, 0)
	}
	known := &w.rules[s.index] // bound to the model: the half-life is the rule's
	if *known == 0 {
		*known = w.termWord(s.rule, s.halfLife) + 1
	}
	return *known - 1
}

func (w *Words) termWord(rule string, halfLife float64) uint32 {
	var buffer [maxWord]byte
	b := append(append(buffer[:0], rule...), 0)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(halfLife))
	if n, ok := w.byID[string(b)]; ok {
		return n
	}
	return w.insert(string(b))
}

// bind forgets what belonged to another model.
func (w *Words) bind(model string) {
	if w.model != model {
		clear(w.terms)
		clear(w.rules)
		w.model = model
	}
}

// term is a rule's word taken apart, with its index in the model.
func (w *Words) term(n uint64, m *Model) (term, error) {
	if n >= uint64(len(w.texts)) {
		return term{}, fmt.Errorf("rule's word %d of %d", n, len(w.texts))
	}
	w.bind(m.version)
	t := &w.terms[n]
	if t.rule == "" {
		s := w.texts[n]
		cut := len(s) - 9
		if cut < 1 || s[cut] != 0 {
			return term{}, fmt.Errorf("word %q is no rule's", s)
		}
		t.rule, t.halfLife, t.index = s[:cut], math.Float64frombits(binary.BigEndian.Uint64([]byte(s[cut+1:]))), -1
		if r := m.ruleByID(t.rule); r != nil {
			t.index = r.index
		}
	}
	return *t, nil
}
