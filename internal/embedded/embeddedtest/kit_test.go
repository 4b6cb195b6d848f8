package embeddedtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMain(m *testing.M) { Main(m) }

// again runs one test of this binary in a process of its own and returns what it printed.
func again(t *testing.T, test string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// inner tells whether this process is the one that again started.
func inner() bool { return os.Getenv("EMBEDDEDTEST_INNER") != "" }

func database(dsn string) string { return dsn[strings.LastIndexByte(dsn, '/')+1:] }

func exists(t *testing.T, name string) bool {
	t.Helper()
	err := execute(t.Context(), Server(t).HTTPAddr(), "SELECT throwIf(count() = 0) FROM system.databases WHERE name = '"+name+"'")
	return err == nil
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	unlessShort(t)
	var first, second string
	t.Run("first", func(t *testing.T) {
		first = database(ClickHouse(t))
		require.True(t, exists(t, first))
	})
	t.Run("second", func(t *testing.T) { second = database(ClickHouse(t)) })
	require.NotEqual(t, first, second)
	require.False(t, exists(t, first), "it is dropped with its test")
	require.Same(t, Server(t), Server(t), "one server for all")
}

func TestBrokersAreFreshAndEmpty(t *testing.T) {
	for range 2 {
		client, err := kgo.NewClient(kgo.SeedBrokers(Broker(t)...))
		require.NoError(t, err)
		defer client.Close()
		admin := kadm.NewClient(client)
		topics, err := admin.ListTopics(t.Context())
		require.NoError(t, err)
		require.Empty(t, topics)
		_, err = admin.CreateTopic(t.Context(), 1, 1, nil, "events")
		require.NoError(t, err)
	}
}

func TestAKilledBrokerHasItsRecordsAgain(t *testing.T) {
	broker := StartBrokerProcess(t)
	addrs := []string{broker.Addr}
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.DefaultProduceTopic("events"))
	require.NoError(t, err)
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "events")
	require.NoError(t, err)
	for n := range 3 {
		require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(n))).FirstErr())
		require.Len(t, Committed(t, addrs, "events"), n+1)
		broker.Kill()
		broker.Start()
	}
	require.Len(t, Committed(t, addrs, "events"), 3)
}

// A missing store fails: a skip would look like a pass.
func TestAMissingLibraryFailsTheTest(t *testing.T) {
	if inner() {
		ClickHouse(t)
		return
	}
	out, err := again(t, t.Name(), "EMBEDDEDTEST_INNER=1", "LEADSTREAM_CACHE="+t.TempDir(), "PATH="+t.TempDir())
	require.Error(t, err)
	require.Contains(t, out, "--- FAIL: "+t.Name())
	require.Contains(t, out, "npm is not on PATH")
	require.Contains(t, out, "set clickhouse.addr in the config to a running server")
}

func TestAFailedTestKeepsItsDatabaseAndNothingIsLeftBehind(t *testing.T) {
	if inner() {
		t.Run("failed", func(t *testing.T) {
			ClickHouse(t)
			t.Fail()
		})
		return
	}
	tmp := t.TempDir()
	out, err := again(t, t.Name(), "EMBEDDEDTEST_INNER=1", "TMPDIR="+tmp)
	require.Error(t, err)
	require.Regexp(t, `embeddedtest: database test_[0-9a-f]{16} is kept`, out)
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	require.NoError(t, err)
	require.Empty(t, left, "the server's folder is removed when the tests end")
}

// A database that is used again is as new: no rows, and no memory of a block that was inserted before.
func TestTablesAreEmptiedForTheNextTest(t *testing.T) {
	unlessShort(t)
	makes := 0
	tables := Tables{Make: func(t testing.TB, dsn string) {
		makes++
		for _, sql := range []string{
			"CREATE TABLE %s.t (k UInt32, v UInt32) ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100",
			"CREATE TABLE %s.schema_migrations (version UInt32) ENGINE = MergeTree ORDER BY version",
			"INSERT INTO %s.schema_migrations VALUES (1)",
		} {
			require.NoError(t, execute(t.Context(), Server(t).HTTPAddr(), fmt.Sprintf(sql, database(dsn))))
		}
		require.NoError(t, execute(t.Context(), Server(t).HTTPAddr(), fmt.Sprintf("CREATE DICTIONARY %[1]s.d (k UInt32, v UInt32) PRIMARY KEY k SOURCE(CLICKHOUSE(DB '%[1]s' TABLE 't')) LAYOUT(HASHED()) LIFETIME(1000)", database(dsn))))
	}}
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			in := database(tables.Database(t))
			value := func(sql string) string {
				answer, err := ask(t.Context(), Server(t).HTTPAddr(), fmt.Sprintf(sql, in))
				require.NoError(t, err)
				return strings.TrimSpace(answer)
			}
			require.Equal(t, "0", value("SELECT count() FROM %s.t"))
			require.Equal(t, "0", value("SELECT dictGet('%s.d', 'v', toUInt64(1))"))
			for _, token := range []string{"a", "b", "a"} {
				value("INSERT INTO %s.t SETTINGS insert_deduplication_token = '" + token + "' VALUES (1, 7)")
			}
			require.Equal(t, "2", value("SELECT count() FROM %s.t"), "a repeated block is one")
			value("OPTIMIZE TABLE %s.t FINAL") // a part that was merged away is dropped without a word to the memory
			value("SYSTEM RELOAD DICTIONARY %s.d")
			require.Equal(t, "7", value("SELECT dictGet('%s.d', 'v', toUInt64(1))"))
			require.Equal(t, "1", value("SELECT count() FROM %s.schema_migrations"))
		})
	}
	require.Equal(t, 1, makes)
}
