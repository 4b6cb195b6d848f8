package hooks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"leadstream/ingest/protocol"
	"leadstream/schemas"
)

// mapping is a Mapping, compiled.
type mapping struct {
	each, skip         *vm.Program
	fields             []field
	properties, traits []member
}

// field is an expression and the place of its value.
type field struct {
	key     string
	program *vm.Program
	set     func(*protocol.Item, string)
}

type member struct {
	name    string
	program *vm.Program
}

// expression is one text of the config with its key.
type expression struct {
	key, text string
	set       func(*protocol.Item, string)
}

// expressions is every text of the mapping, in one order.
func (m Mapping) expressions() []expression {
	all := []expression{
		{"each", m.Each, nil}, {"skip", m.Skip, nil},
		{"type", m.Type, func(it *protocol.Item, v string) { it.Event.Type = v }},
		{"name", m.Name, func(it *protocol.Item, v string) { it.Event.Name = v }},
		{"id", m.ID, func(it *protocol.Item, v string) { it.Event.EventId = v }},
		{"at", m.At, func(it *protocol.Item, v string) { it.At = instant(v) }},
		{"user_id", m.UserID, func(it *protocol.Item, v string) { it.Event.UserId = v }},
		{"anonymous_id", m.AnonymousID, func(it *protocol.Item, v string) { it.Event.AnonymousId = v }},
		{"account", m.Account, func(it *protocol.Item, v string) { it.Event.GroupId = v }},
		{"url", m.URL, func(it *protocol.Item, v string) { it.Event.Url = v }},
	}
	for _, name := range slices.Sorted(maps.Keys(m.Properties)) {
		all = append(all, expression{"properties." + name, m.Properties[name], nil})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Traits)) {
		all = append(all, expression{"traits." + name, m.Traits[name], nil})
	}
	return all
}

// maxNodes and forbidden bound what a mapping can cost and see: no clock, so that a repeat is the same event.
const maxNodes = 1000

var forbidden = []string{"now", "date", "timezone", "duration", "repeat"}

// compile reads one expression. The plain name of an event type stands for itself.
func compile(e expression) (p *vm.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler gave up: %v", r)
		}
	}()
	if e.key == "type" && schemas.KnownType(e.text) {
		e.text = strconv.Quote(e.text)
	}
	headers := types.Map{types.Extra: types.String}
	options := []expr.Option{
		// What a payload holds is known when it comes; a name that is none of these four is a slip of the pen.
		expr.Env(types.Map{"body": types.Any, "item": types.Any, "header": headers, "query": headers}), expr.MaxNodes(maxNodes),
	}
	for _, name := range forbidden {
		options = append(options, expr.DisableBuiltin(name))
	}
	return expr.Compile(e.text, options...)
}

func compileMapping(m Mapping) (*mapping, error) {
	out := &mapping{}
	for _, e := range m.expressions() {
		if e.text == "" {
			continue
		}
		program, err := compile(e)
		if err != nil {
			return nil, fmt.Errorf("map.%s: %w", e.key, err)
		}
		name, isProperty := strings.CutPrefix(e.key, "properties.")
		trait, isTrait := strings.CutPrefix(e.key, "traits.")
		switch {
		case e.key == "each":
			out.each = program
		case e.key == "skip":
			out.skip = program
		case isProperty:
			out.properties = append(out.properties, member{name, program})
		case isTrait:
			out.traits = append(out.traits, member{trait, program})
		default:
			out.fields = append(out.fields, field{e.key, program, e.set})
		}
	}
	return out, nil
}

// environment is what the expressions see.
func (m *mapping) environment(r Request, body any) map[string]any {
	headers, query := map[string]any{}, map[string]any{}
	for name := range r.Header {
		headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	for name := range r.Query {
		query[name] = r.Query.Get(name)
	}
	delete(headers, "authorization")
	delete(query, "token")
	seen := native(body)
	return map[string]any{"body": seen, "item": seen, "header": headers, "query": query}
}

// run evaluates one expression; the library turns its own panics into errors and bounds its memory.
func run(p *vm.Program, env map[string]any) (any, error) { return expr.Run(p, env) }

// elements are the updates of a body.
func (m *mapping) elements(env map[string]any, body any) ([]any, error) {
	if m.each == nil {
		return []any{body}, nil
	}
	found, err := run(m.each, env)
	if err != nil {
		return nil, err
	}
	all, ok := found.([]any)
	if !ok {
		return nil, errors.New("it gave no list")
	}
	return all, nil
}

func (m *mapping) skips(env map[string]any) (bool, error) {
	if m.skip == nil {
		return false, nil
	}
	v, err := run(m.skip, env)
	if err != nil {
		return false, err
	}
	yes, ok := v.(bool)
	if !ok {
		return false, errors.New("it gave neither true nor false")
	}
	return yes, nil
}

// object evaluates properties or traits; what is null is left out.
func (m *mapping) object(key string, members []member, env map[string]any) ([]byte, *protocol.Fault) {
	if len(members) == 0 {
		return nil, nil
	}
	all := map[string]any{}
	for _, one := range members {
		v, err := run(one.program, env)
		if err != nil {
			return nil, failed(key+"."+one.name, err)
		}
		if v = plain(v); v != nil {
			all[one.name] = v
		}
	}
	return properties(all)
}
