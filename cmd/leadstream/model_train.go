package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"leadstream/insight/learn"
	"leadstream/scoring/model"
)

// modelTrainWord learns the rules' points from who won, and writes a draft.
type modelTrainWord struct {
	Out   string `help:"Where the draft goes; it must not be there yet." default:"draft.yml" placeholder:"FILE"`
	Force bool   `help:"Write a draft even when it is not surely better than chance."`
	questionFlags
	replayFlags
}

func (w *modelTrainWord) Run(g *globals) error {
	if _, err := os.Stat(w.Out); err == nil {
		return fmt.Errorf("model train: %s is there already: name another with --out, or move it away", w.Out)
	}
	return w.with(g, nil, func(ctx context.Context, r *replaying) error { return w.learn(ctx, r, g.stdout) })
}

// learn plays, learns, tells and writes. What is no part of the answer goes to stderr when a program reads stdout.
func (w *modelTrainWord) learn(ctx context.Context, r *replaying, out io.Writer) error {
	q, err := w.question(r)
	if err != nil {
		return err
	}
	examples, _, err := r.examples(ctx, q, []*model.Model{r.running}, true)
	if err != nil {
		return err
	}
	var names []string
	for _, rule := range r.running.Rules() {
		names = append(names, rule.ID)
	}
	list := make([]learn.Example, len(examples))
	for i, x := range examples {
		list[i] = learn.Example{At: x.at.At, ID: x.id, Won: x.at.Won, X: x.rules}
	}
	learned, err := learn.Train(names, list, learn.DefaultLeast)
	if err := w.tell(out, learned, err); err != nil {
		return err
	}
	if w.Format != "table" {
		out = r.stderr
	}
	return w.write(out, r, learned)
}

// tell prints what was learned; its error is why no draft is written.
func (w *modelTrainWord) tell(out io.Writer, l learn.Learned, learning error) error {
	var lack *learn.NotEnough
	if errors.As(learning, &lack) || learning != nil && !errors.Is(learning, learn.ErrNoSignal) {
		return fmt.Errorf("model train: %w (no draft is written 数据不足，未生成草稿)", learning)
	}
	switch w.Format {
	case "json":
		if err := writeJSON(out, l); err != nil {
			return err
		}
	case "csv":
		if err := writeCSV(out, featureRows(l, false)); err != nil {
			return err
		}
	default:
		if err := w.print(out, l); err != nil {
			return err
		}
	}
	if learning != nil && !w.Force {
		return fmt.Errorf("model train: %w: AUC of the points %s (no draft is written, --force writes it anyway 未发现有效信号，未生成草稿)", learning, area(&l.PointsArea))
	}
	return nil
}

func (w *modelTrainWord) print(out io.Writer, l learn.Learned) error {
	fmt.Fprintf(out, "%s\n%d older leads learned, the newest %d judged; penalty %g chosen on the newest of the older\n", w.text(), l.Older, l.Newer, l.Penalty)
	fmt.Fprintf(out, "AUC %s, with whole points %s\nBrier %.4f, against %.4f of telling everybody the same rate\n", area(&l.Area), area(&l.PointsArea), l.Calibrated.Brier, l.Calibrated.Base)
	bins := [][]string{{"told 预测", "", "leads", "happened 实际 [95 %]", ""}}
	for _, b := range l.Calibrated.Bins {
		bins = append(bins, []string{fixed(100*b.Told, 1) + " %", "", strconv.Itoa(b.Leads),
			fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*b.Happened.Rate, 100*b.Happened.Low, 100*b.Happened.High), ""})
	}
	for _, s := range []struct {
		title string
		rows  [][]string
	}{
		{"Points 分值", featureRows(l, true)}, {"Reliability: chances told and what happened 可靠性", bins},
		{"Tenths of the newest leads by points 分数十分位", decileRows(l.Deciles)},
	} {
		if err := section(out, s.title, s.rows); err != nil {
			return err
		}
	}
	return nil
}

