package model

import (
	"fmt"
	"strings"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// said is a lead that something happened to: each a type, a name or path, and how many days into the story.
type said struct {
	kind, what string
	day        int64
}

func (s said) event(i int) *pb.Event {
	ev := page(fmt.Sprint("e", i), s.what, monday+s.day*msDay+int64(i)*1000)
	ev.Type = s.kind
	switch s.kind {
	case "page":
	case "identify":
		ev.Path, ev.Traits = "", []byte(s.what)
	case "crm":
		ev.Path, ev.Trusted, ev.Properties = "", true, []byte(`{"stage":"`+s.what+`"}`)
	default:
		ev.Path, ev.Name = "", s.what
	}
	return ev
}

const (
	ann = `{"name":"Ann Lee","email":"ann@acme.example","company":"Acme"}`
	spy = `{"name":"Kim","email":" Kim@Mail.Rival.example "}`
)

var sentences = map[string]struct {
	story  []said
	at     int64 // days into it
	en, zh string
}{
	"one point": {
		[]said{{"click", "outbound", 0}}, 0,
		"A visitor we do not know yet followed a link to a partner today, stands at Visitor with 1 point, and needs 14 more points and “Came twice, or looked at two kinds of content” for Aware.",
		"一位未知访客今天点击外部链接，目前处于“访客”阶段，1 分，距“认知”还差 14 分、“多次到访或浏览两类内容”。",
	},
	"one point missing": {
		[]said{{"page", "/pricing", 0}, {"page", "/docs", 0}, {"page", "/pricing", 0}, {"social", "mention", 0}, {"track", "webinar", 0}}, 0,
		"A visitor we do not know yet looked at the prices twice and came to a webinar today, stands at Intent with 60 points, is due for a call, and falls back to Interest on 15 January if nothing happens.",
		"一位未知访客今天查看价格 2 次、参加线上研讨会，目前处于“意向”阶段，60 分，现在适合联系，若无新行为将于 1 月 15 日回落至“兴趣”。",
	},
	"several rules on several days": {
		[]said{{"identify", ann, 0}, {"page", "/pricing", 0}, {"page", "/pricing", 2}, {"page", "/product", 3}, {"page", "/docs", 3}}, 4,
		"Ann Lee from Acme looked at the prices twice, last on Wednesday, and said who they are on Monday, stands at Interest with 52 points, would reach Intent if they compared us with a rival, and falls back to Aware on 3 February if nothing happens.",
		"Acme 的 Ann Lee 查看价格 2 次（最近一次是前天）、1 月 5 日留下身份信息，目前处于“兴趣”阶段，52 分，再对比竞品即可进入“意向”，若无新行为将于 2 月 3 日回落至“认知”。",
	},
	"flagged": {
		[]said{{"page", "/pricing", 0}, {"page", "/docs", 0}, {"identify", spy, 0}}, 1,
		"Kim looked at the prices and said who they are yesterday, stands at Aware with 31 points, but is ruled out: works for a rival.",
		"Kim 昨天查看价格、留下身份信息，目前处于“认知”阶段，31 分，但已被排除（竞争对手员工）。",
	},
	"flagged twice": {
		[]said{{"track", "Email Unsubscribed", 0}, {"identify", strings.Replace(spy, "Mail.Rival", "emberline", 1), 0}, {"identify", spy, 0}}, 0,
		"Kim said who they are, but unsubscribed today, stands at Visitor with minus 30 points, but is ruled out: works for a rival, works for us and wants no more letters.",
		"Kim 今天留下身份信息，但退订，目前处于“访客”阶段，负 30 分，但已被排除（竞争对手员工、本公司员工、已退订）。",
	},
	"negative": {
		[]said{{"page", "/careers", 0}}, 400,
		"A visitor we do not know yet looked at jobs on 5 January 2026, stands at Visitor with minus 1 point, and needs 16 more points and “Came twice, or looked at two kinds of content” for Aware.",
		"一位未知访客 2026 年 1 月 5 日查看招聘页面，目前处于“访客”阶段，负 1 分，距“认知”还差 16 分、“多次到访或浏览两类内容”。",
	},
	"with sales": {
		[]said{{"identify", ann, 0}, {"form", "contact", 0}, {"crm", "opportunity", 1}}, 1,
		"Ann Lee from Acme sent a form and said who they are yesterday, and stands at Opportunity, where sales decides.",
		"Acme 的 Ann Lee 昨天提交表单、留下身份信息，目前处于“商机”阶段，由销售推进。",
	},
	"won": {
		[]said{{"identify", `{"email":"ann@acme.example"}`, 0}, {"crm", "won", 0}}, 200,
		"ann@acme.example said who they are on 5 January, and stands at Won.",
		"ann@acme.example 1 月 5 日留下身份信息，目前处于“成交”阶段。",
	},
	"nothing to lose": {
		[]said{{"identify", `{"company":"Acme\nWorks"}`, 0}}, 0,
		"Somebody from Acme Works said who they are today, stands at Visitor with 10 points, and needs 5 more points and “Came twice, or looked at two kinds of content” for Aware.",
		"Acme Works 的一位访客今天留下身份信息，目前处于“访客”阶段，10 分，距“认知”还差 5 分、“多次到访或浏览两类内容”。",
	},
	"enough points, a criterion missing": {
		[]said{{"form", "contact", 0}}, 1,
		"A visitor we do not know yet sent a form yesterday, stands at Visitor with 30 points, and only lacks “Came twice, or looked at two kinds of content” for Aware.",
		"一位未知访客昨天提交表单，目前处于“访客”阶段，30 分，距“认知”还差“多次到访或浏览两类内容”。",
	},
	"faded": {
		[]said{{"page", "/", 0}}, 300,
		"A visitor we do not know yet has done nothing lately that counts, stands at Visitor with no points, and needs 15 more points and “Came twice, or looked at two kinds of content” for Aware.",
		"一位未知访客近期没有计分的行为，目前处于“访客”阶段，0 分，距“认知”还差 15 分、“多次到访或浏览两类内容”。",
	},
	"given back by sales": {
		[]said{{"identify", ann, 0}, {"page", "/pricing", 0}, {"form", "contact", 0}, {"crm", "accepted", 1}, {"crm", "interest", 2}}, 2,
		"Ann Lee from Acme sent a form and looked at the prices on Monday, stands at Interest with 54 points, can move up again from 10 January, and falls back to Aware on 1 March if nothing happens.",
		"Acme 的 Ann Lee 前天提交表单、查看价格，目前处于“兴趣”阶段，54 分，1 月 10 日起才能再次升级，若无新行为将于 3 月 1 日回落至“认知”。",
	},
}

// TestSentences: one sentence each that can be said on the phone.
func TestSentences(t *testing.T) {
	m := Default()
	for name, c := range sentences {
		t.Run(name, func(t *testing.T) {
			l := lead()
			for i, s := range c.story {
				m.Apply(l, s.event(i), nil)
			}
			m.Fire(l, monday+c.at*msDay, nil)
			requireSaid(t, m, l, monday+c.at*msDay+msHour, c.en, c.zh)
		})
	}
}

func requireSaid(t *testing.T, m *Model, l *Lead, at int64, en, zh string) {
	t.Helper()
	x := m.Explain(l, at)
	if x.Sentence != en {
		t.Errorf("\n got %s\nwant %s\n%s", x.Sentence, en, x.Details)
	}
	if x.SentenceZH != zh {
		t.Errorf("\n got %s\nwant %s\n%s", x.SentenceZH, zh, x.DetailsZH)
	}
	if strings.Count(strings.TrimSuffix(x.Sentence, "."), ". ") > 0 || strings.Count(x.SentenceZH, "。") != 1 {
		t.Errorf("not one sentence: %s %s", x.Sentence, x.SentenceZH)
	}
}

// TestTheSentenceOfAPersonOnTwoDevices: what both did is one story, under the name that one of them said.
func TestTheSentenceOfAPersonOnTwoDevices(t *testing.T) {
	m := Default()
	device := NewLead(schemas.NewLeadID("s/a"), "s")
	m.Apply(device, page("1", "/pricing", monday), nil)
	user := NewLead(schemas.NewLeadID("s/ann"), "s")
	for i, s := range []said{{"identify", ann, 0}, {"page", "/pricing", 0}} {
		ev := s.event(10 + i)
		ev.UserId = "ann"
		m.Apply(user, ev, nil)
	}
	m.Join(user, handed(m, device, "s/a", monday+msMinute), "edge", nil)
	requireSaid(t, m, user, monday+msHour,
		"Ann Lee from Acme looked at the prices twice and said who they are today, stands at Aware with 38 points, moves up to Interest with the next thing they do, and falls back to Visitor on 12 March if nothing happens.",
		"Acme 的 Ann Lee 今天查看价格 2 次、留下身份信息，目前处于“认知”阶段，38 分，再有任何行为即可进入“兴趣”，若无新行为将于 3 月 12 日回落至“访客”。")
}

// TestARuleIsSaidByItsTitleUntilItsAuthorSaysIt: words of one language never stand in the other's sentence.
func TestARuleIsSaidByItsTitleUntilItsAuthorSaysIt(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: told
rules:
  - {id: a, title: Prices, title_zh: 价格页, on: page, points: 8}
  - {id: b, title: Call, title_zh: 来电, did: called us, on: track, points: 3}
stages: [{id: x, en: Cold, zh: 冷, up: 0}, {id: y, en: Warm, zh: 温, up: 50}]
`)
	l := lead()
	m.Apply(l, page("1", "/", monday), nil)
	m.Apply(l, said{"track", "call", 0}.event(2), nil)
	requireSaid(t, m, l, monday,
		"A visitor we do not know yet looked at “Prices” and called us today, stands at Cold with 11 points, and needs 39 more points for Warm.",
		"一位未知访客今天浏览“价格页”、完成“来电”，目前处于“冷”阶段，11 分，距“温”还差 39 分。")
}
