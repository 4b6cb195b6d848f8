package leads

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/telemetry"
	"leadstream/leads/erase"
	"leadstream/leads/owner"
	"leadstream/leads/web"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Deps are what the roof hands in. What leads needs of the score model comes as functions and values, so that it knows
// nothing of how a score is made.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
	DB       driver.Conn

	// Explain reads lead_state.record (a leadstream.v1.LeadRecord) and says why the lead has its score at an instant.
	Explain func(record []byte, at time.Time) (schemas.Explanation, error)

	// Stages is the path in its order; of several tracks, the first one's and behind it what others have besides.
	Stages []schemas.StageName

	// Tracks are the scores that are kept of every lead; the first is shown where none is asked for. None: all that is in
	// the tables.
	Tracks []Track

	// RuleTitle is what a rule is called by people; nil, or empty answers, show the rule's id.
	RuleTitle func(rule string) (en, zh string)

	// Live hands over each new lead record until ctx ends; LiveTopic makes one. Nil leaves streams silent.
	Live func(ctx context.Context, each func(*pb.LeadRecord)) error

	// Eraser takes a person out of every store; nil: DELETE is refused. The service runs it.
	Eraser *erase.Eraser

	// Owners tells the scoring workers what people decide; nil: such words are refused. Its client is the eraser's.
	Owners *owner.Teller

	// DemoURL is where a newcomer makes a first lead, for the empty hot list; empty when there is no demo site.
	DemoURL string
}

// Service is the leads role.
type Service struct {
	cfg     Config
	deps    Deps
	log     *zap.Logger
	metrics *metrics
	hub     *hub
	pages   *web.Pages
	door    *door
	handler http.Handler

	mu       sync.Mutex
	listener net.Listener
}

// drainTime bounds the end: requests of people are short, and streams are told to go at once.
const drainTime = 5 * time.Second

// New builds the role; nothing runs and nothing listens yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("leads: %w", err)
	}
	if deps.Log == nil || deps.Registry == nil || deps.DB == nil || deps.Explain == nil || len(deps.Stages) == 0 {
		return nil, errors.New("leads: Deps needs Log, Registry, DB, Explain and Stages")
	}
	pages, err := web.New()
	if err != nil {
		return nil, fmt.Errorf("leads: %w", err)
	}
	s := &Service{cfg: cfg, deps: deps, log: deps.Log.Named("leads"), metrics: newMetrics(deps.Registry), pages: pages}
	s.hub = newHub(cfg.StreamClients, cfg.StreamBuffer, s.metrics)
	s.door = newDoor(cfg.Tokens)
	s.handler = s.routes()
	return s, nil
}

// Listen opens the port. Run does it if nobody did before; calling it first tells early whether the port is free.
func (s *Service) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := telemetry.Listen(s.cfg.Listen, "leads.listen")
	if err != nil {
		return err
	}
	// Validate judged the words; this judges what they resolved to.
	if !telemetry.IsLoopback(l.Addr()) && !s.door.guarded() {
		return errors.Join(fmt.Errorf("leads.tokens: %s can be reached from other machines, so at least one token is needed", l.Addr()), l.Close())
	}
	s.listener = l
	return nil
}

// Addr is the real host:port; empty before Listen or Run.
func (s *Service) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx ends, then drains and returns.
func (s *Service) Run(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	s.log.Info("serving leads", zap.String("url", "http://"+s.Addr()+"/"), zap.Bool("token_needed", s.door.guarded()))
	if !s.door.guarded() {
		s.log.Warn("no token is asked for: everybody on this machine can read all leads; set leads.tokens to change that")
	}
	live, stopLive := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { s.hub.run(live) })
	background.Go(func() { s.follow(live) })
	if s.deps.Eraser != nil {
		background.Go(func() { s.deps.Eraser.Run(live) })
	}
	defer background.Wait()
	defer stopLive()
	return s.serve(ctx)
}

func (s *Service) serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second, // requests carry no body worth more
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          zap.NewStdLog(s.log.Named("http")),
		// No WriteTimeout: a stream writes for hours. Every handler bounds its own writes.
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("leads: serve: %w", err)
	case <-ctx.Done():
	}
	s.hub.close() // streams never end by themselves
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("leads: requests were cut off after %s: %w", drainTime, err), server.Close())
	}
	return nil
}

// Ready tells whether questions can be answered.
func (s *Service) Ready(ctx context.Context) error {
	if s.Addr() == "" {
		return errors.New("leads: not listening yet")
	}
	if err := s.deps.DB.Ping(ctx); err != nil {
		return fmt.Errorf("leads: clickhouse does not answer: %w", err)
	}
	return nil
}
