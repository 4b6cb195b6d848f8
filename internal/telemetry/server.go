package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// Server is the part that answers for metrics and health.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Deps is what a Server shows.
type Deps struct {
	Listener net.Listener // from Listen(cfg.Listen, "telemetry.listen"); the server closes it
	Registry *prometheus.Registry
	Health   *Health
	Log      *zap.Logger
}

// NewServer wires the paths and serves nothing yet. What /readyz says is in /metrics, too.
func NewServer(d Deps) *Server {
	d.Registry.MustRegister(ready{d.Health})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.Registry, promhttp.HandlerOpts{
		Registry: d.Registry, // count scrapes and their errors too
		ErrorLog: zap.NewStdLog(d.Log.Named("metrics")),
		// A metric that cannot be gathered must not hide the others.
		ErrorHandling: promhttp.ContinueOnError,
	}))
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("GET /readyz", d.Health)
	if IsLoopback(d.Listener.Addr()) {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	return &Server{listener: d.Listener, http: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(d.Log.Named("telemetry")),
		// No WriteTimeout: a CPU profile is asked for in seconds, and takes them.
	}}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends. A scrape under way gets two seconds to finish; a profile is cut off, it is not worth a slow stop.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("metrics and health on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(last); errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
		<-served
		return err
	}
	<-served // always http.ErrServerClosed here
	return nil
}
