package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"leadstream/internal/config"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestPingAnswersWhenABrokerDoes(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1))
	cfg.Brokers = append([]string{"127.0.0.1:1"}, cfg.Brokers...) // one dead seed is no harm
	require.NoError(t, Ping(soon(t), client(t, cfg)))
}

func TestPingNamesTheBrokersAndWhatToLookAt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close()) // nobody is there now
	cfg := DefaultConfig()
	cfg.Brokers = []string{addr}
	err = Ping(soon(t), client(t, cfg))
	require.ErrorContains(t, err, "kafka at "+addr+" does not answer: check that it runs, kafka.brokers, and whether it wants kafka.tls or another login (kafka.sasl): ")
	require.ErrorContains(t, err, "connection refused")
}

func TestEveryLoginWorksAndAWrongPasswordIsNamed(t *testing.T) {
	for _, mechanism := range mechanisms[1:] {
		t.Run(mechanism, func(t *testing.T) {
			c, cfg := cluster(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "ann", "right"))
			cfg.SASL = SASL{Mechanism: mechanism, User: "ann", Password: "right"}
			require.NoError(t, Ping(soon(t), client(t, cfg)))

			cfg.SASL.Password = "wrong"
			err := Ping(soon(t), client(t, cfg)) // this broker hangs up on a wrong password; so do old ones
			require.ErrorContains(t, err, "another login (kafka.sasl)")
			require.NotContains(t, err.Error(), "wrong")

			c.ControlKey(int16(kmsg.SASLAuthenticate), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				resp := kreq.ResponseKind().(*kmsg.SASLAuthenticateResponse) // Kafka itself says what is wrong
				resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
				return resp, nil, true
			})
			err = Ping(soon(t), client(t, cfg))
			require.ErrorIs(t, err, kerr.SaslAuthenticationFailed)
			require.ErrorContains(t, err, "refuses the login: check kafka.sasl (mechanism, user, password)")
			require.NotContains(t, err.Error(), "wrong")
		})
	}
}

// authority makes a certificate for 127.0.0.1 that signs itself, and the PEM file a client trusts it by.
func authority(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLSTrustsOnlyTheAuthorityItIsGiven(t *testing.T) {
	cert, file := authority(t)
	_, cfg := cluster(t, kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	cfg.TLS, cfg.CAFile = true, file
	require.NoError(t, Ping(soon(t), client(t, cfg)))

	_, cfg.CAFile = authority(t) // another one
	require.ErrorContains(t, Ping(soon(t), client(t, cfg)), "certificate")
	cfg.CAFile = "" // the system's, which never heard of it
	require.ErrorContains(t, Ping(soon(t), client(t, cfg)), "certificate")
}

func TestABadAuthorityFileIsAnErrorBeforeAnyConnection(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Brokers, cfg.TLS, cfg.CAFile = []string{"127.0.0.1:1"}, true, filepath.Join(t.TempDir(), "none.pem")
	_, err := Opts(cfg, zap.NewNop())
	require.ErrorContains(t, err, "kafka.ca_file: open ")
	require.NoError(t, os.WriteFile(cfg.CAFile, []byte("not a certificate"), 0o600))
	_, err = Opts(cfg, zap.NewNop())
	require.ErrorContains(t, err, "holds no certificate in PEM form")
}

func TestOptsRefusesWhatValidateWouldHave(t *testing.T) {
	_, err := Opts(DefaultConfig(), zap.NewNop())
	require.EqualError(t, err, "kafka.brokers: no broker is named; list at least one host:port")
	cfg := DefaultConfig()
	cfg.Brokers, cfg.SASL.Mechanism = []string{"127.0.0.1:1"}, "GSSAPI"
	_, err = NewClient(cfg, zap.NewNop())
	require.EqualError(t, err, `kafka.sasl.mechanism: "GSSAPI" is not known; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`)
	cfg.SASL.Mechanism = ""
	_, err = NewClient(cfg, zap.NewNop(), kgo.MaxProduceRequestsInflightPerBroker(7))
	require.ErrorContains(t, err, "kafka client leadstream: ")
}

func TestTheClientsWarningsReachOurLogAndItsChatterDoesNot(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	b := bridge{zap.New(core).Sugar()}
	require.Equal(t, kgo.LogLevelWarn, b.Level())
	b.Log(kgo.LogLevelWarn, "slow broker", "broker", 1)
	b.Log(kgo.LogLevelError, "lost broker", "broker", 2)
	require.Equal(t, 2, lines.Len())
	require.Equal(t, zap.WarnLevel, lines.All()[0].Level)
	require.Equal(t, zap.ErrorLevel, lines.All()[1].Level)
	require.Equal(t, map[string]any{"broker": int64(2)}, lines.All()[1].ContextMap())
}

func TestConfigRules(t *testing.T) {
	type tree struct {
		Kafka Config `yaml:"kafka"`
	}
	_, err := config.Load(&tree{DefaultConfig()}, config.Options{Set: []string{"kafka.brokers=a:1,b:2", "kafka.sasl.mechanism=PLAIN", "kafka.sasl.user=u", "kafka.sasl.password=p"}})
	require.NoError(t, err)
	_, err = config.Load(&tree{DefaultConfig()}, config.Options{File: "testdata/kafka.bad.yml"})
	require.EqualError(t, err, `testdata/kafka.bad.yml:2: kafka.brokers[1]: must be host:port such as 127.0.0.1:9092 (got "b")
testdata/kafka.bad.yml:2: kafka.brokers[2]: must be host:port such as 127.0.0.1:9092 (got "c:http")
testdata/kafka.bad.yml:3: kafka.client_id: must not be empty
testdata/kafka.bad.yml:4: kafka.ca_file: is of no use without tls: true
testdata/kafka.bad.yml:5: kafka.partitions: must be 1..10000 (got 0)
testdata/kafka.bad.yml:6: kafka.replication: must be 1..15, or 0 for 3 or as many as there are brokers (got -1)
testdata/kafka.bad.yml:7: kafka.sasl.mechanism: must say how to log in when there is a user or a password: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`)
	for mechanism, want := range map[string]string{
		"PLAIN":  "--set: kafka.sasl.mechanism",
		"GSSAPI": `--set: kafka.sasl.mechanism: must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, or empty for none (got "GSSAPI")`,
	} {
		_, err = config.Load(&tree{DefaultConfig()}, config.Options{Set: []string{"kafka.sasl.mechanism=" + mechanism}})
		require.ErrorContains(t, err, "sasl.user: must not be empty with a mechanism")
		require.ErrorContains(t, err, "sasl.password: must not be empty with a mechanism")
		if mechanism != "PLAIN" {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestANilLogIsSilent(t *testing.T) {
	_, cfg := cluster(t)
	client, err := NewClient(cfg, nil)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, Ping(t.Context(), client))
}
