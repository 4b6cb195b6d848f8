package sink

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// behindProxy is the rig's ClickHouse, seen through a proxy.
func (r *rig) behindProxy() (*proxy, func(Config) *running) {
	r.Helper()
	p := newProxy(r.T, embeddedtest.Server(r).Addr())
	server := r.server
	server.Addr = strings.Replace(server.Addr, embeddedtest.Server(r).Addr(), p.addr(), 1)
	require.NotEqual(r, r.server.Addr, server.Addr)
	return p, func(cfg Config) *running { return r.startAgainst(cfg, server) }
}

func (r *rig) putViews(from, to int) {
	r.Helper()
	for i := from; i < to; i++ {
		ev := pageView(i)
		part := int32(i % testPartitions)
		r.put(schemas.TopicEvents, part, ev)
		r.put(schemas.TopicLedger, part, &pb.LedgerRow{LeadId: leadID(i % 50), Site: "demo", Track: "main", EventId: ev.EventId, EventTime: ev.EventTime,
			ReceivedAt: ev.ReceivedAt, Day: int32(ev.EventTime / 86400000), Rule: "pricing", Points: 5, Limit: 3, Group: "web", GroupCap: 100, UnitKey: uint64(i), Units: 1, Reason: "ok"})
		r.put(schemas.TopicLeads, part, &pb.LeadRecord{LeadId: leadID(i % 50), Site: "demo", Track: "main", Revision: uint64(i), ReceivedAt: ev.ReceivedAt})
	}
}

// requireAll tells that n views are in the tables once, by name and not only by number.
func (r *rig) requireAll(n int) {
	r.Helper()
	want := r.value("SELECT (count(), sum(cityHash64(printf('e%06d', number)))) FROM numbers(?)", n)
	for _, table := range []string{"events", "ledger"} {
		r.eventually(want, "SELECT (count(), sum(cityHash64(event_id))) FROM "+table+" FINAL")
	}
	// 50 leads, each at its newest revision.
	r.eventually(r.value("SELECT (50, sum(number)) FROM numbers(?, 50)", n-50), "SELECT (count(), sum(revision)) FROM lead_state FINAL")
}

