package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"go.uber.org/zap"
)

// dialTimeout bounds one attempt to connect. A broker that is further away than this is not usable for a path measured in
// milliseconds, and the next broker should get its chance.
const dialTimeout = 5 * time.Second

// Opts returns what all clients have in common. Stages append their own, which win. A nil log is silent.
func Opts(cfg Config, log *zap.Logger) ([]kgo.Opt, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("kafka.brokers: no broker is named; list at least one host:port")
	}
	if log == nil {
		log = zap.NewNop()
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(cfg.ClientID),
		kgo.WithLogger(bridge{log.Named("kafka").Sugar()}),
		kgo.DialTimeout(dialTimeout),
	}
	if cfg.TLS {
		conf, err := tlsConfig(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: conf}
		opts = append(opts, kgo.Dialer(dialer.DialContext))
	}
	if cfg.SASL.Mechanism != "" {
		mechanism, err := login(cfg.SASL)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// NewClient is kgo.NewClient with Opts in front. It connects to nothing yet; Ping does.
func NewClient(cfg Config, log *zap.Logger, extra ...kgo.Opt) (*kgo.Client, error) {
	opts, err := Opts(cfg, log)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client %s: %w", cfg.ClientID, err)
	}
	return cl, nil
}

// tlsConfig trusts the system's authorities, or only the ones in the file.
func tlsConfig(caFile string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("kafka.ca_file: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("kafka.ca_file: %s holds no certificate in PEM form", caFile)
	}
	return conf, nil
}

func login(s SASL) (sasl.Mechanism, error) {
	auth := scram.Auth{User: s.User, Pass: s.Password.Reveal()}
	switch s.Mechanism {
	case "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password.Reveal()}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return auth.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return auth.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: %q is not known; use %s", s.Mechanism, strings.Join(mechanisms[1:], ", "))
}

// Ping asks any broker for a sign of life. The error names the brokers and what to look at.
func Ping(ctx context.Context, cl *kgo.Client) error {
	err := cl.Ping(ctx)
	if err == nil {
		return nil
	}
	seeds, _ := cl.OptValue(kgo.SeedBrokers).([]string)
	where := strings.Join(seeds, ", ")
	if errors.Is(err, kerr.SaslAuthenticationFailed) {
		return fmt.Errorf("kafka at %s refuses the login: check kafka.sasl (mechanism, user, password): %w", where, err)
	}
	return fmt.Errorf("kafka at %s does not answer: check that it runs, kafka.brokers, and whether it wants kafka.tls or another login (kafka.sasl): %w", where, err)
}

// bridge writes the client's own warnings and errors into our log. Its info and debug lines are the wire's chatter: a poll or
// a rebalance each, too many for an operator.
type bridge struct{ log *zap.SugaredLogger }

func (bridge) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (b bridge) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if level == kgo.LogLevelError {
		b.log.Errorw(msg, keyvals...)
		return
	}
	b.log.Warnw(msg, keyvals...)
}
