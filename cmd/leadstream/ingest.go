package main

import (
	"context"
	"net/http"

	"leadstream/ingest"
	"leadstream/internal/daemon"
	"leadstream/tracker"
)

//	browsers, servers, webhooks
//	        | POST
//	   [ http ] -> [ protocol ] -> [ pipeline ] -> [ producer ] -> leadstream.events.v1
//	        |            one bad event                  `-------> leadstream.deadletter.v1
//	        `-- /tracker.js (and /demo/ in `all`)

type ingestWord struct{}

func (ingestWord) Run(g *globals) error {
	b, err := g.openWithoutModel("ingest")
	if err != nil {
		return err
	}
	b.cfg.stores()
	part, err := b.ingest()
	if err != nil {
		return err
	}
	return b.serve(context.Background(), part)
}

// ingest builds the collectors, with the small marketing site in `all`.
func (b *base) ingest() (daemon.Part, error) {
	opts, err := b.kafkaOpts("ingest")
	if err != nil {
		return daemon.Part{}, err
	}
	static := map[string]http.Handler{"/tracker.js": tracker.ScriptHandler()}
	if b.withDemoSite {
		static["/demo/"] = tracker.DemoHandler()
	}
	service, err := ingest.New(b.cfg.Ingest, ingest.Deps{Log: b.log.Named("ingest"), Registry: b.registry, KafkaOpts: opts, Static: static})
	if err != nil {
		return daemon.Part{}, err
	}
	b.health.Register("ingest", service.Ready)
	return daemon.Part{Name: "ingest", Run: service.Run}, nil
}
