package main

import (
	"context"

	"leadstream/internal/daemon"
	"leadstream/sink"
)

//	events, leads, ledger, stages -> [ batch ] -> [ insert ] -> ClickHouse, then the offsets
//	                                     `-- what cannot be read -> leadstream.deadletter.v1

type sinkWord struct{}

func (sinkWord) Run(g *globals) error {
	b, err := g.openWithoutModel("sink")
	if err != nil {
		return err
	}
	b.cfg.stores()
	part, err := b.sink()
	if err != nil {
		return err
	}
	return b.serve(context.Background(), part)
}

func (b *base) sink() (daemon.Part, error) {
	opts, err := b.kafkaOpts("sink")
	if err != nil {
		return daemon.Part{}, err
	}
	worker, err := sink.New(b.cfg.Sink, sink.Deps{Log: b.log.Named("sink"), Registry: b.registry, KafkaOpts: opts, ClickHouse: b.cfg.ClickHouse})
	if err != nil {
		return daemon.Part{}, err
	}
	b.health.Register("sink", worker.Ready)
	return daemon.Part{Name: "sink", Run: worker.Run}, nil
}
