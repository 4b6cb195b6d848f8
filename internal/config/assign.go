package config

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// assign writes a YAML node into v, a value of the tree at path. What does not fit becomes a fault and leaves v as it was.
func (l *loader) assign(body ast.Node, v reflect.Value, path string) {
	known := anchors{}
	ast.Walk(known, body)
	a := &assigner{loader: l, anchors: known}
	a.node(body, v, path)
}

type assigner struct {
	*loader
	anchors
}

func (a *assigner) node(raw ast.Node, v reflect.Value, path string) {
	n := a.plain(raw)
	if n == nil {
		a.wrong(raw, path, "the alias leads nowhere, or to itself")
		return
	}
	switch {
	case isScalar(v.Type()):
		a.scalar(n, v, path)
	case v.Kind() == reflect.Struct:
		a.section(n, v, path)
	case v.Kind() == reflect.Slice:
		a.list(n, v, path)
	default:
		a.entries(n, v, path)
	}
}

func (a *assigner) scalar(n ast.Node, v reflect.Value, path string) {
	text, ok := scalarOf(n)
	if !ok {
		hint := ""
		if n.Type() == ast.NullType {
			hint = `; remove the key to keep the default, or write "" for empty`
		}
		a.wrong(n, path, fmt.Sprintf("must be a single value (got %s)%s", nodeWord(n), hint))
		return
	}
	if err := setScalar(v, text); err != nil {
		a.wrong(n, path, err.Error())
	}
}

// section assigns a struct's keys. A section left empty, all its keys commented out, keeps its defaults.
func (a *assigner) section(n ast.Node, v reflect.Value, path string) {
	if n.Type() == ast.NullType {
		return
	}
	pairs, ok := mappingOf(n)
	if !ok {
		a.wrong(n, path, fmt.Sprintf("must be a section of keys (got %s)", nodeWord(n)))
		return
	}
	s := mustDescribe(v.Type())
	first := map[string]int{}
	for _, pair := range pairs {
		key, ok := a.key(pair, path, first)
		if !ok {
			continue
		}
		f, known := s.fields[key]
		if !known {
			line, col := position(pair.Key.GetToken())
			a.fault(Fault{Where: a.opts.File, Line: line, Col: col, Key: join(path, key), Text: "unknown key" + suggest(a.schema, s, path, key)})
			continue
		}
		a.node(pair.Value, v.Field(f.index), join(path, key))
	}
}

// list replaces the default list.
func (a *assigner) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		a.wrong(n, path, fmt.Sprintf("must be a list (got %s); write [] for none", nodeWord(n)))
		return
	}
	if len(seq.Values) == 0 {
		v.SetZero()
		return
	}
	made := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		a.came(at, item)
		a.node(item, made.Index(i), at)
	}
	v.Set(made)
}

// entries replaces the default map.
func (a *assigner) entries(n ast.Node, v reflect.Value, path string) {
	pairs, ok := mappingOf(n)
	if !ok {
		a.wrong(n, path, fmt.Sprintf("must be a map of named entries (got %s); write {} for none", nodeWord(n)))
		return
	}
	if len(pairs) == 0 {
		v.SetZero()
		return
	}
	made := reflect.MakeMapWithSize(v.Type(), len(pairs))
	first := map[string]int{}
	for _, pair := range pairs {
		key, ok := a.key(pair, path, first)
		if !ok {
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		a.node(pair.Value, item, join(path, key))
		made.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	}
	v.Set(made)
}

// key reads a mapping's key, notes where it stands, and refuses what is not one plain word or stands there a second time.
func (a *assigner) key(pair *ast.MappingValueNode, path string, first map[string]int) (string, bool) {
	line, col := position(pair.Key.GetToken())
	at := Fault{Where: a.opts.File, Line: line, Col: col, Key: path}
	if pair.Key.IsMergeKey() {
		at.Text = "merge keys (<<) are not read; repeat the keys, or use an alias for a whole value"
		a.fault(at)
		return "", false
	}
	key, ok := scalarOf(pair.Key)
	if !ok {
		at.Text = "a key must be one plain word"
		a.fault(at)
		return "", false
	}
	at.Key = join(path, key)
	if before, twice := first[key]; twice {
		at.Text = fmt.Sprintf("stands here a second time, first in line %d", before)
		a.fault(at)
		return "", false
	}
	first[key] = line
	a.origins[at.Key] = origin{source: a.opts.File, line: line}
	return key, true
}

func (a *assigner) came(path string, n ast.Node) {
	line, _ := placeOf(n)
	a.origins[path] = origin{source: a.opts.File, line: line}
}

func (a *assigner) wrong(n ast.Node, path, text string) {
	line, col := placeOf(n)
	a.fault(Fault{Where: a.opts.File, Line: line, Col: col, Key: path, Text: text})
}
