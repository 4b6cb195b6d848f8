package clickhouse

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded/embeddedtest"
)

// serverConfig addresses the shared server without a database of its own.
func serverConfig(t *testing.T) Config {
	cfg := DefaultConfig()
	cfg.Addr = embeddedtest.Server(t).Addr()
	return cfg
}

func TestOpenTellsThatNobodyAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := DefaultConfig()
	cfg.Addr = listener.Addr().String()
	require.NoError(t, listener.Close()) // a port that nobody has
	_, err = Open(t.Context(), cfg)
	require.ErrorContains(t, err, "clickhouse at "+cfg.Addr+" does not answer: start it, or set clickhouse.addr")
}

func TestOpenGivesUpOnASilentPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer listener.Close()
	cfg := DefaultConfig()
	cfg.Addr = listener.Addr().String()
	cfg.DialTimeout = 200 * time.Millisecond // the client bounds a greeting by this, not by the context
	_, err = Open(t.Context(), cfg)
	require.ErrorContains(t, err, "does not answer")
}

func TestOpenTellsThatTheUserIsRefused(t *testing.T) {
	cfg := serverConfig(t)
	cfg.User = "nobody"
	_, err := Open(t.Context(), cfg)
	require.ErrorContains(t, err, `refuses user "nobody": set clickhouse.user and clickhouse.password`)
}

func TestOpenTellsThatTheDatabaseIsMissing(t *testing.T) {
	cfg := serverConfig(t)
	cfg.Database = "not_there"
	_, err := Open(t.Context(), cfg)
	require.ErrorContains(t, err, "has no database \"not_there\": run `leadstream migrate`")
}

func TestEnsureDatabaseMakesOpenWork(t *testing.T) {
	cfg := serverConfig(t)
	cfg.Database = "ensured-by-a-test" // a name that needs quotes
	for range 2 {
		require.NoError(t, EnsureDatabase(t.Context(), cfg))
	}
	conn, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer conn.Close()
	require.Equal(t, cfg.Database, value[string](t, conn, "SELECT currentDatabase()"))
	require.NoError(t, conn.Exec(t.Context(), "DROP DATABASE `ensured-by-a-test`"))
}

func TestOpenRefusesAFaultyConfig(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr, cfg.MaxOpenConns = "127.0.0.1:9000", 0
	_, err := Open(t.Context(), cfg)
	require.EqualError(t, err, "clickhouse: max_open_conns: must be 1..1000 (got 0)")
}
