package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"leadstream/insight"
	"leadstream/internal/clickhouse"
	"leadstream/internal/daemon"
	"leadstream/internal/kafka"
	"leadstream/leads"
	"leadstream/leads/erase"
	"leadstream/leads/owner"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/sink"
)

//	ClickHouse -------------> [ query, insight ] -> [ api ] -> salespeople, CRMs
//	leadstream.leads.v1 ----> [ hub ] -- server-sent events -> [ web ] the app
//	lead_state.record + model -> explanation

type leadsWord struct{}

func (leadsWord) Run(g *globals) error {
	b, err := g.open("leads")
	if err != nil {
		return err
	}
	b.cfg.stores()
	if err := b.awaitClickHouse(); err != nil {
		return err
	}
	part, err := b.leads()
	if err != nil {
		return err
	}
	return b.serve(context.Background(), part)
}

func (b *base) leads() (daemon.Part, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := clickhouse.Open(ctx, b.cfg.ClickHouse)
	if err != nil {
		return daemon.Part{}, err
	}
	eraser, owners, err := b.eraser(db)
	if err != nil {
		return daemon.Part{}, err
	}
	service, err := leads.New(b.cfg.Leads, leads.Deps{
		Log: b.log.Named("leads"), Registry: b.registry, DB: db,
		Explain:   explainer{b.models, newShelf(db, "")}.explain,
		Stages:    b.allStages(),
		Tracks:    b.tracks(),
		RuleTitle: b.ruleTitle,
		Live:      leads.LiveTopic(b.cfg.Kafka, b.log.Named("leads")),
		Eraser:    eraser,
		Owners:    owners,
		DemoURL:   b.demoURL(),
	})
	if err != nil {
		return daemon.Part{}, err
	}
	if err := service.Listen(); err != nil {
		return daemon.Part{}, err
	}
	b.health.Register("leads", service.Ready)
	return daemon.Part{Name: "leads", Run: func(ctx context.Context) error {
		defer db.Close()
		return service.Run(ctx)
	}}, nil
}

// eraser takes people out of every store; it waits for the groups of scoring and sink, wherever they run. Who is who is told over
// the same client.
func (b *base) eraser(db clickhouse.Conn) (*erase.Eraser, *owner.Teller, error) {
	client, err := kafka.NewClient(b.cfg.Kafka, b.log.Named("leads"), owner.KafkaOpts()...)
	if err != nil {
		return nil, nil, err
	}
	cfg := erase.Config{
		Dir: b.cfg.under("erasures"), ScoringGroups: b.scoringGroups(), SinkGroup: b.cfg.Sink.Group, Marked: 2 * sink.MarksEvery,
		SpoolKept: b.cfg.Ingest.Spool.KeepFor, StateKept: b.cfg.Scoring.SnapshotInterval,
	}
	return erase.New(cfg, db, client, b.log.Named("leads"), b.registry), owner.New(client), nil
}

// explainer tells why by the model that the record was scored with: another one would not agree with the
// list. The one that runs stands in where that was not kept.
type explainer struct {
	running []*model.Model
	shelf   *shelf
}

func (e explainer) explain(record []byte, at time.Time) (schemas.Explanation, error) {
	var r pb.LeadRecord
	if err := proto.Unmarshal(record, &r); err != nil {
		return schemas.Explanation{}, fmt.Errorf("lead_state.record: %w", err)
	}
	m, err := pick(e.running, r.Track)
	if err != nil {
		m = e.running[0] // of a track that was taken away
	}
	if r.ModelVersion != m.Version() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		kept, err := e.shelf.of(ctx, r.ModelVersion)
		if err != nil {
			return schemas.Explanation{}, err
		}
		if kept != nil {
			m = kept
		}
	}
	lead, err := m.Restore(&r)
	if err != nil {
		return schemas.Explanation{}, err
	}
	return m.Explain(lead, at.UnixMilli()), nil
}

func stageNames(m *model.Model) []schemas.StageName {
	var names []schemas.StageName
	for _, s := range m.Stages() {
		names = append(names, s.StageName)
	}
	return names
}

// reportScope asks about all leads of a model, now.
func reportScope(m *model.Model, site string) insight.Scope {
	return insight.Scope{Site: site, Track: m.Track(), Stages: stageNames(m), At: time.Now().UTC(), Window: insight.DefaultWindow}
}
