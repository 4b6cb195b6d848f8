package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// section is what a struct type says about its keys, in the order of its fields.
type section struct {
	keys   []string
	fields map[string]field
}

type field struct {
	index int // for reflect's Field
	typ   reflect.Type
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
	secretType      = reflect.TypeFor[Secret]()
)

// describe reads the yaml tags of a struct type and of all below it. A tag it cannot serve is a mistake of the program, found
// by the first test that loads anything, and never a silent hole in the config.
func describe(t reflect.Type) (*section, error) {
	s := &section{fields: map[string]field{}}
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue // no tag, no key
		}
		if strings.ContainsAny(name, ",. ") {
			return nil, fmt.Errorf("config: %s.%s: the yaml tag %q must be one plain key; options such as inline are not served", t, sf.Name, name)
		}
		if !sf.IsExported() {
			return nil, fmt.Errorf("config: %s.%s has a yaml tag but is not exported", t, sf.Name)
		}
		if err := supported(sf.Type); err != nil {
			return nil, fmt.Errorf("config: %s.%s: %w", t, sf.Name, err)
		}
		if err := s.add(t, name, field{index: i, typ: sf.Type}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *section) add(t reflect.Type, key string, f field) error {
	if _, twice := s.fields[key]; twice {
		return fmt.Errorf("config: %s has the key %q twice", t, key)
	}
	s.keys = append(s.keys, key)
	s.fields[key] = f
	return nil
}

// supported walks a type down to its scalars.
func supported(t reflect.Type) error {
	switch {
	case isScalar(t):
		return nil
	case t.Kind() == reflect.Struct:
		_, err := describe(t)
		return err
	case t.Kind() == reflect.Slice:
		return supported(t.Elem())
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return supported(t.Elem())
	}
	return fmt.Errorf("a %s cannot be a config value", t)
}

// isScalar tells whether a value of the type is written as one word.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// mustDescribe is for types that Load has described before.
func mustDescribe(t reflect.Type) *section {
	s, err := describe(t)
	if err != nil {
		panic(err) // unreachable: Load described the whole tree first
	}
	return s
}

// join appends a key to the path of its section.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