func TestClickHouseAwayLosesNothing(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	run := start(quick())
	r.putViews(0, 100)
	r.eventually("100", "SELECT count() FROM events FINAL")

	p.setAway(true)
	r.putViews(100, 200)
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_paused") == 1 }, time.Minute, 10*time.Millisecond)
	require.ErrorContains(t, run.Ready(t.Context()), "ClickHouse is away")
	require.False(t, r.committedAll())
	r.putViews(200, 300)

	p.setAway(false)
	r.requireAll(300)
	require.Eventually(t, func() bool { return run.Ready(t.Context()) == nil && run.sum(t, "leadstream_sink_paused") == 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
	require.True(t, r.committedAll())
}

func TestAStopWhileClickHouseIsAwayEndsAndSaysSo(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	cfg := quick()
	cfg.Drain = 300 * time.Millisecond
	run := start(cfg)
	r.putViews(0, 60)
	r.requireAll(60)
	p.setAway(true)
	r.putViews(60, 120)
	// Away to a batch in hand, not only to the reading of the marks of erased leads.
	require.Eventually(t, func() bool {
		return run.sum(t, "leadstream_sink_paused") == 1 && run.sum(t, "leadstream_sink_pending_records") > 0
	}, time.Minute, 10*time.Millisecond)
	require.ErrorContains(t, run.stopped(), "unwritten, which the next start reads again")

	p.setAway(false)
	again := start(quick())
	r.requireAll(120)
	require.NoError(t, again.stopped())
}

// Nothing is read before the marks of erased leads are: a stop leaves nothing unwritten.
func TestAStopBeforeClickHouseWasEverThereEnds(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	p.setAway(true)
	run := start(quick())
	r.putViews(0, 60)
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_paused") == 1 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
	require.False(t, r.committedAll())
}

// The insert arrived, its answer did not: the same batch is sent again with the
// same token, and ClickHouse keeps one. No FINAL here: not even a repeated row exists.
func TestALostAnswerIsNotWrittenTwice(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	cfg := quick()
	cfg.InsertTimeout = 500 * time.Millisecond
	run := start(cfg)
	r.putViews(0, 60)
	r.requireAll(60)
	// Muted in the middle of a connection's life: the next insert needs the
	// server's column list, so the block itself may or may not get through.
	for round := range 5 {
		go func() {
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			p.setMute(true)
		}()
		r.putViews(60+100*round, 160+100*round)
		time.Sleep(100 * time.Millisecond)
		p.setMute(false)
	}
	r.requireAll(560)
	require.NoError(t, run.stopped())
	t.Logf("failed inserts: %v", run.sum(t, "leadstream_sink_insert_failures_total"))
	require.Equal(t, "560", r.value("SELECT count() FROM events"))
	require.Equal(t, "560", r.value("SELECT count() FROM ledger"))
}

// A crash between 1 (insert) and 3 (commit), made certain: the broker answers
// no commit, so everything is written by the first worker and again by the second.
func TestARowAppearsOnceThoughEveryCommitWasLost(t *testing.T) {
	broker := embeddedtest.BrokerWithControl(t)
	r := newRigOn(t, broker.Addrs())
	broker.Cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.Cluster.KeepControl()
		return refuseCommit(req.(*kmsg.OffsetCommitRequest)), nil, true
	})
	first := r.start(quick())
	r.putViews(0, 150)
	r.requireAll(150)
	require.Positive(t, first.sum(t, "leadstream_sink_commit_failures_total"))
	require.NoError(t, first.stopped())
	require.False(t, r.committedAll())

	cfg := quick()
	cfg.Batch.Rows = 7 // other batches than the first worker's: no token can help
	second := r.start(cfg)
	require.Eventually(t, func() bool { return second.sum(t, "leadstream_sink_records_total") >= 450 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, second.stopped())
	// Not by counting them: a merge may have made them one already.
	const rows = "leadstream_sink_rows_total"
	require.GreaterOrEqual(t, second.sum(t, rows), first.sum(t, rows), "the rows must have been written twice, or this test proves nothing")
	require.Positive(t, first.sum(t, rows))
	r.requireAll(150)
	// The fold of the ledger does not say FINAL, and need not.
	require.Equal(t, "(50,1)", r.value("SELECT (count(), toUInt8(min(score) = 15 AND max(score) = 15)) FROM lead_score_at(at = now64(3, 'UTC'))"))
}

func refuseCommit(req *kmsg.OffsetCommitRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewOffsetCommitResponseTopic()
		t.Topic, t.TopicID = topic.Topic, topic.TopicID
		for _, part := range topic.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = part.Partition, kerr.GroupAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

const (
	childBrokers = "LEADSTREAM_TEST_SINK_BROKERS"
	childServer  = "LEADSTREAM_TEST_SINK_SERVER"
	childGroup   = "LEADSTREAM_TEST_SINK_GROUP"
)

// A real kill -9, again and again, at moments that nobody chose.
func TestARowAppearsOnceThoughTheSinkIsKilled(t *testing.T) {
	r := newRig(t)
	// A dead worker's partitions are free after its session; brokers ask for at least 6 s.
	_, err := kadm.NewClient(r.producer).AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "group.min.session.timeout.ms", Value: kadm.StringPtr("500")}})
	require.NoError(t, err)
	const rounds, each = 6, 100
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0]) // a failed test kills it too
		cmd.Env = append(os.Environ(), childBrokers+"="+strings.Join(r.brokers, ","), childServer+"="+r.server.Addr)
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		before := r.value("SELECT count() FROM events")
		r.putViews(round*each, (round+1)*each)
		require.Eventually(t, func() bool { return r.value("SELECT count() FROM events") != before }, 3*time.Minute, 5*time.Millisecond)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	run := r.start(quick())
	r.requireAll(rounds * each)
	t.Logf("rows written: %s of %d", r.value("SELECT count() FROM events"), rounds*each)
	require.NoError(t, run.stopped())
}

func TestTwoSinksShareAndMovePartitions(t *testing.T) {
	r := newRig(t)
	one := r.start(quick())
	r.putViews(0, 150)
	r.requireAll(150)
	two := r.start(quick())
	r.putViews(150, 400)
	require.Eventually(t, func() bool { return two.Ready(t.Context()) == nil }, time.Minute, 10*time.Millisecond)
	r.putViews(400, 600)
	r.requireAll(600)
	require.Positive(t, two.sum(t, "leadstream_sink_rows_total"))
	require.NoError(t, one.stopped())
	r.putViews(600, 700)
	r.requireAll(700)
	require.NoError(t, two.stopped())
	require.True(t, r.committedAll())
}

