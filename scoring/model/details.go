package model

import (
	"fmt"
	"strings"

	"leadstream/schemas"
)

// reasons is how many rules are named.
const reasons = 3

// details is the explanation to be read: with grade, points, fit and instants.
func details(x *schemas.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (grade %s)", amount(round(x.Score), "point"), x.Grade)
	if x.Stage.ID != "" {
		fmt.Fprintf(&b, " in stage %s", x.Stage.EN)
	}
	for i, r := range leading(x.Rules) {
		b.WriteString([]string{": ", ", ", ", "}[i])
		fmt.Fprintf(&b, "%s %+.0f", r.Title, round(r.Points))
		if r.RecentHits > 1 {
			fmt.Fprintf(&b, " (%d times)", r.RecentHits)
		}
	}
	b.WriteString("." + listed(" Ruled out: ", "; ", flagTitles(x.Flags, english)) + full(len(x.Flags), "."))
	if x.FitValue != nil {
		b.WriteString(fitDetails(x))
	}
	if n := x.Next; n != nil {
		switch {
		case n.Missing > 0:
			fmt.Fprintf(&b, " %.1f points more lead to %s", n.Missing, n.Stage.EN)
			if n.CheapestRule != "" {
				fmt.Fprintf(&b, "; %d x %s would do", n.Hits, n.CheapestTitle)
			}
		case len(n.Criteria) > 0:
			fmt.Fprintf(&b, " The score is enough for %s", n.Stage.EN)
		default:
			fmt.Fprintf(&b, " The next event leads to %s", n.Stage.EN)
		}
		if len(n.Criteria) > 0 {
			fmt.Fprintf(&b, "; not met yet: %s", strings.Join(n.Criteria, "; "))
		}
		b.WriteString(".")
	}
	if x.Falls != nil {
		fmt.Fprintf(&b, " If nothing more happens it falls to %s on %s UTC.",
			x.Falls.To.EN, x.Falls.At.Format("2 January 2006 15:04"))
	}
	return b.String()
}

// detailsZH is the same in Chinese.
func detailsZH(x *schemas.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "当前 %.0f 分（等级 %s）", round(x.Score), x.Grade)
	if x.Stage.ID != "" {
		fmt.Fprintf(&b, "，处于“%s”阶段", x.Stage.ZH)
	}
	for i, r := range leading(x.Rules) {
		b.WriteString([]string{"：", "，", "，"}[i])
		fmt.Fprintf(&b, "%s %+.0f", r.TitleZH, round(r.Points))
		if r.RecentHits > 1 {
			fmt.Fprintf(&b, "（%d 次）", r.RecentHits)
		}
	}
	b.WriteString("。" + listed("已排除：", "；", flagTitles(x.Flags, chinese)) + full(len(x.Flags), "。"))
	if x.FitValue != nil {
		b.WriteString(fitDetailsZH(x))
	}
	if n := x.Next; n != nil {
		switch {
		case n.Missing > 0:
			fmt.Fprintf(&b, "再得 %.1f 分可进入“%s”", n.Missing, n.Stage.ZH)
			if n.CheapestRule != "" {
				fmt.Fprintf(&b, "，%s %d 次即可", n.CheapestTitleZH, n.Hits)
			}
		case len(n.Criteria) > 0:
			fmt.Fprintf(&b, "分数已达到“%s”的要求", n.Stage.ZH)
		default:
			fmt.Fprintf(&b, "下一次行为将进入“%s”", n.Stage.ZH)
		}
		if len(n.Criteria) > 0 {
			fmt.Fprintf(&b, "；尚未满足：%s", strings.Join(n.CriteriaZH, "；"))
		}
		b.WriteString("。")
	}
	if x.Falls != nil {
		fmt.Fprintf(&b, "若无新的行为，将于 %s（UTC）降至“%s”。", x.Falls.At.Format("2006-01-02 15:04"), x.Falls.To.ZH)
	}
	return b.String()
}

// fitDetails says who the lead is, and what to ask.
func fitDetails(x *schemas.Explanation) string {
	var good, bad, ask []string
	for _, a := range x.FitAttributes {
		switch {
		case !a.Known:
			ask = append(ask, a.Title)
		case a.Match >= 0.5:
			good = append(good, a.Title)
		default:
			bad = append(bad, a.Title)
		}
	}
	s := fmt.Sprintf(" Fit %.0f of 100 over %.0f %% of what matters", *x.FitValue, 100*x.FitCompleteness)
	return s + listed(": ", ", ", good) + listed("; against: ", ", ", bad) + listed("; ask for: ", ", ", ask) + "."
}

func fitDetailsZH(x *schemas.Explanation) string {
	var good, bad, ask []string
	for _, a := range x.FitAttributes {
		switch {
		case !a.Known:
			ask = append(ask, a.TitleZH)
		case a.Match >= 0.5:
			good = append(good, a.TitleZH)
		default:
			bad = append(bad, a.TitleZH)
		}
	}
	s := fmt.Sprintf("匹配度 %.0f（已知 %.0f%%）", *x.FitValue, 100*x.FitCompleteness)
	return s + listed("：", "、", good) + listed("；不符：", "、", bad) + listed("；待了解：", "、", ask) + "。"
}

// listed is the words behind their head, nothing if there are none.
func listed(head, between string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return head + strings.Join(words, between)
}

func leading(rules []schemas.RuleValue) []schemas.RuleValue {
	n := 0
	for n < len(rules) && n < reasons && abs(rules[n].Points) >= 0.5 {
		n++
	}
	return rules[:n]
}

// round keeps -0.2 from being said as "-0".
func round(v float64) float64 {
	if abs(v) < 0.5 {
		return 0
	}
	return v
}

func english(n schemas.StageName) string { return n.EN }
func chinese(n schemas.StageName) string { return n.ZH }

func flagTitles(flags []schemas.StageName, language func(schemas.StageName) string) (titles []string) {
	for _, f := range flags {
		titles = append(titles, language(f))
	}
	return titles
}

// full is the stop behind a list, if it is one.
func full(n int, stop string) string {
	if n == 0 {
		return ""
	}
	return stop
}

// amount is a whole number of things.
func amount(n float64, thing string) string {
	text := fmt.Sprintf("%.0f %s", n, thing)
	if text != "1 "+thing && text != "-1 "+thing {
		text += "s"
	}
	return text
}
