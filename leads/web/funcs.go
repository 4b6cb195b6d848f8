package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"leadstream/schemas"
)

// funcs are what templates may call; those that speak are bound to a language.
func (p *Pages) funcs(lang string) template.FuncMap {
	index := slices.Index(Languages, lang)
	say := func(key string) (string, error) {
		text, ok := words[key]
		if !ok {
			return "", fmt.Errorf("no text %q", key)
		}
		return text[index], nil
	}
	pick := func(en, zh string) string {
		if index == 1 && zh != "" {
			return zh
		}
		return en
	}
	return template.FuncMap{
		"t":     say,
		"pick":  pick,
		"asset": p.asset,
		"stage": func(s schemas.StageName) string { return pick(s.EN, s.ZH) },
		"act":   func(kind string) string { return actWord(kind, index) },
		"cause": func(cause string) (string, error) {
			return say("cause_" + oneOf(cause, schemas.CauseEvent, schemas.StageCauses...))
		},
		"move":    func(way string) (string, error) { return say(oneOf(way, "move", "promote", "demote")) },
		"reason":  func(r string) (string, error) { return say("reason_" + oneOf(r, "other", "ok", "cap", "dup", "late")) },
		"say":     actWords(index),
		"json":    toJSON,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"short":   func(id string) string { return id[:min(4, len(id))] },
		"initial": initial,
		"score":   func(v float64) string { return fixed(v, 1) },
		"fixed":   fixed,
		"signed":  signed,
		"whole":   func(v float64) string { return grouped(fixed(v, 0)) },
		"minus":   func(v float64) string { return strings.Replace(fixed(v, 0), "-", "−", 1) },
		"count":   func(n uint64) string { return grouped(fmt.Sprint(n)) },
		"percent": func(v float64) string { return fixed(100*v, 1) },
		"heat":    heat,
		"share":   share,
		"abs":     math.Abs,
		"mul":     func(a, b float64) float64 { return a * b },
		"number":  func(n uint32) float64 { return float64(n) },
		"float":   func(n uint64) float64 { return float64(n) },
		"reading": func(ms uint32) string { return reading(ms, index) },
		"dict":    dict,
		"link":    link,
		"split":   strings.Fields,
		"sub":     subtract,

		"absmax":      maxOf(func(r schemas.RuleValue) float64 { return math.Abs(r.Points) }),
		"topinterest": maxOf(func(i schemas.Interest) float64 { return i.Points }),
	}
}

// oneOf keeps a word that is known, else the fallback.
func oneOf(word, fallback string, known ...string) string {
	if slices.Contains(known, word) {
		return word
	}
	return fallback
}

func actWord(kind string, index int) string {
	if text, ok := words["act_"+kind]; ok {
		return text[index]
	}
	return kind
}

// actWords are the texts that the script needs as well.
func actWords(index int) func() (string, error) {
	return func() (string, error) {
		texts := map[string]string{"visitor": words["visitor"][index]}
		for key, text := range words {
			if kind, ok := strings.CutPrefix(key, "act_"); ok {
				texts[kind] = text[index]
			}
		}
		return toJSON(texts)
	}
}

func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

func initial(name string) string {
	for _, r := range strings.TrimSpace(name) {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// fixed never says -0.0.
func fixed(v float64, decimals int) string {
	text := fmt.Sprintf("%.*f", decimals, v)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-")
	}
	return text
}

// signed shows points with their sign; the minus is a real one, as wide as the plus.
func signed(v float64) string {
	text := fixed(v, 1)
	if strings.HasPrefix(text, "-") {
		return "−" + text[1:]
	}
	return "+" + text
}

func grouped(digits string) string {
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// heat is a score's class of colour, 0 (cold) to 4.
func heat(score float64) int {
	switch {
	case score >= 75:
		return 4
	case score >= 50:
		return 3
	case score >= 25:
		return 2
	case score >= 5:
		return 1
	}
	return 0
}

// share is v of whole in percent for a bar, 0 to 100.
func share(v, whole float64) string {
	if !(whole > 0) || !(v > 0) {
		return "0"
	}
	return fixed(min(100, 100*v/whole), 2)
}

// reading is engaged time.
func reading(ms uint32, index int) string {
	seconds := ms / 1000
	if seconds < 60 {
		return fmt.Sprintf("%d %s", seconds, words["seconds_short"][index])
	}
	return fmt.Sprintf("%d:%02d %s", seconds/60, seconds%60, words["minutes_short"][index])
}

// dict makes a map of pairs, to hand several things to one part.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: a key without a value")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no key", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// link is a lead's page.
func link(id, track string) string {
	return "/leads/" + id + "?track=" + template.URLQueryEscaper(track)
}

// maxOf finds the largest value of a list, for bars that share a scale.
func maxOf[T any](value func(T) float64) func([]T) float64 {
	return func(list []T) float64 {
		var top float64
		for _, one := range list {
			top = max(top, value(one))
		}
		return top
	}
}

// subtract works on what share gave.
func subtract(a, b string) (string, error) {
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return "", err
	}
	y, err := strconv.ParseFloat(b, 64)
	return fixed(max(0, x-y), 2), err
}
