package hooks

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
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

func (m *mapping) skips(env map[string]any) (bool, error) {
	if m.skip == nil {
		return false, nil
	}
	v, err := run(m.skip, env)
	yes, _ := v.(bool)
	return yes, err
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
			return nil, &protocol.Fault{Reason: BadMapping, Detail: "map." + key + "." + one.name + " failed on this payload: " + firstLine(err)}
		}
		if v = plain(v); v != nil {
			all[one.name] = v
		}
	}
	return properties(all)
}

// native gives expressions numbers to reckon with: whole ones exact to 64 bits, longer ones as text.
func native(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return int(n)
		}
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
		return v.String()
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = native(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = native(v[name])
		}
		return out
	}
	return v
}

// plain is the way back: whatever an expression gave, as JSON holds it. What JSON cannot hold is left out.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case json.Number, string, bool, int, nil:
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = plain(v[name])
		}
		return out
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	again, err := decode(string(text))
	if err != nil {
		return nil
	}
	return again
}

// written is a value as an event's text: ids and times come as numbers too.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, int:
		return fmt.Sprint(v)
	}
	return string(encode(plain(v)))
}
