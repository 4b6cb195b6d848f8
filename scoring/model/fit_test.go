package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"leadstream/schemas/pb"
)

// says is an identify event with these attributes.
func says(id, traits string, at int64) *pb.Event {
	return &pb.Event{EventId: id, Type: "identify", EventTime: at, ReceivedAt: at, Traits: []byte(traits)}
}

const fitModel = `
version: 1
name: fit
rules: [{id: a, on: page, points: 1}]
fit:
  - {id: role, weight: 40, values: [{when: role == "CTO", worth: 1}, {when: role == "CIO", worth: 0.5}]}
  - {id: size, weight: 40, when: employees >= 50 or traits.kilns >= 3}
  - {id: country, weight: 20, when: country == "DE"}
stages: [{id: visitor, up: 0}, {id: aware, up: 10}]
`

func TestFitBands(t *testing.T) {
	m := mustLoad(t, fitModel)
	cases := []struct {
		traits       string
		band         string
		value, known float64
	}{
		{`{}`, "?", 0, 0},
		{`{"country":"DE"}`, "?", 100, 0.2},
		{`{"role":"CTO"}`, "A", 100, 0.4}, // 0.4 is enough
		{`{"role":"CIO"}`, "B", 50, 0.4},
		{`{"role":"Cook"}`, "D", 0, 0.4},
		{`{"role":"CIO","kilns":1}`, "C", 25, 0.8},
		{`{"role":"CIO","kilns":3}`, "A", 75, 0.8},
		{`{"role":"CTO","employees":"51-200","country":"FR"}`, "A", 80, 1},
		{`{"role":"CIO","employees":"1,200 people","country":"FR"}`, "B", 60, 1},
		{`{"role":"Cook","employees":3,"country":"DE"}`, "D", 20, 1},
		{`{"role":"","kilns":null,"country":7}`, "?", 0, 0}, // nothing was said
		{`{"role":"CTO","kilns":"many"}`, "B", 50, 0.8},     // known, but no number: it does not fit
		{`{"role":"CTO","employees":1e308,"company":{"name":"x"}}`, "A", 100, 0.8},
	}
	for i, c := range cases {
		l := lead()
		m.Apply(l, says(fmt.Sprint(i), c.traits, monday), nil)
		f := m.measure(l, nil)
		if m.fit(l) != c.band || f.value != c.value || f.completeness != c.known {
			t.Errorf("%s: %s %v of %v, want %s %v of %v", c.traits, m.fit(l), f.value, f.completeness, c.band, c.value, c.known)
		}
		if r := m.Record(l, monday, nil); r.Fit != c.band || r.Grade != c.band+"4" {
			t.Errorf("%s: record says %s, %s", c.traits, r.Fit, r.Grade)
		}
	}
}

// TestFitFollowsAttributes: any order of the same events, and a restore on the way,
// end in the same fit; a lead's band is never older than its attributes.
func TestFitFollowsAttributes(t *testing.T) {
	m := mustLoad(t, fitModel)
	var events []*pb.Event
	for i := range 12 {
		at := monday + int64(i)*msMinute
		events = append(events, says(fmt.Sprint("r", i), fmt.Sprintf(`{"role":%q}`, []string{"CTO", "CIO", "Cook"}[i%3]), at),
			says(fmt.Sprint("k", i), fmt.Sprintf(`{"kilns":%d}`, i%5), at))
		events = append(events, &pb.Event{EventId: fmt.Sprint("c", i), Type: "page", EventTime: at, ReceivedAt: at, Country: []string{"DE", "FR"}[i%2]})
	}
	rnd := rand.New(rand.NewPCG(4, 2))
	want := ""
	for range 50 {
		l := lead()
		for i, at := range rnd.Perm(len(events)) {
			m.Apply(l, events[at], nil)
			if got, fresh := m.fit(l), string(m.measure(l, nil).band); got != fresh {
				t.Fatalf("the kept fit is %s, the attributes say %s", got, fresh)
			}
			if i == len(events)/2 {
				restored, err := m.Restore(m.Record(l, monday, nil))
				if err != nil {
					t.Fatal(err)
				}
				l = restored
			}
		}
		got := fmt.Sprint(m.fit(l), m.measure(l, nil))
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("another order gives %s, not %s", got, want)
		}
	}
}

