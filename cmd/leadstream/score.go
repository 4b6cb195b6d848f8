package main

import (
	"context"

	"leadstream/internal/daemon"
	"leadstream/scoring"
)

//	leadstream.events.v1 -+
//	leadstream.routed.v1 -+-> [ a worker a track: poll, fold, produce, commit ] -> leads, ledger, stages
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
	var watches []*modelWatch
	for i := range b.models {
		watch, err := b.worker(i, scoring.Deps{KafkaOpts: opts})
		if err != nil {
			return daemon.Part{}, err
		}
		watches = append(watches, watch)
	}
	b.modelPart = watchAll(watches)
	return scoreAll(b.log.Named("scoring"), watches), nil
}
