package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document reads a YAML tree and collects every fault with its place, which
// decoding into structs cannot do: it stops at the first.
type document struct {
	faults *Faults
	lines  [][]rune // of the file, to find places in
}

// maxFile bounds a model file; the largest sensible one is a tenth of this.
const maxFile = 1 << 20

// parseYAML is the tree of a file that holds one YAML document.
func parseYAML(data []byte, filename string) (root ast.Node, doc document) {
	doc = document{faults: &Faults{File: filename}}
	if len(data) > maxFile {
		doc.add(1, 1, "", "the file is %d bytes, 1 MiB is the most", len(data))
		return nil, doc
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		doc.lines = append(doc.lines, []rune(strings.TrimSuffix(line, "\r")))
	}
	file, err := parseBytes(data)
	if err != nil {
		line, column := 1, 1
		message := err.Error()
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			message = syntax.GetMessage()
			if t := syntax.GetToken(); t != nil && t.Position != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		message, _, _ = strings.Cut(message, "\n")
		doc.add(line, column, "", "not YAML: %s", message)
		return nil, doc
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		doc.add(1, 1, "", "want one YAML document that is a model, found %d", len(file.Docs))
		return nil, doc
	}
	return file.Docs[0].Body, doc
}

// parseBytes turns a panic of the YAML parser into an error: a file from a
// person's editor must not end the process.
func parseBytes(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser gave up: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // object faults them, with the rest
}

func (d document) add(line, column int, path, format string, args ...any) {
	d.faults.List = append(d.faults.List, Fault{line, column, path, fmt.Sprintf(format, args...)})
}

// value is one node with its path.
type value struct {
	doc  document
	path string
	node ast.Node
}

func (v value) fault(format string, args ...any) {
	line, column := position(v.node)
	v.doc.add(line, column, v.path, format, args...)
}

func position(n ast.Node) (line, column int) {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	return t.Position.Line, t.Position.Column
}

// object is a mapping whose keys are known.
type object struct {
	value
	fields map[string]ast.Node
}

// object reads a mapping and faults keys that are unknown or doubled.
func (v value) object(known ...string) object {
	o := object{value: v, fields: map[string]ast.Node{}}
	var pairs []*ast.MappingValueNode
	switch n := v.node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode:
	default:
		v.fault("want keys and values, found %s", kindOf(v.node))
	}
	for _, p := range pairs {
		key, ok := p.Key.(*ast.StringNode)
		name := p.Key.String()
		if ok {
			name = key.Value
		}
		line, column := position(p.Key)
		switch {
		case known != nil && !slices.Contains(known, name):
			v.doc.add(line, column, v.path, "unknown key %.60q%s", name, suggest(name, known))
		case o.fields[name] != nil:
			v.doc.add(line, column, v.path, "key %.60q stands here twice", name)
		default:
			o.fields[name] = p.Value
		}
	}
	return o
}

// field is one key's value; ok is false when the key is absent or null.
func (o object) field(key string) (value, bool) {
	n, found := o.fields[key]
	if _, null := n.(*ast.NullNode); !found || n == nil || null {
		return value{}, false
	}
	path := key
	if o.path != "" {
		path = o.path + "." + key
	}
	return value{o.doc, path, n}, true
}

// list is the items of a sequence; broken means something else stands there,
// and was faulted.
func (o object) list(key string) (items []value, broken bool) {
	v, ok := o.field(key)
	if !ok {
		return nil, false
	}
	if _, ok := v.node.(*ast.SequenceNode); !ok {
		v.list()
		return nil, true
	}
	return v.list(), false
}

func (v value) list() []value {
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.fault("want a list (lines that begin with -), found %s", kindOf(v.node))
		return nil
	}
	var items []value
	for i, item := range n.Values {
		items = append(items, value{v.doc, fmt.Sprintf("%s[%d]", v.path, i), item})
	}
	return items
}

// text reads a string; numbers and booleans are faults, for YAML makes 1.10 to 1.1 and no to false.
func (v value) text() (string, bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	v.fault("want text, found %s: put it in quotes", kindOf(v.node))
	return "", false
}

func (v value) isText() bool {
	switch v.node.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return true
	}
	return false
}

func (v value) number() (float64, bool) {
	switch n := v.node.(type) {
	case *ast.IntegerNode:
		switch x := n.Value.(type) {
		case int64:
			return float64(x), true
		case uint64:
			return float64(x), true
		}
	case *ast.FloatNode:
		return n.Value, true
	}
	v.fault("want a number, found %s", kindOf(v.node))
	return 0, false
}

func (v value) boolean() (is, ok bool) {
	if n, ok := v.node.(*ast.BoolNode); ok {
		return n.Value, true
	}
	v.fault("want true or false, found %s", kindOf(v.node))
	return false, false
}

func kindOf(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag, which model files do not use"
	case *ast.StringNode:
		return fmt.Sprintf("the text %.40q", n.Value)
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%.40s", n.String())
}
