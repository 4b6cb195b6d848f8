package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"
)

// issue writes a self-signed certificate of a serial number and its key, by rename as renewal programs do, and returns its end.
func issue(t *testing.T, files TLSConfig, serial int64) time.Time {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ends := time.Now().Add(time.Duration(serial) * time.Hour).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: ends, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	put(t, files.Cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, files.Key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return ends
}

func put(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func tlsFiles(t *testing.T) TLSConfig {
	dir := t.TempDir()
	return TLSConfig{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// shown is the serial number of the certificate that a new client is shown, and the protocol that they agreed on.
func (f *fixture) shown(t *testing.T) (serial int64, protocol string) {
	t.Helper()
	conn, err := tls.Dial("tcp", f.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	defer conn.Close()
	state := conn.ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state.NegotiatedProtocol
}

func TestTLSAndHTTP2(t *testing.T) {
	_, opts := broker(t)
	files := tlsFiles(t)
	ends := issue(t, files, 1)
	f := start(t, opts, func(c *Config, _ *Deps) { c.TLS = files })
	serial, protocol := f.shown(t)
	require.EqualValues(t, 1, serial)
	require.Equal(t, "h2", protocol)
	require.Equal(t, float64(ends.Unix()), f.value(t, "leadstream_ingest_certificate_expiry_timestamp_seconds"))

	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	answer, err := client.Post("https://"+f.Addr().String()+"/v1/events?key=demo", "", strings.NewReader(`{"type":"page","anonymous_id":"a","event_id":"h2"}`))
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	require.Equal(t, 2, answer.ProtoMajor)
	events, _ := stored(t, opts)
	require.Contains(t, events, "h2")

	old, err := tls.Dial("tcp", f.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		old.Close()
	}
	require.Error(t, err, "TLS 1.1 is no more")
	require.NoError(t, f.stop())
}

// TestARenewalNeedsNoRestart: new files are taken as they come; half of a renewal and rubbish leave the old in force, told once.
func TestARenewalNeedsNoRestart(t *testing.T) {
	_, opts := broker(t)
	files := tlsFiles(t)
	issue(t, files, 1)
	seen, told := observer.New(zap.InfoLevel)
	f := start(t, opts, func(c *Config, _ *Deps) { c.TLS = files })
	c := &certificate{files: files, log: zap.New(seen), every: 5 * time.Millisecond, loads: f.certificate.loads, expiry: f.certificate.expiry}
	_, err := c.look()
	require.NoError(t, err)
	go c.watch(t.Context()) // as the service's own, which looks less often
	now := func() int64 { return c.current.Load().Leaf.SerialNumber.Int64() }

	ends := issue(t, files, 2)
	require.Eventually(t, func() bool { return now() == 2 }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool {
		return f.value(t, "leadstream_ingest_certificate_expiry_timestamp_seconds") == float64(ends.Unix())
	}, time.Minute, time.Millisecond)
	complaints := func() int { return told.FilterMessageSnippet("cannot be used").Len() }
	before := complaints() // between cert and key of the renewal there was a moment
	put(t, files.Cert, "rubbish")
	require.Eventually(t, func() bool { return complaints() == before+1 }, time.Minute, time.Millisecond)
	require.NoError(t, os.Remove(files.Key))
	time.Sleep(20 * c.every)
	require.Equal(t, before+1, complaints(), "once, not every time")
	require.EqualValues(t, 2, now())
	require.Positive(t, f.value(t, "leadstream_ingest_certificate_loads_total", "result", "broken"))

	issue(t, files, 3)
	require.Eventually(t, func() bool { return now() == 3 }, time.Minute, time.Millisecond)
	_, err = f.certificate.look() // the service's own
	require.NoError(t, err)
	serial, _ := f.shown(t)
	require.EqualValues(t, 3, serial)
}

func TestAStartWithBrokenFilesSaysWhich(t *testing.T) {
	_, opts := broker(t)
	files := tlsFiles(t)
	cfg := testConfig()
	cfg.TLS = files
	_, err := New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.ErrorContains(t, err, "ingest.tls: open "+files.Cert)
	issue(t, files, 1)
	put(t, files.Key, "rubbish")
	_, err = New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.ErrorContains(t, err, files.Key)
}
