package model

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// attribute is one thing worth knowing of a lead, and how well each answer fits.
type attribute struct {
	id, title, titleZH string
	weight             float64
	levels             []level
	reads              []func(*Lead) bool // whether each thing it reads is known
}

// level is one answer: worth 1 fits fully, 0 not at all.
type level struct {
	when  *condition
	worth float64
}

// Bands of fit, and how much of the weights must be known for one of them. Who
// is unknown is not unfit: below that the fit is "?".
const (
	fitA, fitB, fitC = 75, 50, 25
	enoughKnown      = 0.4
)

// fitness is how well the lead fits, over what is known of it.
type fitness struct {
	value        float64 // 0..100 over the known attributes; 0 when nothing is known
	completeness float64 // weight of the known attributes over all weight
	known        float64 // that weight itself
	band         byte    // A-D, or ?
}

// known tells whether anything that the attribute reads has been said: of
// `employees >= 50 or traits.kilns >= 3` either is enough.
func (a *attribute) known(l *Lead) bool {
	for _, known := range a.reads {
		if known(l) {
			return true
		}
	}
	return false
}

// match is the worth of the first level that holds, 0 if none does.
func (a *attribute) match(e *evaluator) float64 {
	for _, level := range a.levels {
		if e.fits(level.when) {
			return level.worth
		}
	}
	return 0
}

// measure adds the known attributes up, in the file's order; each, if given, is
// told. It depends on nothing but the attributes' newest values, so it is the same
// whatever the order of the events.
func (m *Model) measure(l *Lead, each func(a *attribute, known bool, match float64)) fitness {
	f, sum, all := fitness{band: '?'}, 0.0, 0.0
	e := m.evaluator()
	defer m.release(e)
	e.look(m, l, l.clock, 0)
	for i := range m.attributes {
		a := &m.attributes[i]
		all += a.weight
		known, match := a.known(l), 0.0
		if known {
			match = a.match(e)
			f.known += a.weight
			sum += float64(a.weight * match)
		}
		if each != nil {
			each(a, known, match)
		}
	}
	if f.known == 0 {
		return f
	}
	f.value, f.completeness = float64(100*sum)/f.known, f.known/all
	switch {
	case f.completeness < enoughKnown:
	case f.value >= fitA:
		f.band = 'A'
	case f.value >= fitB:
		f.band = 'B'
	case f.value >= fitC:
		f.band = 'C'
	default:
		f.band = 'D'
	}
	return f
}

// fit is the band as one letter, or "X" when a flag rules the lead out. It is
// measured again only after an attribute has changed.
func (m *Model) fit(l *Lead) string {
	if len(l.flags) > 0 {
		return "X"
	}
	if l.fitBand == 0 {
		l.fitBand = '?'
		if len(m.attributes) > 0 {
			l.fitBand = m.measure(l, nil).band
		}
	}
	switch l.fitBand {
	case 'A':
		return "A"
	case 'B':
		return "B"
	case 'C':
		return "C"
	case 'D':
		return "D"
	}
	return "?"
}

// grade is fit and engagement in one word: "A1", "?2", or "X" when a flag rules
// the lead out.
func (m *Model) grade(l *Lead, score float64) string {
	fit := m.fit(l)
	if fit == "X" {
		return fit
	}
	return fit + strconv.Itoa(m.engagement(score))
}

// fits asks one level's condition about the lead.
func (e *evaluator) fits(c *condition) bool {
	if c.quickFit != nil {
		return c.quickFit(e.now)
	}
	if !e.personFilled {
		e.fillPerson()
	}
	is, err := c.holds(&e.machine, e.person)
	return is && err == nil
}

// fitVocabulary is the names a fit attribute may use, but for traits.
var fitVocabulary = vocabulary[*Lead]{
	texts: map[string]func(*Lead) string{
		"email":        (*Lead).email,
		"email_domain": (*Lead).emailDomain,
		"company":      (*Lead).company,
		"country":      (*Lead).countryName,
		"role":         (*Lead).role,
		"industry":     (*Lead).industry,
	},
	numbers: map[string]func(*Lead) float64{"employees": (*Lead).employees},
}

// fitEnv shows every name of a fit attribute with a value of its type.
func fitEnv() map[string]any {
	env := map[string]any{"traits": map[string]any{}}
	for name := range fitVocabulary.texts {
		env[name] = ""
	}
	for name := range fitVocabulary.numbers {
		env[name] = 0.0
	}
	return env
}

// FitWords are the names that a fit attribute's `when` may use, sorted.
func FitWords() []string { return slices.Sorted(maps.Keys(fitEnv())) }

func (e *evaluator) fillPerson() {
	e.personFilled = true
	for name, get := range fitVocabulary.texts {
		e.person[name] = get(e.now)
	}
	for name, get := range fitVocabulary.numbers {
		e.person[name] = get(e.now)
	}
	e.person["traits"] = emptyObject
	if e.model.fitNeeds["traits"] {
		e.person["traits"] = jsonObject(e.now.traitsJSON())
	}
}

// emailDomain is what stands behind the @, in small letters.
func (l *Lead) emailDomain() string {
	_, domain, _ := strings.Cut(l.email(), "@")
	return strings.ToLower(strings.TrimSpace(domain))
}

// role is the person's job, as the sender's library spells it.
func (l *Lead) role() string {
	return firstOf(l.text("role"), l.text("title"), l.text("job_title"), l.text("jobTitle"), l.text("position"))
}

func (l *Lead) industry() string {
	return firstOf(l.text("industry"), l.text(companyPrefix+"industry"), l.inner("company", "industry"))
}

// employees is how many work there, 0 if nobody said. Of "51-200" it is 51.
func (l *Lead) employees() float64 {
	for _, key := range []string{"employees", "company_size", companyPrefix + "employees", companyPrefix + "employee_count", companyPrefix + "size"} {
		if n := l.amount(key); n > 0 {
			return n
		}
	}
	return 0
}

// amount reads a trait that is a number, or a text that begins with one.
func (l *Lead) amount(key string) float64 {
	raw := l.raw(key)
	if raw == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(raw, 64); err == nil {
		return n
	}
	digits := []byte{}
	for _, c := range []byte(l.text(key)) {
		switch {
		case c >= '0' && c <= '9' || c == '.':
			digits = append(digits, c)
		case c != ',' && c != ' ':
			return number64(digits)
		}
	}
	return number64(digits)
}

func number64(digits []byte) float64 {
	n, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		return 0
	}
	return n
}