func featureRows(l learn.Learned, short bool) [][]string {
	digits := 6
	if short {
		digits = 2
	}
	rows := [][]string{{"rule", "believed", "points", "coefficient", "met", "won", "rate_met", "rate_others", "odds", "odds_low", "odds_high"}}
	for _, f := range l.Features {
		if short && f.Exposed == 0 {
			continue
		}
		odds := func(v float64) string {
			if short && f.Odds == 0 {
				return "-"
			}
			return fixed(v, digits)
		}
		rows = append(rows, []string{f.Name, strconv.FormatBool(f.Believed), strconv.Itoa(f.Points), fixed(f.Coefficient, digits+1), strconv.Itoa(f.Exposed), strconv.Itoa(f.Won),
			fixed(f.RateExposed, digits+1), fixed(f.RateOthers, digits+1), odds(f.Odds), odds(f.OddsLow), odds(f.OddsHigh)})
	}
	return rows
}

// write makes the draft: the running model's file with other points, and the evidence above each rule.
func (w *modelTrainWord) write(out io.Writer, r *replaying, l learn.Learned) error {
	draft, err := model.Redraft(r.text, w.Out, learnedName(r.running.Name()), w.head(r, l), revisions(r.running, l))
	if err != nil {
		return fmt.Errorf("model train: %w", err)
	}
	if err := os.WriteFile(w.Out, draft, 0o644); err != nil {
		return fmt.Errorf("model train: %w", err)
	}
	_, err = fmt.Fprintf(out, "\n%s is written. Next: leadstream model diff %s, leadstream model backtest %s\n草稿已写入 %s\n", w.Out, w.Out, w.Out, w.Out)
	return err
}

// learnedName is the draft's: the model's own, told from it, within what a name may be.
func learnedName(name string) string {
	const tail = "_learned"
	name = strings.TrimSuffix(name, tail) // learned again
	return name[:min(len(name), model.MaxName-len(tail))] + tail
}

func (w *modelTrainWord) head(r *replaying, l learn.Learned) []string {
	return []string{
		fmt.Sprintf("Draft of %s, learned by `leadstream model train` from %s.", r.now.UTC().Format(time.DateOnly), r.running.Version()),
		"Question: " + w.text() + ".",
		fmt.Sprintf("%d older leads learned, the newest %d judged. L2 penalty %g. AUC of these points %s.", l.Older, l.Newer, l.Penalty, area(&l.PointsArea)),
		fmt.Sprintf("Brier %.4f, against %.4f of telling everybody the same rate. Associated, not proved.", l.Calibrated.Brier, l.Calibrated.Base),
		"points = round(10 b / largest b). Stages' `up` and `down` are as they were: look at them with `leadstream model diff`.",
		"",
	}
}

func revisions(m *model.Model, l learn.Learned) map[string]model.Revision {
	out := map[string]model.Revision{}
	rules := m.Rules()
	for i, f := range l.Features {
		if !f.Believed {
			out[f.Name] = model.Revision{Keep: true, Why: []string{
				fmt.Sprintf("not learned: %d leads met it, %d of them won; at least %d and %d are needed. Points as they were.", f.Exposed, f.Won, learn.DefaultLeast.Exposed, learn.DefaultLeast.WonAmong)}}
			continue
		}
		out[f.Name] = model.Revision{Points: f.Points, Why: []string{
			fmt.Sprintf("learned: %g -> %d points (b %.3f). %d of %d leads met it, %.1f %% of them won, %.1f %% of the others:", rules[i].Points, f.Points, f.Coefficient, f.Exposed, l.Older, 100*f.RateExposed, 100*f.RateOthers),
			oddsText(f)}}
	}
	return out
}

func oddsText(f learn.Feature) string {
	if f.Odds == 0 {
		return "odds: everybody met it."
	}
	return fmt.Sprintf("odds x%.2f [%.2f, %.2f].", f.Odds, f.OddsLow, f.OddsHigh)
}
