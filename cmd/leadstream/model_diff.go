package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// modelDiffWord plays history under the model that runs and under a draft, and tells nobody else.
type modelDiffWord struct {
	Draft string `arg:"" help:"The model file that might be published." type:"existingfile"`
	At    string `help:"As of when: 2026-01-31, 2026-01-31T12:00:00Z, or an age such as 7d (default: now)." placeholder:"TIME"`
	Days  int    `help:"Count alerts over so many days before that." default:"30"`
	Top   int    `help:"Show so many leads, the largest changes first; -1 shows all." default:"20"`
	replayFlags
}

func (w *modelDiffWord) Run(g *globals) error {
	draft, _, err := readDraft(w.Draft)
	if err != nil {
		return err
	}
	return w.with(g, draft, func(ctx context.Context, r *replaying) error {
		at, err := instantOf(w.At, r.now)
		if err != nil {
			return err
		}
		diff, err := r.diff(ctx, draft, at, w.Days, w.Top)
		if err != nil {
			return err
		}
		switch w.Format {
		case "json":
			return writeJSON(g.stdout, diff)
		case "csv":
			return writeCSV(g.stdout, changeRows(diff, false))
		}
		return printDiff(g.stdout, diff, r.running, draft)
	})
}

func (r *replaying) diff(ctx context.Context, draft *model.Model, at time.Time, days, top int) (replay.Diff, error) {
	shares := make([]*replay.Differ, r.Cores)
	for i := range shares {
		shares[i] = replay.NewDiffer(r.running, draft, at.UnixMilli(), days, top)
	}
	err := r.play(ctx, func(share int, h replay.History) error {
		shares[share].Add(h)
		return nil
	})
	if err != nil {
		return replay.Diff{}, err
	}
	for _, s := range shares[1:] {
		shares[0].Merge(s)
	}
	return shares[0].Diff(), nil
}

func printDiff(w io.Writer, d replay.Diff, models ...*model.Model) error {
	stage := func(id string) string {
		for _, m := range models {
			for _, s := range m.Stages() {
				if s.ID == id {
					return s.EN + " " + s.ZH
				}
			}
		}
		return id
	}
	fmt.Fprintf(w, "%s -> %s, as of %s: %d of %d leads stay as they are\n%d 位潜在客户中有 %d 位不变\n", d.Old, d.New,
		time.UnixMilli(d.At).UTC().Format(time.RFC3339), d.Same, d.Leads, d.Leads, d.Same)
	stages := [][]string{{"from stage 原阶段", "to stage 新阶段", "leads"}}
	for _, m := range d.Stages {
		stages = append(stages, []string{stage(m.From), stage(m.To), strconv.Itoa(m.Leads)})
	}
	grades := [][]string{{"from grade 原等级", "to grade 新等级", "leads"}}
	for _, m := range d.Grades {
		grades = append(grades, []string{m.From, m.To, strconv.Itoa(m.Leads)})
	}
	alerts := [][]string{{"entered 进入阶段", "", "under " + d.Old, "under " + d.New, ""}}
	for _, a := range d.Alerts {
		alerts = append(alerts, []string{stage(a.Stage), "", strconv.Itoa(a.Old), strconv.Itoa(a.New), ""})
	}
	changes := changeRows(d, true)
	for i, row := range changes {
		if i > 0 {
			row[5], row[8] = stage(row[5]), stage(row[8])
		}
	}
	for _, s := range []struct {
		title string
		rows  [][]string
	}{
		{"Who changes stage 阶段变化", stages}, {"Who changes grade 等级变化", grades},
		{fmt.Sprintf("Promotions in the last %d days: the alerts it would have fired 过去 %d 天的升级提醒", d.Days, d.Days), alerts},
		{"The largest changes 变化最大", changes},
	} {
		if err := section(w, s.title, s.rows); err != nil {
			return err
		}
	}
	return nil
}

func changeRows(d replay.Diff, rounded bool) [][]string {
	score := func(v float64) string {
		if rounded {
			return fixed(v, 1)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	rows := [][]string{{"lead", "who", "site", "old_score", "old_grade", "old_stage", "new_score", "new_grade", "new_stage"}}
	for _, c := range d.Changes {
		rows = append(rows, []string{c.Lead, c.Who, c.Site, score(c.Old.Score), c.Old.Grade, c.Old.Stage, score(c.New.Score), c.New.Grade, c.New.Stage})
	}
	return rows
}
