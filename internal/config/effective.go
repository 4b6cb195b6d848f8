package config

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Effective writes the config in force as YAML, in the order of the structs, secrets as ***. Without secrets it loads back
// to the same values.
func Effective(src any) ([]byte, error) {
	v := reflect.Indirect(reflect.ValueOf(src))
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: Effective wants a struct, got %T", src)
	}
	if _, err := describe(v.Type()); err != nil {
		return nil, err
	}
	tree, err := plainValue(v)
	if err != nil {
		return nil, err
	}
	return yaml.MarshalWithOptions(tree, yaml.IndentSequence(true))
}

// plainValue turns a config value into what the YAML library writes without rules of its own.
func plainValue(v reflect.Value) (any, error) {
	switch {
	case v.Type() == durationType:
		return time.Duration(v.Int()).String(), nil
	case isScalar(v.Type()):
		at := reflect.New(v.Type()) // some types marshal only through a pointer, and a map's entry has none
		at.Elem().Set(v)
		if m, ok := at.Interface().(encoding.TextMarshaler); ok {
			text, err := m.MarshalText()
			return string(text), err
		}
		return v.Interface(), nil
	case v.Kind() == reflect.Struct:
		return plainSection(v)
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			item, err := plainValue(v.Index(i))
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	default:
		return plainMap(v)
	}
}

func plainSection(v reflect.Value) (any, error) {
	s := mustDescribe(v.Type())
	out := make(yaml.MapSlice, 0, len(s.keys))
	for _, key := range s.keys {
		item, err := plainValue(v.Field(s.fields[key].index))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, yaml.MapItem{Key: key, Value: item})
	}
	return out, nil
}

func plainMap(v reflect.Value) (any, error) {
	out := make(yaml.MapSlice, 0, v.Len())
	for _, key := range sortedMapKeys(v) {
		item, err := plainValue(v.MapIndex(key))
		if err != nil {
			return nil, err
		}
		out = append(out, yaml.MapItem{Key: key.String(), Value: item})
	}
	return out, nil
}

// sortedMapKeys makes every walk over a map the same walk.
func sortedMapKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	return keys
}