func TestFitUnderAnotherModel(t *testing.T) {
	l := lead()
	m := mustLoad(t, fitModel)
	m.Apply(l, says("1", `{"role":"CTO"}`, monday), nil)
	if got := m.fit(l); got != "A" {
		t.Fatal(got)
	}
	other := mustLoad(t, strings.Replace(fitModel, `role == "CTO"`, `role == "CFO"`, 1))
	if r := other.Record(l, monday, nil); r.Fit != "D" {
		t.Fatalf("the new model keeps the old one's fit %s", r.Fit)
	}
	without := mustLoad(t, fitModel[:strings.Index(fitModel, "fit:\n")]+fitModel[strings.Index(fitModel, "stages:"):])
	if r := without.Record(l, monday, nil); r.Fit != "?" || r.Grade != "?4" {
		t.Fatalf("a model without fit says %s", r.Grade)
	}
	if x := without.Explain(l, monday); x.FitAttributes != nil || x.FitValue != nil {
		t.Fatalf("%+v", x)
	}
}

func TestExplainFit(t *testing.T) {
	m := mustLoad(t, fitModel)
	l := lead()
	m.Apply(l, says("1", `{"role":"CIO","kilns":1}`, monday), nil)
	x := m.Explain(l, monday)
	if x.Fit != "C" || x.FitValue == nil || *x.FitValue != 25 || x.FitCompleteness != 0.8 || len(x.FitAttributes) != 3 {
		t.Fatalf("%+v", x)
	}
	sum := 0.0
	for _, a := range x.FitAttributes {
		sum += a.Points
	}
	if math.Abs(sum-*x.FitValue) > 1e-9 {
		t.Errorf("points add up to %v, not to %v", sum, *x.FitValue)
	}
	if a := x.FitAttributes[0]; a.Attribute != "role" || !a.Known || a.Match != 0.5 || a.Points != 25 || a.Possible != 50 {
		t.Errorf("%+v", a)
	}
	if a := x.FitAttributes[2]; a.Known || a.Points != 0 || a.Possible != 0 {
		t.Errorf("%+v", a)
	}
	if want := " Fit 25 of 100 over 80 % of what matters: role; against: size; ask for: country."; !strings.Contains(x.Details, want) {
		t.Errorf("%q does not say %q", x.Details, want)
	}
	if want := "匹配度 25（已知 80%）：role；不符：size；待了解：country。"; !strings.Contains(x.DetailsZH, want) {
		t.Errorf("%q does not say %q", x.DetailsZH, want)
	}
}

// TestFitQuickEqualsMachine: whatever a person says, closures and expr's machine
// agree on every level of the default model.
func TestFitQuickEqualsMachine(t *testing.T) {
	m, quick := Default(), 0
	for _, traits := range []string{`{}`, `{"email":"a@gmail.com"}`, `{"email":"a@Acme.example","role":"HEAD of IT","company":"Acme","employees":70}`,
		`{"kilns":25,"country":"CN","industry":"陶瓷"}`, `{"role":"学生","country":"fr"}`, `{"kilns":"x","employees":"10+"}`} {
		l := lead()
		m.Apply(l, says("1", traits, monday), nil)
		e := m.evaluator()
		e.look(m, l, monday, 0)
		for _, a := range m.attributes {
			for _, level := range a.levels {
				if level.when.quickFit == nil {
					continue
				}
				quick++
				c := *level.when
				c.quickFit = nil
				if fast, slow := e.fits(level.when), e.fits(&c); fast != slow {
					t.Errorf("%s of %s: quick says %v, the machine %v", a.id, traits, fast, slow)
				}
			}
		}
		m.release(e)
	}
	if quick == 0 {
		t.Error("no level of the default model is quick")
	}
}
