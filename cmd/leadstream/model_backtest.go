package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"leadstream/insight/learn"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// questionFlags say what a win is, and when it is foretold.
type questionFlags struct {
	Outcome string  `help:"The stage that counts as a win; sales must own it." default:"won" placeholder:"STAGE"`
	Entry   string  `help:"Look at leads that entered this stage (default: every lead, from its first event)." placeholder:"STAGE"`
	Window  float64 `help:"Days from the entry to the landmark: what is known then foretells." default:"14"`
	Horizon float64 `help:"Days from the landmark within which the win counts; younger leads are left out." default:"60"`
}

func (f questionFlags) question(r *replaying) (replay.Question, error) {
	day := float64(24 * time.Hour)
	q := replay.Question{Entry: f.Entry, Outcome: f.Outcome, Window: time.Duration(f.Window * day), Horizon: time.Duration(f.Horizon * day), Now: r.now.UnixMilli()}
	return q, q.Check(r.running)
}

// example is a lead at its landmark; scores are the models'.
type example struct {
	id     string
	at     replay.Landmark
	scores []float64
	rules  []float64
}

// examples plays all histories to their landmarks. Leads that make none are counted by why.
func (r *replaying) examples(ctx context.Context, q replay.Question, models []*model.Model, features bool) ([]example, map[replay.Left]int, error) {
	found, left := make([][]example, r.Cores), make([]map[replay.Left]int, r.Cores)
	for i := range left {
		left[i] = map[replay.Left]int{}
	}
	err := r.play(ctx, func(share int, person replay.History) error {
		for _, h := range q.AsKnown(r.running, person) {
			at, why := q.Landmark(r.running, h)
			left[share][why]++
			if why != replay.LeftNothing {
				continue
			}
			x := example{id: h.ID.String(), at: at}
			for _, m := range models {
				x.scores = append(x.scores, at.Score(m, h))
			}
			if features {
				x.rules = at.Features(r.running, h)
			}
			found[share] = append(found[share], x)
		}
		return nil
	})
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b example) int { return cmp.Or(cmp.Compare(a.at.At, b.at.At), cmp.Compare(a.id, b.id)) })
	for _, m := range left[1:] {
		for why, n := range m {
			left[0][why] += n
		}
	}
	return all, left[0], err
}

// modelBacktestWord asks how well scores told, some time ago, who would win.
type modelBacktestWord struct {
	Draft string `arg:"" optional:"" help:"A model file to hold against the one that runs." type:"existingfile"`
	questionFlags
	replayFlags
}

// backtest is the answer.
type backtest struct {
	Question string              `json:"question"`
	Left     map[replay.Left]int `json:"left_out"`
	Models   []judged            `json:"models"`
	Better   *learn.Difference   `json:"draft_minus_running,omitempty"`
	Note     string              `json:"note,omitempty"`
}

// judged is one model, on the older and on the newest leads.
type judged struct {
	Version string         `json:"model_version"`
	Older   *learn.Area    `json:"older"`
	Newest  *learn.Area    `json:"newest"`
	Deciles []learn.Decile `json:"deciles"` // of the newest
}

func (w *modelBacktestWord) Run(g *globals) error {
	var draft *model.Model
	if w.Draft != "" {
		var err error
		if draft, _, err = readDraft(w.Draft); err != nil {
			return err
		}
	}
	return w.with(g, draft, func(ctx context.Context, r *replaying) error {
		q, err := w.question(r)
		if err != nil {
			return err
		}
		models := []*model.Model{r.running}
		if draft != nil {
			models = append(models, draft)
		}
		examples, left, err := r.examples(ctx, q, models, false)
		if err != nil {
			return err
		}
		out := judge(models, examples)
		out.Question, out.Left = w.text(), left
		switch w.Format {
		case "json":
			return writeJSON(g.stdout, out)
		case "csv":
			return writeCSV(g.stdout, out.deciles())
		}
		return out.print(g.stdout)
	})
}

func (f questionFlags) text() string {
	entry := "its first event"
	if f.Entry != "" {
		entry = "entering " + f.Entry
	}
	return fmt.Sprintf("the score %g days after %s, against %s within %g days after that", f.Window, entry, f.Outcome, f.Horizon)
}

