package embedded

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	MaybeChild()
	os.Exit(m.Run())
}

func testConfig(t *testing.T) ClickHouseConfig {
	cfg := DefaultClickHouseConfig()
	cfg.Dir = t.TempDir()
	cfg.Addr, cfg.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

func TestServerStartsAnswersAndStops(t *testing.T) {
	cfg := testConfig(t)
	var progress bytes.Buffer
	began := time.Now()
	server, err := StartClickHouse(t.Context(), cfg, &progress)
	t.Log(progress.String(), time.Since(began))
	require.NoError(t, err)
	v, err := server.query(t.Context(), "SELECT version(), timezone(), currentUser(), getSetting('max_memory_usage')")
	t.Log(v, err)
	began = time.Now()
	require.NoError(t, server.Stop(t.Context()))
	t.Log("stop", time.Since(began))
}
