package ingest

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// newServer is the HTTP server with everything that bounds a stranger.
//
// HTTP/2 is spoken over TLS, where browsers ask for it, and not in the clear: no browser does that, and a proxy in front gains
// nothing from it over the connections that it keeps open to us anyway.
func (s *Service) newServer() *http.Server {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout, // header and small body; a large body earns more as it comes: see slowest
		WriteTimeout:      s.writeTimeout(),
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // a pixel's query is in there
		ErrorLog:          zap.NewStdLog(s.log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 100, // of one connection, each with a body of its own
			SendPingTimeout:      30 * time.Second,
			PingTimeout:          15 * time.Second,
		},
	}
	if s.certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.forClient}
	}
	return server
}

// writeTimeout counts from the request's header: the slowest body that is borne, the wait for the broker, then for the disk, and
// time to take a few hundred bytes.
func (s *Service) writeTimeout() time.Duration {
	body := time.Duration(int64(s.cfg.MaxBody)/s.bodies.slowest.rate) * time.Second
	return s.cfg.ReadTimeout + body + 2*s.cfg.ProduceTimeout + 30*time.Second
}

// listenAndServe returns only with an error.
func (s *Service) serve(ctx context.Context, server *http.Server) error {
	if s.certificate == nil {
		return server.Serve(s.listener)
	}
	go s.certificate.watch(ctx)
	return server.ServeTLS(s.listener, "", "")
}
