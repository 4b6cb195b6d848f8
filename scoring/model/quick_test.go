package model

import (
	"math/rand/v2"
	"testing"

	"github.com/expr-lang/expr/vm"
	"leadstream/schemas/pb"
)

// quickExpressions are all shapes that quicken knows; the default model's rules
// are compared too.
var quickExpressions = []string{
	`true`, `bot`, `not trusted`, `!bot and scroll > 3`, `path == "/a"`, `path != host`, `"/a" == path`,
	`path contains "a"`, `path startsWith "/p"`, `path endsWith host`, `not (name contains "x")`,
	`scroll >= 75`, `scroll < 20 || scroll <= 20 && scroll != 19`, `engaged_s == 30`, `lower(name) == "download"`,
	`lower(name) in ["download", "x"]`, `path in ["/", "/a", "/b"]`, `path not in ["/"]`, `lower(lower(name)) contains "down"`,
	`channel == "" or utm_medium == "email"`, `lower(path) startsWith lower(host)`,
	`bot_kind != "ai-crawler" and network != "datacentre"`,
	`props.kind == "download"`, `props.kind != "download" or traits.kind == "x"`, `props.kind in ["mailto", "tel"]`, `props.kind not in ["tel"]`,
	`name matches "^[dD]own"`, `not (lower(path) matches "a|b$")`,
}

// TestQuickEqualsMachine: the closures and expr's machine say the same of every event.
func TestQuickEqualsMachine(t *testing.T) {
	var conditions []*condition
	for _, text := range quickExpressions {
		m, err := Load([]byte("version: 1\nname: q\nrules: [{id: a, on: page, points: 1, when: '"+text+"'}]\n"+
			"stages: [{id: a, up: 0}, {id: b, up: 1}]\n"), text)
		if err != nil {
			t.Fatal(err)
		}
		if m.rules[0].when.quick == nil {
			t.Errorf("%s is not quick", text)
			continue
		}
		conditions = append(conditions, m.rules[0].when)
	}
	slow := 0
	for _, r := range Default().rules {
		if r.when != nil && r.when.quick != nil {
			conditions = append(conditions, r.when)
		} else if r.when != nil {
			slow++
		}
	}
	if slow > 2 { // the flags and rules that reckon with traits and props
		t.Errorf("%d rules of the default model run in the machine", slow)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	word := func() string {
		return []string{"", "/", "/a", "/pricing", "Download", "download", "/A/b", "example.com", "email", "ＡÄ", "x"}[rng.IntN(11)]
	}
	object := func() []byte {
		return [][]byte{
			nil, []byte(`{}`), []byte(`{"kind":"download"}`), []byte(`{"a":1,"kind":"tel"}`), []byte(`{"kind":5}`), []byte(`{"kind":null}`), []byte(`{"kind":""}`),
			[]byte(`{"kind":"tel","kind":"download"}`), []byte(`{"kind":"tel","kind":7}`), []byte(`{"k\u0069nd":"t\u0065l"}`), []byte(`{"x":{"kind":"tel"}}`), []byte(`["kind","tel"]`),
			[]byte(`{"kind":"tel"`), []byte(`{"kind":"tel"} x`), []byte(`{"Kind":"tel"}`), []byte(`{"kind":["tel"]}`), []byte(` {"kind" : "mailto" } `),
		}[rng.IntN(17)]
	}
	all, machine, yes := needs{}, vm.VM{}, 0
	for name := range eventEnv() {
		all[name] = true
	}
	for range 2000 {
		ev := &pb.Event{
			Path: word(), Host: word(), Name: word(), Channel: word(), UtmMedium: word(),
			BotKind: []string{"", "ai-crawler"}[rng.IntN(2)], Network: []string{"", "datacentre"}[rng.IntN(2)], Bot: rng.IntN(2) == 0,
			Properties: object(), Traits: object(), Trusted: rng.IntN(2) == 0, ScrollPct: uint32(rng.IntN(100)), EngagedMs: uint32(rng.IntN(60)) * 1000,
		}
		env := eventEnv()
		fillEvent(env, ev, all)
		for _, c := range conditions {
			want, err := c.holds(&machine, env)
			if err != nil && !c.fails { // a list cannot be looked for in a set
				t.Fatal(err)
			}
			if got, known := c.try(ev); known && (got != want || err != nil) || !known && err == nil {
				t.Fatalf("%s: quick %v, machine %v, of %v", c.program.Source(), got, want, ev)
			}
			if want {
				yes++
			}
		}
	}
	if yes < 1000 {
		t.Fatalf("only %d of the answers were yes", yes)
	}
}

// TestConditionsThatFail: a property that is absent, or of another kind, is not
// met and is reported, and the event's other rules are counted.
func TestConditionsThatFail(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: props
rules:
  - {id: big, on: track, when: 'props.amount > 100', points: 5}
  - {id: nested, on: track, when: 'props?.plan?.name == "pro"', points: 7}
  - {id: any, on: track, points: 1}
stages: [{id: a, up: 0}, {id: b, up: 50}]
`)
	for properties, want := range map[string]struct {
		score  float64
		failed int
	}{
		`{"amount":200}`:                 {6, 0},
		`{"amount":200.5}`:               {6, 0},
		`{"amount":1e300}`:               {6, 0},
		`{"amount":"200"}`:               {1, 1},
		`{"plan":{"name":"pro"}}`:        {8, 1},
		`{"plan":7,"amount":1}`:          {1, 1},
		``:                               {1, 1},
		`[1,2]`:                          {1, 1},
		`{"amount":9223372036854775808}`: {6, 0},
		`not json`:                       {1, 1},
	} {
		l := lead()
		out := m.Apply(l, &pb.Event{EventId: "1", Type: "track", Properties: []byte(properties), EventTime: monday, ReceivedAt: monday}, nil)
		if got := m.Score(l, monday); got != want.score || len(out.Failed) != want.failed {
			t.Errorf("%s: score %v, failed %v; want %v", properties, got, out.Failed, want)
		}
	}
}
