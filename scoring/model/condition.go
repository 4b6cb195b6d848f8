package model

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"leadstream/schemas/pb"
)

// condition is a compiled expression that says yes or no.
type condition struct {
	program *vm.Program
	// The same as program, when it is simple enough; else nil.
	quick     func(*pb.Event) bool  // rules and flags
	fails     bool                  // quick may come upon noText: try
	quickLead func(*evaluator) bool // criteria and sub-stages
	quickFit  func(*Lead) bool      // fit attributes
}

// needs are the names that expressions read: only those are filled in.
type needs map[string]bool

// impure are the built-in functions that read the clock or the machine's time
// zone. disabled also names repeat, which allocates before it counts.
var (
	impure   = []string{"now", "date", "timezone", "duration"}
	disabled = append([]string{"repeat"}, impure...)
)

// maxNodes bounds an expression: long enough for a list of 200 competitors.
const maxNodes = 1000

// compile type-checks an expression against the names it may use.
func compile(v value, env map[string]any, check func(*expressionWords) error) (*condition, needs) {
	text, ok := v.text()
	if !ok {
		return nil, nil
	}
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.MaxNodes(maxNodes)}
	for _, name := range disabled {
		options = append(options, expr.DisableBuiltin(name))
	}
	program, err := compileSafely(text, options)
	if err != nil {
		expressionFault(v, err, env)
		return nil, nil
	}
	words := &expressionWords{names: needs{}, calls: map[string][]callWords{}}
	node := program.Node()
	ast.Walk(&node, words)
	if words.computed != nil {
		line, column := v.place(words.computed.Location().From)
		v.doc.add(line, column, v.path, "matches wants its pattern as a text in quotes: one that is computed would be compiled for every event; "+
			"for a fixed text contains, startsWith or endsWith do")
		return nil, nil
	}
	if err := check(words); err != nil {
		v.fault("%v", err)
		return nil, nil
	}
	return &condition{
		program: program, quick: eventVocabulary.quicken(node), fails: words.members, quickLead: leadVocabulary.quicken(node), quickFit: fitVocabulary.quicken(node),
	}, words.names
}

// compileSafely turns a panic of the expression compiler into an error, for the
// same reason as parseBytes.
func compileSafely(text string, options []expr.Option) (p *vm.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler gave up: %v", r)
		}
	}()
	return expr.Compile(text, options...)
}

var (
	unknownName    = regexp.MustCompile(`^unknown name (\w+)`)
	unexpectedWord = regexp.MustCompile(`^unexpected token Identifier\("(\w+)"\)$`)
	operatorWords  = []string{"and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches"}
)

// offsetOf is a line (from 1) and column (from 0) of a text, in characters from its beginning.
func offsetOf(text string, line, column int) int {
	for range line - 1 {
		head, rest, _ := strings.Cut(text, "\n")
		column += utf8.RuneCountInString(head) + 1
		text = rest
	}
	return column
}

// asksHistory finds a criterion's function where it may not stand.
var asksHistory = regexp.MustCompile(`\b(count|since|met|points|rules_met)\(\s*["'` + "`" + `]`)

func expressionFault(v value, err error, env map[string]any) {
	if text, _ := v.text(); env["met"] == nil && asksHistory.MatchString(text) {
		name := asksHistory.FindStringSubmatch(text)[1]
		before := text[:asksHistory.FindStringIndex(text)[0]]
		line, column := v.place(utf8.RuneCountInString(before))
		v.doc.add(line, column, v.path, "%s() asks what the lead did before: here that would depend on the order in which events arrive; it is for criteria and sub_stages", name)
		return
	}
	var at *file.Error
	if !errors.As(err, &at) {
		message, _, _ := strings.Cut(err.Error(), "\n")
		v.fault("%s", message)
		return
	}
	message := at.Message
	if m := unknownName.FindStringSubmatch(message); m != nil {
		message = unknown(m[1], env)
	}
	if m := unexpectedWord.FindStringSubmatch(message); m != nil {
		message = fmt.Sprintf("unexpected word %q%s", m[1], suggest(m[1], operatorWords))
	}
	text, _ := v.text()
	line, column := v.place(offsetOf(text, max(at.Line, 1), at.Column))
	v.doc.add(line, column, v.path, "%s", message)
}

func unknown(name string, env map[string]any) string {
	if slices.Contains(impure, name) {
		return fmt.Sprintf("%s() is not available: a score must not depend on the clock of who computes it", name)
	}
	known := slices.Sorted(maps.Keys(env))
	for _, builtin := range slices.Sorted(maps.Keys(conf.New(env).Builtins)) {
		if !slices.Contains(disabled, builtin) {
			known = append(known, builtin)
		}
	}
	return fmt.Sprintf("unknown name %q%s", name, suggest(name, known))
}

// expressionWords collects the names an expression reads and the texts its
// function calls are given.
type expressionWords struct {
	names needs
	calls map[string][]callWords
	// members tells that something in an object is looked for in a set.
	members bool
	// computed is a pattern that is not there before an event is.
	computed ast.Node
}

// callWords are a call's literal arguments: a text, and a whole number if there is one.
type callWords struct {
	text   string
	number int
}

// Visit is ast.Visitor's.
func (w *expressionWords) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		w.names[n.Value] = true
	case *ast.BinaryNode:
		if _, constant := n.Right.(*ast.StringNode); n.Operator == "matches" && !constant {
			w.computed = n.Right
		}
		if _, member := n.Left.(*ast.MemberNode); n.Operator == "in" && member {
			w.members = true
		}
	case *ast.MemberNode:
		of, isName := n.Node.(*ast.IdentifierNode)
		key, isText := n.Property.(*ast.StringNode)
		if isName && isText && of.Value == "traits" {
			w.names["traits."+key.Value] = true
		}
	case *ast.CallNode:
		name, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || len(n.Arguments) == 0 {
			return
		}
		var words callWords
		if s, ok := n.Arguments[0].(*ast.StringNode); ok {
			words.text = s.Value
		}
		if len(n.Arguments) > 1 {
			if i, ok := n.Arguments[1].(*ast.IntegerNode); ok {
				words.number = i.Value
			}
		}
		w.calls[name.Value] = append(w.calls[name.Value], words)
	}
}

// traitKey is the key of a name that expressionWords wrote for one trait.
func traitKey(name string) (key string, ok bool) { return strings.CutPrefix(name, "traits.") }

// holds runs the condition. An expression that fails on these values (a property
// that is absent, or text where it expects a number) does not hold.
func (c *condition) holds(machine *vm.VM, env map[string]any) (is bool, err error) {
	if c == nil {
		return true, nil
	}
	out, err := machine.Run(c.program, env)
	if err != nil {
		return false, err
	}
	is, _ = out.(bool)
	return is, nil
}
