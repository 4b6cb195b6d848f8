package embeddedtest

import (
	"testing"

	"leadstream/internal/embedded"
)

// Broker starts a broker in memory on a free port for this one test and returns its addresses.
// Topics are the test's business.
func Broker(t testing.TB) (addrs []string) {
	t.Helper()
	broker := BrokerWithControl(t)
	return broker.Addrs()
}

// BrokerWithControl is Broker for tests that make the broker misbehave: its Cluster takes control functions.
func BrokerWithControl(t testing.TB) *embedded.Broker {
	t.Helper()
	cfg := embedded.DefaultBrokerConfig()
	cfg.Dir = "" // in memory
	cfg.Addr = "127.0.0.1:0"
	broker, err := embedded.StartBroker(t.Context(), cfg)
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Errorf("embeddedtest: %v", err)
		}
	})
	return broker
}
