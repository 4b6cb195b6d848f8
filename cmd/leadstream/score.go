package main

import (
	"context"

	"leadstream/internal/daemon"
	"leadstream/scoring"
)

//	leadstream.events.v1 -+
//	leadstream.routed.v1 -+-> [ worker: poll, fold, produce, commit ] -> leads, ledger, stages
//	                             |  state in memory, one map a partition     (one transaction)
//	                             `-- restored from leadstream.leads.v1 and local snapshots

type scoreWord struct{}

func (scoreWord) Run(g *globals) error {
	b, err := g.open("score")
	if err != nil {
		return err
	}
	b.cfg.stores()
	if err := b.awaitBroker(); err != nil {
		return err
	}
	part, err := b.score()
	if err != nil {
		return err
	}
	return b.serve(context.Background(), part, b.modelPart)
}

func (b *base) score() (daemon.Part, error) {
	opts, err := b.kafkaOpts("scoring")
	if err != nil {
		return daemon.Part{}, err
	}
	watch, err := b.openWatch(context.Background())
	if err != nil {
		return daemon.Part{}, err
	}
	watch.worker, err = scoring.New(b.cfg.Scoring, scoring.Deps{
		Log: b.log.Named("scoring"), Registry: b.registry, KafkaOpts: opts, Model: b.model, History: watch.history,
	})
	if err != nil {
		return daemon.Part{}, err
	}
	worker := watch.worker
	b.health.Register("scoring", worker.Ready)
	b.modelPart = watch.part()
	return daemon.Part{Name: "scoring", Run: worker.Run}, nil
}
