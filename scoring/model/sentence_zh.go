package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// chinese is the sentence: “Acme 的 Ann Lee 今天查看价格页 2 次，目前处于“兴趣”阶段，41 分，提交表单即可进入“意向”，
// 若无新行为将于 1 月 19 日回落至“认知”。”
func (t *telling) chinese() string {
	parts := []string{apart(t.whoZH(), t.didZH())}
	if t.stage.ID != "" {
		parts = append(parts, t.standsZH())
	}
	if len(t.flags) > 0 {
		parts = append(parts, "但已被排除（"+strings.Join(flagTitles(t.flags, chinese), "、")+"）")
	} else {
		for _, part := range []string{t.climbsZH(), t.sinksZH()} {
			if part != "" {
				parts = append(parts, part)
			}
		}
	}
	return loosen(strings.Join(parts, "，")) + "。"
}

func (t *telling) whoZH() string {
	switch {
	case t.name != "" && t.company != "":
		return t.company + "的" + t.name
	case t.name != "":
		return t.name
	case t.company != "":
		return t.company + "的一位访客"
	}
	return "一位未知访客"
}

// didZH says a day once, before the first thing that was done on it.
func (t *telling) didZH() string {
	all := append(slices.Clone(t.deeds), t.but...)
	said := make([]string, len(all))
	for i, d := range all {
		said[i] = d.didZH + timesZH(d.times)
		switch {
		case d.day.IsZero():
		case d.spread:
			said[i] += "（最近一次是" + t.dayZH(d.day) + "）"
		case i == 0 || !all[i-1].day.Equal(d.day) || all[i-1].spread:
			said[i] = t.dayZH(d.day) + said[i]
		}
	}
	good, bad := strings.Join(said[:len(t.deeds)], "、"), strings.Join(said[len(t.deeds):], "、")
	switch {
	case len(all) == 0:
		return "近期没有计分的行为"
	case good == "" || bad == "":
		return good + bad
	}
	return good + "，但" + bad
}

func (t *telling) standsZH() string {
	at := "目前处于“" + t.stage.ZH + "”阶段"
	switch {
	case t.over:
		return at
	case t.sales:
		return at + "，由销售推进"
	case t.points < 0:
		return fmt.Sprintf("%s，负 %d 分", at, -t.points)
	}
	return fmt.Sprintf("%s，%d 分", at, t.points)
}

func (t *telling) climbsZH() string {
	if t.call {
		return "现在适合联系"
	}
	if t.next == nil {
		return ""
	}
	var wants []string
	if n := t.missing(); n > 0 {
		wants = append(wants, fmt.Sprintf("%d 分", n))
	}
	for _, c := range t.next.CriteriaZH {
		wants = append(wants, "“"+c+"”")
	}
	switch to := "“" + t.next.Stage.ZH + "”"; {
	case !t.rests.IsZero():
		return t.dayZH(t.rests) + "起才能再次升级"
	case t.nextDid.didZH != "" && !t.lacks():
		return "再" + t.nextDid.didZH + timesZH(t.nextDid.times) + "即可进入" + to
	case len(wants) > 0:
		return "距" + to + "还差" + strings.Join(wants, "、")
	default:
		return "再有任何行为即可进入" + to
	}
}

func (t *telling) sinksZH() string {
	if t.falls == nil {
		return ""
	}
	return "若无新行为将于" + t.dayZH(t.falls.At) + "回落至“" + t.falls.To.ZH + "”"
}

func (t *telling) dayZH(d time.Time) string {
	switch t.daysBefore(d) {
	case 0:
		return "今天"
	case 1:
		return "昨天"
	case 2:
		return "前天"
	case -1:
		return "明天"
	}
	if d.Year() == t.at.Year() {
		return d.Format("1 月 2 日")
	}
	return d.Format("2006 年 1 月 2 日")
}

func timesZH(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("%d 次", n)
}

// loosen puts a blank between Chinese and Latin letters or digits.
func loosen(s string) string {
	var b strings.Builder
	var before rune
	for _, r := range s {
		han, latin := unicode.Is(unicode.Han, r), isLatin(r)
		if han && isLatin(before) || latin && unicode.Is(unicode.Han, before) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// apart keeps a name of Latin letters off a date behind it.
func apart(who, did string) string {
	if isLatin(rune(who[len(who)-1])) && isLatin(rune(did[0])) {
		return who + " " + did
	}
	return who + did
}

func isLatin(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
