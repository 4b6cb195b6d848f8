package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/scoring/model"
)

type modelWord struct {
	Test modelTestWord `cmd:"" help:"Run .score scripts against the model."`
	Show modelShowWord `cmd:"" help:"Print the built-in model, a start for your own; or one that ran, by its version."`

	Diff     modelDiffWord     `cmd:"" help:"Play history under a draft: who changes grade and stage, which alerts it would have fired."`
	Backtest modelBacktestWord `cmd:"" help:"How well did scores tell who would win? AUC with interval, lift by tenths, on a time split."`
	Train    modelTrainWord    `cmd:"" help:"Learn the points from who won, and write a draft."`
	Publish  modelPublishWord  `cmd:"" help:"Make a model the one that runs, everywhere and for all of history, without alerting anybody."`
	List     modelListWord     `cmd:"" help:"Every model that has run, and how many leads stand under it."`
	Score    modelScoreWord    `cmd:"" help:"A lead's score and why, as of any instant under any version."`
}

type modelTestWord struct {
	Scripts []string `arg:"" help:"Script files, or folders of them." type:"path"`
}

// Run prints every failing expectation with its line and ends with a count.
func (w *modelTestWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	running := readModelFile(cfg.Model)
	if running.fault != nil {
		return running.fault
	}
	m := running.model
	files, err := scripts(w.Scripts)
	if err != nil {
		return err
	}
	failed := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		failures := model.RunScript(m, file, text)
		for _, f := range failures {
			fmt.Fprintln(g.stdout, f)
		}
		if len(failures) > 0 {
			failed++
		}
	}
	fmt.Fprintf(g.stdout, "%d scripts passed, %d failed, against %s\n", len(files)-failed, failed, m.Version())
	if failed > 0 {
		return fmt.Errorf("model test: %d of %d scripts failed", failed, len(files))
	}
	return nil
}

// scripts expands folders to the .score files in them.
func scripts(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		inside, err := filepath.Glob(filepath.Join(path, "*.score"))
		if err != nil {
			return nil, err
		}
		if len(inside) == 0 {
			return nil, fmt.Errorf("%s holds no .score files", path)
		}
		files = append(files, inside...)
	}
	return files, nil
}

type modelShowWord struct {
	Version string `arg:"" optional:"" help:"A version of leadstream model list."`
}

func (w modelShowWord) Run(g *globals) error {
	if w.Version == "" {
		_, err := g.stdout.Write(model.DefaultText())
		return err
	}
	return withShelf(g, func(ctx context.Context, _ Config, s *shelf) error {
		rows, err := s.rows(ctx, "version = {version:String}", driver.Named("version", w.Version))
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("model show: %q is no version of `leadstream model list`", w.Version)
		}
		if err != nil {
			return err
		}
		_, err = io.WriteString(g.stdout, rows[0].Text)
		return err
	})
}
