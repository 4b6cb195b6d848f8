package model

import (
	"strings"
	"testing"
)

const toRedraft = `# mine
version: 1
name: small   # a name
groups: {web: {}}
rules:
  # prices
  - id: pricing
    on: page
    when: path == "/pricing"   # 价格
    points: 12      # a lot
    group: web

  - {id: blog, title_zh: 博客, on: page, points: 3, group: web}
  # the end of the list
  - id: docs
    on: page
    points: 5
  - {id: demo, on: form, points: 30}
stages:
  - {id: visitor, up: 0}
  - {id: aware, up: 5, criteria: [{id: c, when: met("demo")}]}
`

func TestRedraftChangesPointsAndNothingElse(t *testing.T) {
	out, err := Redraft([]byte(toRedraft), "m.yml", "small_learned", []string{"Learned."}, map[string]Revision{
		"pricing": {Points: 10, Why: []string{"learned: 12 -> 10"}},
		"blog":    {Points: -2},
		"docs":    {Why: []string{"learned: nothing"}},
		"demo":    {},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"# mine\n", "# Learned.\n# mine\n",
		"name: small ", "name: small_learned ",
		"  - id: pricing", "  # learned: 12 -> 10\n  - id: pricing",
		"points: 12 ", "points: 10 ",
		"points: 3,", "points: -2,",
		"  - id: docs\n    on: page\n    points: 5\n", "  # learned: nothing\n  # - id: docs\n  #   on: page\n  #   points: 5\n",
		"  - {id: demo, on: form, points: 30}", "  # 1 instead of 0: a criterion asks for this rule\n  - {id: demo, on: form, points: 1}",
	).Replace(toRedraft)
	if string(out) != want {
		t.Fatalf("got\n%s\nwant\n%s", out, want)
	}
}

// However a criterion asks for a rule, the rule stays; a word that only looks like its name does not keep it.
func TestARuleThatIsAskedForStays(t *testing.T) {
	for when, stays := range map[string]bool{
		`met("demo")`: true, `'met( "demo" )'`: true, "met(`demo`)": true, `"met(\"demo\")"`: true, `'met(''demo'')'`: true,
		`'count( "demo", 3) > 1'`: true, `since("demo") < 3`: true, `'met("blog") and not met("demo")'`: true,
		`met("blog")`: false, `'"demo" in flags'`: false,
	} {
		text := strings.Replace(toRedraft, `met("demo")`, when, 1)
		out, err := Redraft([]byte(text), "m.yml", "small", nil, map[string]Revision{"demo": {}})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if got := strings.Contains(string(out), "  - {id: demo, on: form, points: 1}"); got != stays {
			t.Errorf("%s: stays %v\n%s", when, got, out)
		}
	}
}

// Every rule of the built-in model can be given other points, kept, or taken out.
func TestRedraftOfTheBuiltInModel(t *testing.T) {
	m := Default()
	for _, drop := range []bool{false, true} {
		revisions := map[string]Revision{}
		for i, r := range m.Rules() {
			revisions[r.ID] = Revision{Points: 1 + i%9, Why: []string{"why of " + r.ID}}
			if drop && i%2 == 0 {
				revisions[r.ID] = Revision{}
			}
		}
		out, err := Redraft(DefaultText(), "default.yml", "learned", nil, revisions)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Load(out, "default.yml")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Rules() {
			if want := float64(max(1, revisions[r.ID].Points)); r.Points != want {
				t.Errorf("%s has %v points, want %v", r.ID, r.Points, want)
			}
		}
		if !drop && len(got.Rules()) != len(m.Rules()) {
			t.Errorf("%d rules, want %d", len(got.Rules()), len(m.Rules()))
		}
	}
}

func TestExposureIsUnitsThatFade(t *testing.T) {
	m := mustLoad(t, toRedraft)
	l := lead()
	ev := page("e1", "/pricing", 1767603600000)
	m.Apply(l, ev, nil)
	at := endOf(dayOf(ev.EventTime)) + 14*msDay
	for i, r := range m.Rules() {
		want := map[string]float64{"pricing": 0.5, "blog": 0.5, "docs": 0.5}[r.ID]
		if got := m.Exposure(l, at)[i]; got != want {
			t.Errorf("%s: %v, want %v", r.ID, got, want)
		}
	}
}
