package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/internal/daemon"
	"leadstream/internal/kafka"
	"leadstream/internal/telemetry"
	"leadstream/scoring/model"
)

// grace is how long each part may take to drain before the next is told to stop.
const grace = 20 * time.Second

// base is what every role leans on.
type base struct {
	cfg      Config
	files    []modelFile    // one a track, as at the start; none in a role that needs no model
	models   []*model.Model // what is to run, one a track; the first is what is asked where no track is named
	log      *zap.Logger
	registry *prometheus.Registry
	health   *telemetry.Health
	metrics  net.Listener
	wire     *kafka.Metrics
	stdout   io.Writer

	modelPart      daemon.Part // watches the model of the worker
	embeddedBroker bool        // its topics must not be compacted
	withDemoSite   bool        // the collectors serve /demo/
	clickhouseHTTP string      // the embedded server's, "" without one
}

// open reads config and model, telling every fault of both at once, and takes
// the metrics port. A published model stands in for a file with faults.
func (g *globals) open(role string) (*base, error) {
	cfg, report, err := g.load()
	files := cfg.readModels(report)
	if err != nil {
		return nil, errors.Join(err, faultsOf(files))
	}
	if err := cfg.standIn(files, role == "all"); err != nil {
		return nil, err
	}
	return g.baseOf(role, cfg, files)
}

// openWithoutModel is for roles that score and explain nothing: what somebody wrote into a model must
// not close the collectors' door at their next restart.
func (g *globals) openWithoutModel(role string) (*base, error) {
	cfg, _, err := g.load()
	if err != nil {
		return nil, err
	}
	return g.baseOf(role, cfg, nil)
}

func (g *globals) baseOf(role string, cfg Config, files []modelFile) (*base, error) {
	build := telemetry.ReadBuild(version)
	b := &base{
		cfg: cfg, files: files, models: modelsOf(files), stdout: g.stdout,
		log:      telemetry.NewLogger(cfg.Telemetry.Log, g.stderr).Named(role),
		registry: telemetry.NewRegistry(build),
		health:   telemetry.NewHealth(),
	}
	b.wire = kafka.NewMetrics(b.registry)
	if err := b.refuseDemoKeys(); err != nil {
		return nil, err
	}
	var err error
	if b.metrics, err = telemetry.Listen(cfg.Telemetry.Listen, "telemetry.listen"); err != nil {
		return nil, err
	}
	about := []zap.Field{zap.String("version", build.Version), zap.String("revision", build.Revision),
		zap.String("go", build.Go), zap.String("telemetry", b.metrics.Addr().String())}
	if len(b.models) > 0 {
		about = append(about, zap.String("model", b.models[0].Version()))
	}
	b.log.Info("starting", about...)
	b.tellStandIns()
	return b, nil
}

// refuseDemoKeys keeps the built-in secret off every address but loopback:
// whoever reads the docs could move deals to "won".
func (b *base) refuseDemoKeys() error {
	host, _, err := net.SplitHostPort(b.cfg.Ingest.Listen)
	if err != nil {
		return fmt.Errorf("ingest.listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	for _, site := range b.cfg.Ingest.Sites {
		for _, secret := range site.SecretKeys {
			if secret.Reveal() == demoSecret {
				return fmt.Errorf("ingest.sites: site %q uses the built-in secret key, which everybody knows, on %s: name your own sites and keys in the config before listening beyond loopback", site.Name, b.cfg.Ingest.Listen)
			}
		}
	}
	return nil
}

// kafkaOpts are the options of a role's client.
func (b *base) kafkaOpts(role string) ([]kgo.Opt, error) {
	opts, err := kafka.Opts(b.cfg.Kafka, b.log.Named("kafka"))
	if err != nil {
		return nil, err
	}
	return append(opts, b.wire.For(role)), nil
}

// awaitBroker and awaitClickHouse let roles start in any order: they ask until
// the store answers, and say so once. Ctrl-C ends the waiting.
func (b *base) awaitBroker() error {
	client, err := kafka.NewClient(b.cfg.Kafka, zap.NewNop())
	if err != nil {
		return err
	}
	defer client.Close()
	return b.await("broker", func(ctx context.Context) error { return kafka.Ping(ctx, client) })
}

func (b *base) awaitClickHouse() error {
	return b.await("ClickHouse", func(ctx context.Context) error {
		db, err := clickhouse.Open(ctx, b.cfg.ClickHouse)
		if err != nil {
			return err
		}
		return db.Close()
	})
}

func (b *base) await(store string, ask func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for told := false; ; {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ask(try)
		cancel()
		if err == nil {
			return nil
		}
		if !told {
			b.log.Warn("waiting for the "+store, zap.Error(err))
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped while waiting for the %s: %w", store, err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// serve runs the parts of the path with metrics and health below them.
func (b *base) serve(ctx context.Context, parts ...daemon.Part) error {
	server := telemetry.NewServer(telemetry.Deps{Listener: b.metrics, Registry: b.registry, Health: b.health, Log: b.log})
	parts = append(parts, daemon.Part{Name: "telemetry", Run: server.Run})
	err := daemon.Run(ctx, b.log, grace, parts...)
	if err == nil {
		b.log.Info("stopped: everything accepted is stored, or waits in the broker or the spool")
	}
	return err
}

// say prints for the person at the terminal, not for the log.
func (b *base) say(lines ...string) { fmt.Fprintln(b.stdout, strings.Join(lines, "\n")) }
