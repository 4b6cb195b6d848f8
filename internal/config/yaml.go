package config

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML returns the body of the only document of a file, nil when it is empty.
// Duplicate keys are let through here: assign reports them itself, with all the other faults instead of alone.
func parseYAML(name string, text []byte) (ast.Node, *Fault) {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		fault := Fault{Where: name, Text: "is not YAML: " + err.Error()}
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			fault.Text = "is not YAML: " + syntax.Message
			fault.Line, fault.Col = position(syntax.Token)
		}
		return nil, &fault
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		if body != nil {
			line, col := placeOf(doc.Body)
			return nil, &Fault{Where: name, Line: line, Col: col, Text: "a second document: a config is one document, remove the --- line"}
		}
		body = doc.Body
	}
	return body, nil
}

func position(t *token.Token) (line, col int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

// placeOf is where a reader sees a node begin. The parser puts a block mapping at the colon of its first key.
func placeOf(n ast.Node) (line, col int) {
	if pairs, ok := mappingOf(n); ok && len(pairs) > 0 {
		if m, block := n.(*ast.MappingNode); !block || !m.IsFlowStyle {
			n = pairs[0].Key
		}
	}
	if n == nil {
		return 0, 0
	}
	return position(n.GetToken())
}

// anchors finds every &name below a node. The last one of a name wins, as YAML says for the text after it.
type anchors map[string]ast.Node

// Visit collects; ast.Walk calls it.
func (a anchors) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok && anchor.Name != nil {
		a[anchor.Name.String()] = anchor.Value
	}
	return a
}

// plain strips tags and anchors and follows aliases. An alias inside its own anchor has no end, hence the count.
func (a anchors) plain(n ast.Node) ast.Node {
	for range 16 {
		switch wrapped := n.(type) {
		case *ast.TagNode:
			n = wrapped.Value
		case *ast.AnchorNode:
			n = wrapped.Value
		case *ast.AliasNode:
			if wrapped.Value == nil {
				return nil
			}
			n = a[wrapped.Value.String()]
		default:
			return n
		}
	}
	return nil
}

// mappingOf returns the entries of a mapping, whichever of its two shapes the parser gave it.
func mappingOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

// scalarOf returns the text of a scalar as it was written, without its quotes.
func scalarOf(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(n.GetToken().Value), true
	}
	return "", false
}

// nodeWord names what stands in the file in an operator's words.
func nodeWord(n ast.Node) string {
	if _, ok := mappingOf(n); ok {
		return "keys"
	}
	switch n.(type) {
	case nil:
		return "an alias that leads nowhere"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return "a single value"
}
