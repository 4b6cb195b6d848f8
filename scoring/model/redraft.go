package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Revision is what a draft changes of one rule.
type Revision struct {
	// Points is the new worth of a unit; 0 takes the rule out, unless a criterion
	// asks for it: then it stays, with the least there is.
	Points int
	// Keep leaves the points as they are.
	Keep bool
	// Why stands above the rule, a line each.
	Why []string
}

// Redraft writes a model file anew with other points, and leaves every other
// word, comment and blank of its author where it was. A rule that is taken out
// stays as a comment. What it writes loads, or it is an error.
func Redraft(data []byte, filename, name string, head []string, rules map[string]Revision) ([]byte, error) {
	m, err := Load(data, filename)
	if err != nil {
		return nil, err
	}
	d := &redraft{lines: strings.Split(string(data), "\n"), above: map[int][]string{}}
	root, doc := parseYAML(data, filename)
	file := value{doc, "", root}.object()
	if v, ok := file.field("name"); ok {
		d.put(v.node, name)
	}
	items, _ := file.list("rules")
	for i, item := range items {
		o := item.object()
		id, _ := o.field("id")
		text, _ := id.text()
		revision, ok := rules[text]
		if !ok {
			continue
		}
		first, last := d.extent(item.node, i, items)
		indent := d.lines[first][:len(d.lines[first])-len(strings.TrimLeft(d.lines[first], " "))]
		for _, why := range revision.Why {
			d.above[first] = append(d.above[first], indent+"# "+why)
		}
		points, _ := o.field("points")
		switch {
		case revision.Keep:
		case revision.Points != 0:
			d.put(points.node, strconv.Itoa(revision.Points))
		case m.asked[text]:
			d.put(points.node, "1")
			d.above[first] = append(d.above[first], indent+"# 1 instead of 0: a criterion asks for this rule")
		default:
			d.drop(first, last, indent)
		}
	}
	out := d.text(head)
	if _, err := Load(out, filename); err != nil {
		return nil, fmt.Errorf("%s: its points cannot be rewritten by line, write each rule as a list item of its own: %w", filename, err)
	}
	return out, nil
}

// redraft is a file on its way, by line from 0.
type redraft struct {
	lines []string
	above map[int][]string
}

// put replaces a scalar where it stands.
func (d *redraft) put(n ast.Node, text string) {
	line, column := position(n)
	at := []rune(d.lines[line-1]) // positions count characters
	from := min(column-1, len(at))
	rest := string(at[from:])
	end := strings.IndexAny(rest, " ,}#\t\r")
	if strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, `'`) {
		end = strings.IndexByte(rest[1:], rest[0]) + 2
	}
	if end < 0 {
		end = len(rest)
	}
	d.lines[line-1] = string(at[:from]) + text + rest[end:]
}

// extent is the item's lines: from its dash to where the next thing begins,
// without the comments and blanks in front of that.
func (d *redraft) extent(n ast.Node, i int, items []value) (first, last int) {
	line, _ := position(n)
	first = line - 1
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	dash := indent(d.lines[first])
	last = first
	for at := first + 1; at < len(d.lines); at++ {
		text := strings.TrimSpace(d.lines[at])
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if indent(d.lines[at]) <= dash {
			break
		}
		last = at
	}
	if i+1 < len(items) {
		next, _ := position(items[i+1].node)
		last = max(first, min(last, next-2))
	}
	return first, last
}

func (d *redraft) drop(first, last int, indent string) {
	for at := first; at <= last; at++ {
		if rest, ok := strings.CutPrefix(d.lines[at], indent); ok && strings.TrimSpace(rest) != "" {
			d.lines[at] = indent + "# " + rest
		}
	}
}

func (d *redraft) text(head []string) []byte {
	var out []string
	for _, line := range head {
		out = append(out, strings.TrimRight("# "+line, " "))
	}
	for i, line := range d.lines {
		out = append(append(out, d.above[i]...), line)
	}
	return []byte(strings.Join(slices.Clip(out), "\n"))
}