// judge looks at the newest part, and shows the older beside it: points that somebody tuned on what
// is old shine there only.
func judge(models []*model.Model, examples []example) backtest {
	list := make([]learn.Example, len(examples))
	for i, x := range examples {
		list[i] = learn.Example{At: x.at.At, ID: x.id, Won: x.at.Won, X: x.scores}
	}
	older, newest := learn.Split(list)
	out := backtest{}
	for i, m := range models {
		j := judged{Version: m.Version()}
		scores, won := column(older, i)
		if a, ok := learn.AUC(scores, won); ok {
			j.Older = &a
		}
		scores, won = column(newest, i)
		if a, ok := learn.AUC(scores, won); ok {
			j.Newest, j.Deciles = &a, learn.Lift(scores, won)
		}
		out.Models = append(out.Models, j)
	}
	switch first := out.Models[0]; {
	case first.Newest == nil:
		out.Note = fmt.Sprintf("not enough data: of %d leads old enough, at least 2 of the newest %.0f %% must have won and 2 not", len(examples), 100*learn.NewestShare)
	case len(models) > 1:
		a, won := column(newest, 1)
		b, _ := column(newest, 0)
		if d, ok := learn.Compare(a, b, won); ok {
			out.Better = &d
		}
	}
	return out
}

func column(examples []learn.Example, i int) (values []float64, won []bool) {
	for _, x := range examples {
		values, won = append(values, x.X[i]), append(won, x.Won)
	}
	return values, won
}

func area(a *learn.Area) string {
	if a == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", a.Value, a.Low, a.High)
}

func (b backtest) print(w io.Writer) error {
	fmt.Fprintf(w, "%s\nleft out: %d too young, %d decided before, %d that never entered\n", b.Question,
		b.Left[replay.LeftImmature], b.Left[replay.LeftDecided], b.Left[replay.LeftNoEntry])
	rows := [][]string{{"model", "", "newest 30 %: AUC [95 %]", "won", "not won", "top decile lift", "older 70 %: AUC [95 %]", ""}}
	for _, m := range b.Models {
		row := []string{m.Version, "", area(m.Newest), "-", "-", "-", area(m.Older), ""}
		if m.Newest != nil {
			row[3], row[4] = strconv.Itoa(m.Newest.Won), strconv.Itoa(m.Newest.Lost)
			if m.Newest.Chance() {
				row[7] = "no better than chance 与随机无异"
			}
		}
		if m.Deciles != nil {
			row[5] = fixed(m.Deciles[0].Lift, 2)
		}
		rows = append(rows, row)
	}
	if err := section(w, "How well scores told who would win 评分的预测能力", rows); err != nil {
		return err
	}
	if d := b.Better; d != nil {
		verdict := "which of the two is better cannot be told 无法判断优劣"
		if d.Low > 0 {
			verdict = "the draft is better 新模型更好"
		} else if d.High < 0 {
			verdict = "the draft is worse 新模型更差"
		}
		fmt.Fprintf(w, "\ndraft - running: %+.3f [%+.3f, %+.3f]: %s\n", d.Value, d.Low, d.High, verdict)
	}
	if b.Note != "" {
		fmt.Fprintf(w, "\n%s\n", b.Note)
	}
	return section(w, "Tenths of the newest leads by score, the last model 分数十分位", b.lastDeciles())
}

func (b backtest) lastDeciles() [][]string {
	return decileRows(b.Models[len(b.Models)-1].Deciles)
}

func decileRows(deciles []learn.Decile) [][]string {
	rows := [][]string{{"tenth", "scores", "leads", "won", "lift"}}
	for i, d := range deciles {
		rows = append(rows, []string{strconv.Itoa(i + 1), fixed(d.From, 1) + " to " + fixed(d.To, 1), fixed(d.Leads, 1), fixed(d.Won, 1), fixed(d.Lift, 2)})
	}
	return rows
}

func (b backtest) deciles() [][]string {
	rows := [][]string{{"model_version", "tenth", "from_score", "to_score", "leads", "won", "lift"}}
	for _, m := range b.Models {
		for i, d := range m.Deciles {
			rows = append(rows, []string{m.Version, strconv.Itoa(i + 1), fixed(d.From, 6), fixed(d.To, 6), fixed(d.Leads, 2), fixed(d.Won, 2), fixed(d.Lift, 4)})
		}
	}
	return rows
}
