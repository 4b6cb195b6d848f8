package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Validator is a section, or any value type, that has rules of its own.
type Validator interface{ Validate() error }

// validate asks v and everything below it, whether or not a source set it: a default can be at fault too.
func (l *loader) validate(v reflect.Value, path string) {
	if rules, ok := v.Addr().Interface().(Validator); ok {
		for _, err := range flatten(rules.Validate()) {
			// Keys are relative to the section; one written in full is understood too.
			key, text := splitKey(v.Type(), strings.TrimPrefix(err.Error(), path+"."))
			l.faultAt(join(path, key), text)
		}
	}
	l.descend(v, path, l.validate)
}

// flatten undoes errors.Join, however deep.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return []error{err}
	}
	if _, wrapped := err.(interface{ Unwrap() error }); wrapped {
		return []error{err} // a sentence around a list: keep the sentence
	}
	var all []error
	for _, one := range many.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

// splitKey takes "batch.rows: must be 1..10" apart when the section has the key batch; any other text is about the section.
func splitKey(t reflect.Type, text string) (key, rest string) {
	before, after, found := strings.Cut(text, ": ")
	if !found || t.Kind() != reflect.Struct || strings.ContainsAny(before, " \n") {
		return "", text
	}
	first := before
	if end := strings.IndexAny(before, ".["); end >= 0 {
		first = before[:end]
	}
	if _, known := mustDescribe(t).fields[first]; !known {
		return "", text
	}
	return before, after
}

// faultAt reports a value by the place it was set at; one that stands nowhere, by the entry of the file that should hold it.
func (l *loader) faultAt(path, text string) {
	f := Fault{Key: strings.TrimSuffix(path, "."), Text: text}
	if from, set := l.origins[f.Key]; set {
		f.Where, f.Line = from.source, from.line
		l.fault(f)
		return
	}
	for up := parent(f.Key); up != ""; up = parent(up) {
		if from, set := l.origins[up]; set && from.line > 0 {
			f.Where, f.Line = from.source, from.line
			break
		}
	}
	l.fault(f)
}

func parent(path string) string {
	if cut := strings.LastIndexAny(path, ".["); cut >= 0 {
		return path[:cut]
	}
	return ""
}

// descend calls visit for the direct children of v. A map's entries are visited as copies and put back, since Go lets no one
// point into a map.
func (l *loader) descend(v reflect.Value, path string, visit func(reflect.Value, string)) {
	switch {
	case isScalar(v.Type()):
	case v.Kind() == reflect.Struct:
		s := mustDescribe(v.Type())
		for _, key := range s.keys {
			visit(v.Field(s.fields[key].index), join(path, key))
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case v.Kind() == reflect.Map:
		for _, key := range sortedMapKeys(v) {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(key))
			visit(item, join(path, key.String()))
			v.SetMapIndex(key, item)
		}
	}
}