// What an aborted transaction wrote never happened; its marker is an offset all the same.
func TestAnAbortedTransactionIsNotRead(t *testing.T) {
	r := newRig(t)
	tx, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.TransactionalID("t1"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer tx.Close()
	plain := r.producer
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		require.NoError(t, tx.BeginTransaction())
		r.producer = tx
		r.put(schemas.TopicEvents, 0, pageView(i))
		require.NoError(t, tx.EndTransaction(t.Context(), end))
	}
	r.producer = plain
	run := r.start(quick())
	r.eventually("['e000000','e000002']", "SELECT arraySort(groupArray(event_id)) FROM events")
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
	require.Zero(t, run.sum(t, "leadstream_sink_lag_records"))
}

// A row that ClickHouse alone knows to be bad goes to dead-letter; its neighbours are written: of a batch
// in one block, and of one that is cut in two, with bad rows in both halves.
func TestARefusedRowIsSingledOut(t *testing.T) {
	for name, rows := range map[string]int{"whole": 1000, "halves": 40} {
		t.Run(name, func(t *testing.T) { refusedRowIsSingledOut(t, rows) })
	}
}

func refusedRowIsSingledOut(t *testing.T, rows int) {
	r := newRig(t)
	r.ownTables()
	require.NoError(t, r.conn.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT clean CHECK name != 'poison'"))
	for i := range 40 {
		ev := pageView(i)
		if i == 7 || i == 8 || i == 31 {
			ev.Name = "poison"
		}
		r.put(schemas.TopicEvents, 0, ev)
	}
	cfg := quick()
	cfg.Batch.Age, cfg.Batch.Rows = time.Second, rows // all in one batch
	run := r.start(cfg)
	r.eventually("37", "SELECT count() FROM events FINAL")
	var offsets []int64
	for _, letter := range r.deadLetters(3) {
		require.Equal(t, reasonRejected, letter.Reason)
		require.Contains(t, letter.Detail, "VIOLATED_CONSTRAINT")
		offsets = append(offsets, letter.Offset)
	}
	require.ElementsMatch(t, []int64{7, 8, 31}, offsets)
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
}

// When every row of many is refused, it is the table that is wrong: nothing is thrown away.
func TestAWrongTableIsNotTakenForBadRows(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	require.NoError(t, r.conn.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT never CHECK name = 'nobody'"))
	for i := range 10 {
		r.put(schemas.TopicEvents, 0, pageView(i))
	}
	cfg := quick()
	cfg.Batch.Age = time.Second
	run := r.start(cfg)
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_paused") == 1 }, time.Minute, 10*time.Millisecond)
	require.ErrorContains(t, run.Ready(t.Context()), "leadstream migrate")
	require.NoError(t, r.conn.Exec(t.Context(), "ALTER TABLE events DROP CONSTRAINT never"))
	r.eventually("10", "SELECT count() FROM events FINAL")
	require.NoError(t, run.stopped())
	require.Zero(t, run.sum(t, "leadstream_sink_dead_letters_total"))
}

// Nobody mends it: the rows of that table end in dead-letter, those of the others in their tables, and the line goes on.
func TestATableThatTakesNothingDoesNotStopTheLineForEver(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	require.NoError(t, r.conn.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT never CHECK name = 'nobody'"))
	r.putViews(0, 150)
	cfg := quick()
	cfg.Batch.Age = time.Second
	cfg.RefusedPatience = 2 * time.Second
	run := r.start(cfg)
	r.eventually("150", "SELECT count() FROM ledger FINAL")
	letters := r.deadLetters(150)
	for _, letter := range letters {
		require.Equal(t, schemas.TopicEvents, letter.Topic)
		require.Contains(t, letter.Detail, "VIOLATED_CONSTRAINT")
		require.NotEmpty(t, letter.Payload)
	}
	require.NoError(t, r.conn.Exec(t.Context(), "ALTER TABLE events DROP CONSTRAINT never"))
	r.put(schemas.TopicEvents, 0, pageView(1000))
	r.eventually("1", "SELECT count() FROM events FINAL")
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
}
