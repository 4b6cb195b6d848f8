package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/daemon"
	"leadstream/internal/embedded"
)

//	ingest -> scoring -> sink -> leads        the roles, built as when they run alone
//	   `---------`--------`--------`- broker, ClickHouse: embedded, unless the config names real ones

type allWord struct {
	Demo bool `help:"Play a seeded day of traffic through the front door once everything is up, print what came of it, keep serving."`
}

func (w *allWord) Run(g *globals) error {
	started := time.Now()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := g.open("all")
	if err != nil {
		return err
	}
	b.withDemoSite = true
	stores, err := b.startStores(ctx)
	if err != nil {
		return err
	}
	parts, err := b.everyRole(ctx)
	if err != nil {
		return errors.Join(err, stopAll(stores))
	}
	parts = append(parts, b.modelPart, daemon.Part{Name: "greeting", Run: func(ctx context.Context) error { return w.greet(ctx, b, started) }})
	stop() // from here on daemon.Run listens for signals
	return b.serve(context.Background(), append(parts, stores...)...)
}

// everyRole prepares topics and tables and builds the roles, upstream first.
func (b *base) everyRole(ctx context.Context) ([]daemon.Part, error) {
	if err := migrateTopics(ctx, b.cfg, b.embeddedBroker); err != nil {
		return nil, err
	}
	if _, err := migrateTables(ctx, b.cfg, func(line string) { b.log.Info("migrate: " + line) }); err != nil {
		return nil, err
	}
	if b.clickhouseHTTP == "" {
		if err := ensureAnalysts(ctx, b.cfg); err != nil {
			return nil, err
		}
	}
	var parts []daemon.Part
	for _, build := range []func() (daemon.Part, error){
		b.ingest, b.score, b.sink, b.leads,
	} {
		part, err := build()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// startStores starts the embedded broker and ClickHouse where no real one is
// named. They are listed last, so they stop last.
func (b *base) startStores(ctx context.Context) ([]daemon.Part, error) {
	needBroker, needStore := len(b.cfg.Kafka.Brokers) == 0, b.cfg.ClickHouse.Addr == ""
	b.cfg.stores()
	b.cfg.Scoring.SnapshotDir = b.cfg.under("scoring")
	if err := b.portsAreFree(needBroker, needStore); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.cfg.DataDir, 0o700); err != nil { // what is in there are people's events
		return nil, fmt.Errorf("data_dir: %w (choose another folder with --data-dir)", err)
	}
	var parts []daemon.Part
	if needStore {
		part, err := b.startClickHouse(ctx)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if needBroker {
		part, err := b.startBroker(ctx)
		if err != nil {
			return nil, errors.Join(err, stopAll(parts))
		}
		parts = append(parts, part)
		b.embeddedBroker = true
	}
	return parts, nil
}

// portsAreFree asks for all ports before anything is started or fetched, and
// names every one that is taken.
func (b *base) portsAreFree(needBroker, needStore bool) error {
	c := b.cfg
	faults := []error{
		embedded.CheckPort(c.Ingest.Listen, "--ingest-listen"),
		embedded.CheckPort(c.Leads.Listen, "--leads-listen"),
	}
	if needBroker {
		faults = append(faults, embedded.CheckPort(c.Embedded.KafkaListen, "--kafka-listen"))
	}
	if needStore {
		faults = append(faults,
			embedded.CheckPort(c.Embedded.ClickHouseListen, "--clickhouse-listen"),
			embedded.CheckPort(c.Embedded.ClickHouseHTTPListen, "--clickhouse-http-listen"))
	}
	return errors.Join(faults...)
}

func (b *base) startBroker(ctx context.Context) (daemon.Part, error) {
	cfg := embedded.DefaultBrokerConfig()
	cfg.Dir, cfg.Addr = b.cfg.under("kafka"), b.cfg.Embedded.KafkaListen
	cfg.RetentionBytes = int64(b.cfg.Embedded.KafkaRetention)
	cfg.AddrFlag, cfg.DirFlag = "--kafka-listen", "--data-dir"
	log := b.log.Named("broker")
	cfg.Log = func(level, message string) { log.Warn(message, zap.String("level", level)) }
	broker, err := embedded.StartBroker(ctx, cfg)
	if err != nil {
		return daemon.Part{}, err
	}
	b.cfg.Kafka.Brokers = broker.Addrs()
	log.Info("embedded broker is up: no fsync, one copy; name real brokers in kafka.brokers for data that must survive this machine",
		zap.Strings("addresses", broker.Addrs()))
	return daemon.Part{Name: "broker", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return broker.Close()
	}}, nil
}

func (b *base) startClickHouse(ctx context.Context) (daemon.Part, error) {
	cfg := embedded.DefaultClickHouseConfig()
	dir, err := filepath.Abs(b.cfg.under("clickhouse"))
	if err != nil {
		return daemon.Part{}, err
	}
	cfg.Dir, cfg.Addr, cfg.HTTPAddr = dir, b.cfg.Embedded.ClickHouseListen, b.cfg.Embedded.ClickHouseHTTPListen
	cfg.MaxMemory, cfg.Database = int64(b.cfg.Embedded.ClickHouseMemory), b.cfg.ClickHouse.Database
	cfg.AddrFlag, cfg.HTTPAddrFlag, cfg.DirFlag = "--clickhouse-listen", "--clickhouse-http-listen", "--data-dir"
	cfg.Analysts = embeddedAnalysts(b.cfg.ClickHouse.Analysts)
	server, err := embedded.StartClickHouse(ctx, cfg, b.stdout)
	if err != nil {
		return daemon.Part{}, err
	}
	b.cfg.ClickHouse.Addr, b.clickhouseHTTP = server.Addr(), server.HTTPAddr()
	b.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "leadstream_embedded_clickhouse_restarts_total",
		Help: "Times the embedded ClickHouse crashed and was started again.",
	}, func() float64 { return float64(server.Restarts()) }))
	b.log.Named("clickhouse").Info("embedded ClickHouse is up", zap.String("native", server.Addr()),
		zap.String("http", server.HTTPAddr()), zap.String("server", server.Describe()))
	return daemon.Part{Name: "clickhouse", Run: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return server.Stop(context.WithoutCancel(ctx))
		case <-server.Done():
			return fmt.Errorf("the embedded ClickHouse ended by itself: %w", server.Wait())
		}
	}}, nil
}

// stopAll ends parts that were started but never served.
func stopAll(parts []daemon.Part) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	for _, p := range parts {
		if err := p.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
