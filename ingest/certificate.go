package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/config"
)

// TLSConfig names the files of a certificate and its key, in PEM. Both empty = plain HTTP, for behind a proxy.
type TLSConfig struct {
	Cert string `yaml:"cert"` // the certificate first, then those between it and the authority
	Key  string `yaml:"key"`
}

// Validate reports every fault.
func (c TLSConfig) Validate() error {
	var p config.Problems
	p.Check((c.Cert == "") == (c.Key == ""), "cert", "cert and key belong together: name both files, or none (got cert %q, key %q)", c.Cert, c.Key)
	return p.Err()
}

// certificate is what clients are shown now. The files are looked at every few seconds rather than watched: renewals come by
// rename, by symlink (Kubernetes) and over network disks, which notifications miss each in its own way.
type certificate struct {
	files   TLSConfig
	log     *zap.Logger
	every   time.Duration
	current atomic.Pointer[tls.Certificate]

	seen   [2][]byte // the files' content that was last judged, good or not
	broken bool      // told already

	loads  *prometheus.CounterVec
	expiry prometheus.Gauge
}

const lookEvery = 10 * time.Second

// newCertificate refuses a start with files that do not fit; later, such files only leave the old ones in force.
func newCertificate(files TLSConfig, log *zap.Logger, reg prometheus.Registerer) (*certificate, error) {
	c := &certificate{
		files: files, log: log, every: lookEvery,
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_ingest_certificate_loads_total", Help: "Times that new certificate files were found, by result: good, or broken and not used.",
		}, []string{"result"}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadstream_ingest_certificate_expiry_timestamp_seconds", Help: "When the certificate in use ends, in Unix time; 0 without TLS.",
		}),
	}
	for _, result := range []string{"good", "broken"} {
		c.loads.WithLabelValues(result)
	}
	reg.MustRegister(c.loads, c.expiry)
	if files.Cert == "" {
		return nil, nil
	}
	if _, err := c.look(); err != nil {
		return nil, fmt.Errorf("ingest.tls: %w", err)
	}
	return c, nil
}

func (c *certificate) forClient(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// watch looks at the files until ctx ends.
func (c *certificate) watch(ctx context.Context) {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := c.look()
		switch {
		case err != nil && !c.broken: // once, not every ten seconds: half of a renewal is an error, too
			c.log.Error("the new certificate cannot be used; the old one stays in force", zap.Error(err),
				zap.String("cert", c.files.Cert), zap.String("key", c.files.Key), zap.Time("old_ends", c.current.Load().Leaf.NotAfter))
		case err == nil && changed:
			c.log.Info("a new certificate is in force", zap.Time("ends", c.current.Load().Leaf.NotAfter))
		}
		c.broken = err != nil
	}
}

// look takes the files into use if they have changed and fit together.
func (c *certificate) look() (changed bool, err error) {
	cert, err := os.ReadFile(c.files.Cert)
	key, keyErr := os.ReadFile(c.files.Key)
	if err = errors.Join(err, keyErr); err != nil {
		return false, err
	}
	if bytes.Equal(cert, c.seen[0]) && bytes.Equal(key, c.seen[1]) {
		if c.broken {
			return false, errors.New("the files are as broken as before")
		}
		return false, nil
	}
	c.seen = [2][]byte{cert, key}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.loads.WithLabelValues("broken").Inc()
		return false, fmt.Errorf("%s and %s: %w", c.files.Cert, c.files.Key, err)
	}
	c.loads.WithLabelValues("good").Inc()
	c.expiry.Set(float64(pair.Leaf.NotAfter.Unix()))
	c.current.Store(&pair)
	return true, nil
}
