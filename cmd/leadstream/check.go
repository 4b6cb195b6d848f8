package main

import (
	"errors"
	"fmt"
	"runtime"

	"leadstream/internal/config"
	"leadstream/internal/telemetry"
)

type checkWord struct{}

// Run prints what would be in force, or every fault of config and model.
func (checkWord) Run(g *globals) error {
	cfg, report, err := g.load()
	models, modelErr := cfg.loadModels(report)
	if err := errors.Join(err, modelErr); err != nil {
		return err
	}
	text, err := config.Effective(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "# the effective config (%d keys set, the others are defaults)\n%s", len(report.Origins), text)
	for _, m := range models {
		fmt.Fprintf(g.stdout, "# the model: %s, track %s, stages", m.Version(), m.Track())
		for _, s := range m.Stages() {
			fmt.Fprintf(g.stdout, " %s %s", s.ID, s.ZH)
		}
		fmt.Fprintln(g.stdout)
	}
	return nil
}

type versionWord struct{}

func (versionWord) Run(g *globals) error {
	b := telemetry.ReadBuild(version)
	_, err := fmt.Fprintf(g.stdout, "leadstream %s (%s), %s %s/%s\n", b.Version, b.Revision, b.Go, runtime.GOOS, runtime.GOARCH)
	return err
}
