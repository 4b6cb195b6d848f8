package main

import (
	"context"
	"time"

	"leadstream/insight"
	"leadstream/internal/clickhouse"
)

type reportWord struct {
	Name   string `arg:"" help:"funnel or forecast." enum:"funnel,forecast"`
	Format string `help:"table, json or csv." enum:"table,json,csv" default:"table"`
	Site   string `help:"One site only." placeholder:"SITE"`
	Track  string `help:"The track of another model than the first." placeholder:"TRACK"`
}

func (w *reportWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	m, err := cfg.modelOf(w.Track)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	return insight.Report(ctx, conn, w.Name, reportScope(m, w.Site), w.Format, g.stdout)
}
