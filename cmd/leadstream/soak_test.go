package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded"
	"leadstream/internal/embedded/embeddedtest"
)

// What `make soak-score` says, taken out of the environment: these are no keys of the config.
var soakTime, soakSeed string

func takeSoakEnv() {
	soakTime, soakSeed = os.Getenv("LEADSTREAM_SOAK"), os.Getenv("LEADSTREAM_SOAK_SEED")
	os.Unsetenv("LEADSTREAM_SOAK")
	os.Unsetenv("LEADSTREAM_SOAK_SEED")
}

// soak is the path from the events topic to the tables, each part a process of its own, and what happens to it.
type soak struct {
	t    *testing.T
	rnd  *rand.Rand
	span time.Duration // of all faults; 0 = each once

	addrs   []string
	broker  *embeddedtest.BrokerProcess // nil = a real cluster
	session time.Duration               // of workers and sinks
	store   *embedded.ClickHouse
	db      clickhouse.Conn
	admin   *kadm.Client

	scores, sinks []*slot
	traffic       *traffic // the feeder's, until it has ended
	count         map[string]int
}

// TestSoakOfTables: whatever happens to workers, sinks, ClickHouse and the broker, the tables say in the end what one fold
// of the events says: every lead bit for bit, every row of the ledger, every transition and every fall once, and the score.
func TestSoakOfTables(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills processes for half a minute; `make test` runs it, and `make soak-score` for minutes")
	}
	broker := embeddedtest.StartBrokerProcess(t)
	s := newSoak(t, []string{broker.Addr}, broker, soakSession)
	stop := s.feed()
	s.hire()
	s.suffer(workerFaults)
	s.beginAfresh()
	s.suffer(machineFaults)
	stop()
	s.requireTruth()
}

// requireTruth compares when all is at rest, and shows that it could have failed.
func (s *soak) requireTruth() {
	s.t.Helper()
	s.settle()
	want := s.told()
	require.Empty(s.t, s.differences(want))
	s.requireNotice(want)
	s.t.Logf("%d events, %d leads, %d falls, %d ledger rows, %d transitions: as one fold says, after %v",
		len(want.events), len(want.leads), len(s.traffic.fallers), len(want.ledger), len(want.stages), s.count)
}

// soakSession is the shortest session that a loaded machine bears.
const soakSession = 2 * time.Second

func newSoak(t *testing.T, addrs []string, broker *embeddedtest.BrokerProcess, session time.Duration) *soak {
	s := &soak{t: t, addrs: addrs, broker: broker, session: session, count: map[string]int{}}
	var err error
	s.span, err = time.ParseDuration(cmp.Or(soakTime, "0s"))
	require.NoError(t, err, "LEADSTREAM_SOAK")
	seed := uint64(1)
	if s.span > 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if soakSeed != "" {
		seed, err = strconv.ParseUint(soakSeed, 10, 64)
		require.NoError(t, err, "LEADSTREAM_SOAK_SEED")
	}
	t.Logf("LEADSTREAM_SOAK_SEED=%d", seed)
	s.rnd, s.traffic = rand.New(rand.NewPCG(seed, seed)), newTraffic(seed)
	s.startClickHouse()
	s.prepare()
	s.slots()
	return s
}

// startClickHouse starts a server for this test alone, because it is killed.
func (s *soak) startClickHouse() {
	cfg := embedded.DefaultClickHouseConfig()
	cfg.Dir, cfg.Addr, cfg.HTTPAddr, cfg.MaxMemory = filepath.Join(s.t.TempDir(), "clickhouse"), "127.0.0.1:0", "127.0.0.1:0", 2<<30
	var err error
	s.store, err = embedded.StartClickHouse(s.t.Context(), cfg, os.Stderr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = s.store.Stop(context.Background()) }) // it may be frozen, if the test has failed
}

// prepare makes topics and tables.
func (s *soak) prepare() {
	cfg := defaultConfig()
	cfg.Kafka.Brokers, cfg.ClickHouse.Addr = s.addrs, s.store.DSN("leadstream")
	require.NoError(s.t, migrateTopics(s.t.Context(), cfg, s.broker != nil))
	_, err := migrateTables(s.t.Context(), cfg, func(string) {})
	require.NoError(s.t, err)
	s.db, err = clickhouse.Open(s.t.Context(), cfg.ClickHouse)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { s.db.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addrs...), kgo.MetadataMinAge(100*time.Millisecond))
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	s.admin = kadm.NewClient(client)
}

// slot is a worker's place: who was killed is followed by one with the same words.
type slot struct {
	*process
	words []string
}

// slots makes places for three workers and two sinks.
func (s *soak) slots() {
	place := func(word string, sets ...string) *slot {
		words := []string{word, "--telemetry-listen", "127.0.0.1:0", "--data-dir", s.t.TempDir()}
		for _, set := range append(sets, "kafka.brokers="+strings.Join(s.addrs, ","), "clickhouse.addr="+s.store.DSN("leadstream")) {
			words = append(words, "--set", set)
		}
		return &slot{words: words}
	}
	for i := range 3 {
		s.scores = append(s.scores, place("score", "scoring.transactional_id=soak-"+strconv.Itoa(i), "scoring.session_timeout="+s.session.String(),
			"scoring.commit_interval=30ms", "scoring.snapshot_dir="+s.t.TempDir(), "scoring.snapshot_bytes=64KiB", "scoring.standby="+strconv.FormatBool(i == 2)))
	}
	for range 2 {
		s.sinks = append(s.sinks, place("sink", "sink.session_timeout="+s.session.String(), "sink.retry_max=1s"))
	}
}

func (s *soak) workers() []*slot { return slices.Concat(s.scores, s.sinks) }
