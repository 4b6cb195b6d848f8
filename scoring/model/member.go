package model

import (
	"github.com/expr-lang/expr/ast"
	"github.com/tidwall/gjson"

	"leadstream/schemas/pb"
)

// member is props.kind as a text: what stands under the last such key of the object, as encoding/json has it, and "" where
// there is none. What is something else than a text is "" too, to be compared with a text that is not empty, or, where
// expr's machine would fail on it, a panic with noText. The machine says the same, but has the whole object read first.
func (v vocabulary[T]) member(node ast.Node, fails bool) func(T) string {
	n, ok := node.(*ast.MemberNode)
	if !ok {
		return nil
	}
	of, isName := n.Node.(*ast.IdentifierNode)
	key, isText := n.Property.(*ast.StringNode)
	if !isName || !isText || v.objects[of.Value] == nil {
		return nil
	}
	object := v.objects[of.Value]
	return func(x T) string {
		value := valueOf(object(x), key.Value)
		switch {
		case value.Type == gjson.String:
			return value.String()
		case fails && value.Type != gjson.Null:
			panic(noText{})
		}
		return ""
	}
}

// noText is thrown by a member that is something else than a text.
type noText struct{}

// try runs a quick condition. Of one that comes upon noText only the machine knows.
func (c *condition) try(ev *pb.Event) (is, known bool) {
	if !c.fails {
		return c.quick(ev), true
	}
	defer func() {
		if cause := recover(); cause != nil {
			if _, expected := cause.(noText); !expected {
				panic(cause)
			}
		}
	}()
	return c.quick(ev), true
}

// isWord tells whether a comparison with the node can be told of a member.
func isWord(node ast.Node) bool {
	word, ok := node.(*ast.StringNode)
	return ok && word.Value != ""
}

// valueOf reads one value of a JSON object, Null if there is none; what is no object, or too large, has none.
func valueOf(data []byte, key string) (value gjson.Result) {
	if len(data) < 3 || len(data) > maxObject || !gjson.ValidBytes(data) {
		return value
	}
	object := gjson.ParseBytes(data)
	if !object.IsObject() {
		return value
	}
	object.ForEach(func(k, v gjson.Result) bool {
		if k.String() == key {
			value = v
		}
		return true
	})
	return value
}
