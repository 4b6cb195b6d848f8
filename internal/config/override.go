package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// environment turns NAME=value pairs into a map.
func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

// readEnv sets a key for every variable with the prefix. A name nobody knows is a fault: a misspelt variable that is passed
// over would leave its default in force, and nothing would say so.
func (l *loader) readEnv() {
	if l.opts.Prefix == "" {
		return
	}
	keys, ok := l.envNames()
	if !ok {
		return
	}
	for _, name := range sortedKeys(l.env) {
		if !strings.HasPrefix(name, l.opts.Prefix+"_") || l.ignored(name) {
			continue
		}
		key, known := keys[name]
		if !known {
			text := "unknown variable"
			if near := Nearest(name, sortedKeys(keys)); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			l.fault(Fault{Where: name, Text: text})
			continue
		}
		l.override(name, key, l.env[name])
	}
}

// envNames maps variable names to keys. Two keys with one name (a.b_c and a_b.c) are a mistake of the program.
func (l *loader) envNames() (map[string]string, bool) {
	names := map[string]string{}
	for _, key := range sortedKeys(l.schema.scalarKeys()) {
		name := EnvName(l.opts.Prefix, key)
		if other, twice := names[name]; twice {
			l.fault(Fault{Where: name, Text: fmt.Sprintf("stands for both %s and %s; one of the two keys needs another name", other, key)})
			return nil, false
		}
		names[name] = key
	}
	return names, true
}

// EnvName is the variable that sets a key: ("LEADSTREAM", "ingest.listen") gives LEADSTREAM_INGEST_LISTEN.
func EnvName(prefix, key string) string {
	return prefix + "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

func (l *loader) ignored(name string) bool {
	return slices.ContainsFunc(l.opts.IgnoreEnv, func(pattern string) bool {
		if prefix, star := strings.CutSuffix(pattern, "*"); star {
			return strings.HasPrefix(name, prefix)
		}
		return name == pattern
	})
}

const setSource = "--set"

// readSet applies the command line's key=value pairs, the last word on every key.
func (l *loader) readSet() {
	keys := l.schema.scalarKeys()
	for _, pair := range l.opts.Set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			l.fault(Fault{Where: setSource, Text: fmt.Sprintf("%q is not KEY=VALUE, such as telemetry.listen=127.0.0.1:9464", pair)})
			continue
		}
		if _, known := keys[key]; !known {
			text := "unknown key"
			if near := Nearest(key, sortedKeys(keys)); near != "" {
				text += fmt.Sprintf("; did you mean %q?", near)
			}
			l.fault(Fault{Where: setSource, Key: key, Text: text})
			continue
		}
		l.override(setSource, key, value)
	}
}

// override sets one key of the tree from text.
func (l *loader) override(source, key, text string) {
	v := l.root
	for name := range strings.SplitSeq(key, ".") {
		v = v.Field(mustDescribe(v.Type()).fields[name].index)
	}
	if v.Kind() == reflect.Struct && !isScalar(v.Type()) {
		l.fault(Fault{Where: source, Key: key, Text: "is a section; set one of its keys: " + strings.Join(mustDescribe(v.Type()).keys, ", ")})
		return
	}
	if err := setText(v, text); err != nil {
		l.fault(Fault{Where: source, Key: key, Text: err.Error()})
		return
	}
	for known := range l.origins { // places of the elements of a list that is gone
		if strings.HasPrefix(known, key+"[") {
			delete(l.origins, known)
		}
	}
	l.origins[key] = origin{source: source}
}
