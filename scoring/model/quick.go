package model

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// vocabulary is what the names of an expression mean over T, as plain Go: what a
// quick condition is made of.
type vocabulary[T any] struct {
	texts   map[string]func(T) string
	numbers map[string]func(T) float64
	facts   map[string]func(T) bool
	objects map[string]func(T) []byte // JSON
	// Functions of one literal text: met("pricing"), points("intent").
	asks   map[string]func(T, string) bool
	counts map[string]func(T, string) float64
	// Functions of a literal text and a literal number: count("pricing", 7).
	spans map[string]func(T, string, int) float64
}

// quicken turns a checked expression into closures when it is made of the simple
// words that nearly every rule is made of (path startsWith "/pricing" and scroll
// >= 75): some 10 ns against 100 ns in expr's machine, for which the fields would
// have to be boxed first. Anything else gives nil, and the machine runs it. That
// both say the same is held by TestQuickEqualsMachine.
func (v vocabulary[T]) quicken(node ast.Node) func(T) bool {
	switch n := node.(type) {
	case *ast.BoolNode:
		return func(T) bool { return n.Value }
	case *ast.IdentifierNode:
		return v.facts[n.Value]
	case *ast.CallNode:
		if name, arg, ok := literalCall(n); ok && v.asks[name] != nil {
			ask := v.asks[name]
			return func(x T) bool { return ask(x, arg) }
		}
	case *ast.UnaryNode:
		inner := v.quicken(n.Node)
		if inner != nil && (n.Operator == "not" || n.Operator == "!") {
			return func(x T) bool { return !inner(x) }
		}
	case *ast.BinaryNode:
		return v.binary(n)
	}
	return nil
}

func literalCall(n *ast.CallNode) (name, arg string, ok bool) {
	callee, isName := n.Callee.(*ast.IdentifierNode)
	if !isName || len(n.Arguments) != 1 {
		return "", "", false
	}
	text, isText := n.Arguments[0].(*ast.StringNode)
	if !isText {
		return "", "", false
	}
	return callee.Value, text.Value, true
}

func spanCall(n *ast.CallNode) (name, arg string, number int, ok bool) {
	callee, isName := n.Callee.(*ast.IdentifierNode)
	if !isName || len(n.Arguments) != 2 {
		return "", "", 0, false
	}
	text, isText := n.Arguments[0].(*ast.StringNode)
	days, isNumber := n.Arguments[1].(*ast.IntegerNode)
	if !isText || !isNumber {
		return "", "", 0, false
	}
	return callee.Value, text.Value, days.Value, true
}

func (v vocabulary[T]) binary(n *ast.BinaryNode) func(T) bool {
	switch n.Operator {
	case "and", "&&", "or", "||":
		a, b := v.quicken(n.Left), v.quicken(n.Right)
		if a == nil || b == nil {
			return nil
		}
		if n.Operator == "and" || n.Operator == "&&" {
			return func(x T) bool { return a(x) && b(x) }
		}
		return func(x T) bool { return a(x) || b(x) }
	case "in":
		return v.among(n)
	case "matches":
		return v.match(n)
	}
	if a, b := v.number(n.Left), v.number(n.Right); a != nil && b != nil {
		return compareNumbers(n.Operator, a, b)
	}
	a, b := v.text(n.Left), v.text(n.Right)
	if (n.Operator == "==" || n.Operator == "!=") && a == nil && isWord(n.Right) {
		a = v.member(n.Left, false)
	}
	if a != nil && b != nil {
		return compareTexts(n.Operator, a, b)
	}
	return nil
}

// among is `text in ["a", "b"]`, which expr's optimizer has made a set.
func (v vocabulary[T]) among(n *ast.BinaryNode) func(T) bool {
	set, ok := n.Right.(*ast.ConstantNode)
	if !ok {
		return nil
	}
	words, ok := set.Value.(map[string]struct{})
	if !ok {
		return nil
	}
	a := v.text(n.Left)
	if _, empty := words[""]; a == nil && !empty {
		a = v.member(n.Left, true)
	}
	if a == nil {
		return nil
	}
	return func(x T) bool { _, in := words[a(x)]; return in }
}

// match is `text matches "regexp"`, compiled once.
func (v vocabulary[T]) match(n *ast.BinaryNode) func(T) bool {
	a := v.text(n.Left)
	pattern, ok := n.Right.(*ast.StringNode)
	if a == nil || !ok {
		return nil
	}
	compiled, err := newPattern(pattern.Value)
	if err != nil {
		return nil // the compiler has said so
	}
	return func(x T) bool { return compiled.matches(a(x)) }
}

func compareNumbers[T any](operator string, a, b func(T) float64) func(T) bool {
	switch operator {
	case "==":
		return func(x T) bool { return a(x) == b(x) }
	case "!=":
		return func(x T) bool { return a(x) != b(x) }
	case ">=":
		return func(x T) bool { return a(x) >= b(x) }
	case ">":
		return func(x T) bool { return a(x) > b(x) }
	case "<=":
		return func(x T) bool { return a(x) <= b(x) }
	case "<":
		return func(x T) bool { return a(x) < b(x) }
	}
	return nil
}

func compareTexts[T any](operator string, a, b func(T) string) func(T) bool {
	switch operator {
	case "==":
		return func(x T) bool { return a(x) == b(x) }
	case "!=":
		return func(x T) bool { return a(x) != b(x) }
	case "contains":
		return func(x T) bool { return strings.Contains(a(x), b(x)) }
	case "startsWith":
		return func(x T) bool { return strings.HasPrefix(a(x), b(x)) }
	case "endsWith":
		return func(x T) bool { return strings.HasSuffix(a(x), b(x)) }
	}
	return nil
}

// number reads a name, a constant, a count, or a sum of them. Whole numbers up to
// 2^53 are exact as float64; larger constants are left to the machine.
func (v vocabulary[T]) number(node ast.Node) func(T) float64 {
	switch n := node.(type) {
	case *ast.IntegerNode:
		if f := float64(n.Value); n.Value > -1<<53 && n.Value < 1<<53 {
			return func(T) float64 { return f }
		}
	case *ast.FloatNode:
		return func(T) float64 { return n.Value }
	case *ast.IdentifierNode:
		return v.numbers[n.Value]
	case *ast.CallNode:
		if name, arg, ok := literalCall(n); ok && v.counts[name] != nil {
			count := v.counts[name]
			return func(x T) float64 { return count(x, arg) }
		}
		if name, arg, days, ok := spanCall(n); ok && v.spans[name] != nil {
			span := v.spans[name]
			return func(x T) float64 { return span(x, arg, days) }
		}
	case *ast.BinaryNode:
		a, b := v.number(n.Left), v.number(n.Right)
		if n.Operator == "+" && a != nil && b != nil {
			return func(x T) float64 { return a(x) + b(x) }
		}
	}
	return nil
}

func (v vocabulary[T]) text(node ast.Node) func(T) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return func(T) string { return n.Value }
	case *ast.IdentifierNode:
		return v.texts[n.Value]
	case *ast.BuiltinNode:
		if n.Name != "lower" || len(n.Arguments) != 1 {
			return nil
		}
		if inner := v.text(n.Arguments[0]); inner != nil {
			return func(x T) string { return strings.ToLower(inner(x)) }
		}
	}
	return nil
}
