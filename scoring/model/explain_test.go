package model

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"leadstream/schemas/pb"
)

// TestExplain: a lead a little below the next stage, explained to the point.
func TestExplain(t *testing.T) {
	m := Default()
	l := lead()
	for i, path := range []string{"/pricing", "/pricing", "/product", "/docs"} {
		m.Apply(l, page(path+string(rune('0'+i)), path, monday+int64(i)*msMinute), nil)
	}
	x := m.Explain(l, monday+msHour)
	// 24 pricing + 6 product + 5 docs + 4 page views + 2 for the visit
	if x.Score != 41 || x.Grade != "?3" || x.Engagement != 3 || x.Fit != "?" || x.Stage.ZH != "兴趣" || x.SubStage.ID != "compares" {
		t.Fatalf("%+v", x)
	}
	if r := x.Rules[0]; r.Rule != "pricing" || r.Points != 24 || r.RecentHits != 2 || r.LastDay != "2026-01-05" || r.HalfLifeDays != 30 {
		t.Fatalf("%+v", r)
	}
	if len(x.Rules) != 5 || len(x.Groups) != 3 || x.Interests[0].Label != "buying" || x.Interests[0].Points != 24 {
		t.Fatalf("%+v %+v %+v", x.Rules, x.Groups, x.Interests)
	}
	n := x.Next
	if n.Stage.ID != "intent" || n.At != 60 || n.Missing != 19 || len(n.Criteria) != 0 || n.CheapestRule != "form_sent" || n.Hits != 1 {
		t.Fatalf("%+v", n)
	}
	// What it says would do, does.
	c := l.Clone()
	m.Apply(c, &pb.Event{EventId: "f", Type: "form", EventTime: monday + msHour, ReceivedAt: monday + msHour}, nil)
	if c.stage != "intent" {
		t.Fatalf("the cheapest rule leads to %s", c.stage)
	}
	want := "41 points (grade ?3) in stage Interest: Pricing page +24 (2 times), Product page +6, Documentation +5. " +
		"19.0 points more lead to Intent; 1 x Form sent would do. If nothing more happens it falls to Aware on 19 January 2026 20:08 UTC."
	if x.Details != want {
		t.Errorf("\n got %s\nwant %s", x.Details, want)
	}
	wantZH := "当前 41 分（等级 ?3），处于“兴趣”阶段：价格页 +24（2 次），产品页 +6，文档 +5。" +
		"再得 19.0 分可进入“意向”，提交表单 1 次即可。若无新的行为，将于 2026-01-19 20:08（UTC）降至“认知”。"
	if x.DetailsZH != wantZH {
		t.Errorf("\n got %s\nwant %s", x.DetailsZH, wantZH)
	}
	if _, err := json.Marshal(x); err != nil {
		t.Error(err)
	}
}

// TestExplainCriteria: enough points, but a criterion is missing, and it is named.
func TestExplainCriteria(t *testing.T) {
	m := Default()
	l := lead()
	m.Apply(l, page("1", "/pricing", monday), nil)
	m.Apply(l, page("2", "/pricing", monday), nil)
	n := m.Explain(l, monday).Next
	if n.Missing != 0 || n.CheapestRule != "" || len(n.Criteria) != 1 || !strings.Contains(n.CriteriaZH[0], "多次到访") {
		t.Fatalf("%+v", n)
	}
	if s := m.Explain(l, monday).Details; !strings.Contains(s, "The score is enough for Aware; not met yet: Came twice") {
		t.Fatal(s)
	}
}

// TestExplainFades: what is said today is today's value, and the parts add up.
func TestExplainFades(t *testing.T) {
	m := Default()
	l := lead()
	m.Apply(l, page("1", "/pricing", monday), nil)
	end := endOf(dayOf(monday))
	x := m.Explain(l, end+30*msDay)
	if math.Abs(x.Rules[0].Points-6) > 1e-12 {
		t.Fatalf("a half-life later pricing gives %v", x.Rules[0].Points)
	}
	sum := 0.0
	for _, r := range x.Rules {
		sum += r.Points
	}
	if math.Abs(sum-x.Score) > 1e-12 || !x.At.Equal(time.UnixMilli(end+30*msDay)) {
		t.Fatalf("parts %v, score %v", sum, x.Score)
	}
}

// TestExplainNothing: a lead nothing is known of has an explanation, too.
func TestExplainNothing(t *testing.T) {
	x := Default().Explain(lead(), monday)
	if x.Score != 0 || x.Next != nil || x.Falls != nil || x.Details != "0 points (grade ?4)." {
		t.Fatalf("%+v", x)
	}
}

// TestPerson: the public fields come from attributes, the newest word wins.
func TestPerson(t *testing.T) {
	m := Default()
	l := lead()
	send := func(id, kind, traits string, at int64) {
		m.Apply(l, &pb.Event{EventId: id, Type: kind, UserId: "u-" + id, AnonymousId: "a-" + id, Country: "FR",
			Traits: []byte(traits), EventTime: monday + at, ReceivedAt: monday + 1000}, nil)
	}
	send("2", "identify", `{"firstName":"Ann","lastName":"Lee","email":" ann@acme.example ","company":{"name":"Acme"}}`, 20)
	send("1", "identify", `{"first_name":"Old","email":"old@acme.example"}`, 10)
	send("3", "group", `{"name":"Acme Group"}`, 30)
	r := m.Record(l, 0, nil)
	if r.Email != "ann@acme.example" || r.Company != "Acme" || r.Country != "FR" || r.UserId != "u-3" || r.AnonymousId != "a-3" {
		t.Fatalf("%v", r)
	}
	if r.Name != "Old Lee" { // first_name and firstName are two attributes; both stand
		t.Fatalf("name %q", r.Name)
	}
	send("4", "identify", `{"name":"Ann B. Lee","address":{"country":"DE"}}`, 40)
	if r := m.Record(l, 0, nil); r.Name != "Ann B. Lee" || r.Country != "DE" {
		t.Fatalf("%q %q", r.Name, r.Country)
	}
	var traits map[string]any
	if err := json.Unmarshal(r.Traits, &traits); err != nil || traits["company.name"] != "Acme Group" {
		t.Fatalf("%s: %v", r.Traits, err)
	}
}
