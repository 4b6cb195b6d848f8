package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/ingest/agent"
	"leadstream/ingest/geo"
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/ingest/session"
	"leadstream/internal/telemetry"
)

// Deps is what the service is given.
type Deps struct {
	Log       *zap.Logger
	Registry  prometheus.Registerer
	KafkaOpts []KafkaOption           // from internal/kafka.Opts
	Static    map[string]http.Handler // path -> files, such as /tracker.js and /demo/; a path that ends in / takes all below it
	Now       func() time.Time        // nil = time.Now
}

// Service is the collectors.
type Service struct {
	cfg      Config
	log      *zap.Logger
	listener net.Listener
	now      func() time.Time

	routes     []route
	router     router
	sites      sites
	proxies    proxies
	limits     protocol.Limits
	bodies     *bodies
	salts      *privacy.Salts
	sessions   *session.Table
	agents     *agent.Reader
	atlas      *geo.Atlas
	metrics    *metrics
	delivery   *delivery
	repeats    *repeats
	complaints sometimes

	pace        *pace
	queries     *queries
	certificate *certificate // nil = plain HTTP
}

// New puts the parts together and takes the port, so that a taken one is told before anything starts; nothing is sent or
// answered before Run.
func New(cfg Config, d Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	atlas, err := geo.New(cfg.GeoIP, geo.Deps{Log: d.Log.Named("geoip"), Registry: d.Registry})
	if err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	salts, err := privacy.OpenSalts(cfg.Privacy.Dir, cfg.Privacy.DaySecret.Reveal(), d.Log.Named("privacy"), d.Now())
	if err != nil {
		return nil, err
	}
	way, err := newDelivery(cfg, d)
	if err != nil {
		return nil, err
	}
	shown, err := newCertificate(cfg.TLS, d.Log, d.Registry)
	if err != nil {
		way.abandon()
		return nil, err
	}
	seen, err := newRepeats(cfg, d)
	if err != nil {
		way.abandon()
		return nil, err
	}
	s := &Service{
		cfg: cfg, log: d.Log, now: d.Now,
		routes:  append(append(collectRoutes(), hookRoutes(cfg, d.Registry)...), staticRoutes(d.Static)...),
		sites:   newSites(cfg),
		proxies: newProxies(cfg.TrustedProxies),
		limits:  protocol.Limits{Events: cfg.MaxBatch, Bytes: int(cfg.MaxEvent)},
		bodies:  newBodies(cfg), salts: salts, sessions: session.NewTable(), agents: agent.NewReader(), atlas: atlas, metrics: newMetrics(d.Registry, cfg.Sites), delivery: way,
		pace: newPace(cfg, d.Registry), queries: newQueries(), certificate: shown, repeats: seen,
	}
	s.metrics.watchRoom(d.Registry, s.bodies.room)
	s.router = newRouter(s.routes)
	if s.listener, err = telemetry.Listen(cfg.Listen, "ingest.listen"); err != nil {
		way.abandon()
		return nil, errors.Join(err, seen.close())
	}
	return s, nil
}

// Addr is where the collectors listen.
func (s *Service) Addr() net.Addr { return s.listener.Addr() }

// Ready tells whether events can be stored now.
func (s *Service) Ready(ctx context.Context) error {
	return s.delivery.ready(ctx)
}

// Run serves until ctx ends. Then, in this order: 1. no new connections, 2. the requests under way get their answer, 3. the
// spool, the producer and the memory of ids are closed, when nobody can hand them anything any more.
func (s *Service) Run(ctx context.Context) error {
	server := s.newServer()
	go s.atlas.Run(ctx)
	go s.salts.Run(ctx, s.now)
	s.delivery.start()
	served := make(chan error, 2)
	shutdown := s.serve(ctx, server, served)
	var failed error
	select {
	case err := <-served:
		failed = fmt.Errorf("collectors on %s: %w", s.Addr(), err)
	case <-ctx.Done():
		failed = s.drain(ctx, shutdown)
		if failed != nil {
			failed = fmt.Errorf("requests still under way after %v were cut off: %w", s.cfg.DrainTimeout, errors.Join(failed, server.Close()))
		}
	}
	return errors.Join(failed, s.drain(ctx, s.delivery.close), s.repeats.close())
}

// drain gives one part of the stop its time, although ctx has ended.
func (s *Service) drain(ctx context.Context, stop func(context.Context) error) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	return stop(last)
}

// sometimes lets one of many equal complaints through each second.
type sometimes struct{ last atomic.Int64 }

func (s *sometimes) due(now time.Time) bool {
	last := s.last.Load()
	return now.UnixNano()-last >= int64(time.Second) && s.last.CompareAndSwap(last, now.UnixNano())
}
