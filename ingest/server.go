package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"leadstream/ingest/front"
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

// serve starts to answer, and returns what stops that again; on served it says why it ended, if nobody has stopped it.
// Without TLS, package front takes the usual requests and leaves the others to net/http.
func (s *Service) serve(ctx context.Context, server *http.Server, served chan<- error) (shutdown func(context.Context) error) {
	if s.certificate != nil {
		go s.certificate.watch(ctx)
		go func() { served <- server.ServeTLS(s.listener, "", "") }()
		return server.Shutdown
	}
	first := front.New(front.Config{
		Handler: s, Takes: s.router.takesEvents, Headers: headersRead, Idle: server.IdleTimeout, Body: server.ReadTimeout, Write: server.WriteTimeout,
	}, s.Addr())
	go func() { served <- first.Serve(s.listener) }()
	go func() { served <- server.Serve(first.Rest()) }()
	return func(ctx context.Context) error {
		closed := s.listener.Close()
		rest := make(chan error, 1)
		go func() { rest <- server.Shutdown(ctx) }()
		return errors.Join(closed, first.Shutdown(ctx), <-rest)
	}
}

// headersRead is every header that a collector looks at; TestEveryHeaderGetsThrough holds the list against the code.
var headersRead = []string{
	"Access-Control-Request-Headers", "Access-Control-Request-Private-Network", "Authorization", "Content-Type", "Dnt", "Origin", "Referer",
	"Sec-Fetch-Mode", "Sec-Gpc", "Sp-Anonymous", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Write-Key",
}
