package scoring

import (
	"context"
	"strings"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

func TestInPeaceTheWorkerWritesWhatTheOracleSays(t *testing.T) {
	t.Parallel() // most of it is waiting
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, dir, testPartitions)
			r.send(visits(1, 1000, 40)...)
			w := r.start(r.config())
			r.settled(w.cfg.Group)
			r.send(visits(2, 1000, 40)...) // some to leads in memory, some new
			r.send(visits(1, 500, 40)...)  // all of them repeats
			r.settled(w.cfg.Group)
			require.NoError(t, w.Ready(context.Background()))
			w.stop()
			r.requireTruth()
			require.Zero(t, w.counter("leadstream_scoring_fence_skips_total"))
		})
	}
}

func TestARestartedWorkerGoesOnFromTheChangelog(t *testing.T) {
	r := newRig(t, "", testPartitions)
	for part := range 4 {
		w := r.start(r.config())
		r.send(visits(uint64(part%2), 400, 20)...)
		r.settled(w.cfg.Group)
		w.stop()
	}
	r.requireTruth()
}

func TestPoisonGoesToDeadLettersAndTheLineGoesOn(t *testing.T) {
	r := newRig(t, "", testPartitions)
	good := visits(3, 50, 5)
	r.send(good[:25]...)
	r.sendRaw(schemas.TopicEvents, "demo/x", []byte("\xff\xff not protobuf"))
	r.send(&pb.Event{Site: "demo", AnonymousId: "no-id", ReceivedAt: 1, EventTime: 1})
	stray, err := proto.Marshal(good[0])
	require.NoError(t, err)
	r.sendRaw(schemas.TopicEvents, "demo/somebody else", stray)
	x := schemas.NewLeadID("x")
	unknown, err := proto.Marshal(&pb.Routed{LeadId: x[:]})
	require.NoError(t, err)
	r.sendRaw(schemas.TopicRouted, "x", unknown)
	r.send(good[25:]...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	require.Eventually(t, func() bool { return w.counter("leadstream_scoring_dead_letters_total") == 4 }, time.Minute, 10*time.Millisecond)
	w.stop()
	r.requireTruth()

	letters := map[string]*pb.DeadLetter{}
	for _, rec := range r.read(schemas.TopicDeadLetter) {
		l := new(pb.DeadLetter)
		require.NoError(t, proto.Unmarshal(rec.Value, l))
		letters[l.Reason] = l
		require.Equal(t, "scoring", l.Stage)
		require.NotEmpty(t, l.Detail)
	}
	require.Len(t, letters, 4)
	require.Equal(t, []byte("\xff\xff not protobuf"), letters[reasonUndecodable].Payload)
	require.Equal(t, []byte("demo/x"), letters[reasonUndecodable].Key)
	require.Equal(t, schemas.TopicEvents, letters[reasonUndecodable].Topic)
	require.Equal(t, schemas.TopicRouted, letters[reasonUnsupported].Topic)
	require.Contains(t, letters, reasonIncomplete)
	require.Contains(t, letters, reasonMisrouted)
}

func TestARoutedEventCountsForTheLeadItNames(t *testing.T) {
	r := newRig(t, "", testPartitions)
	known := schemas.NewLeadID("demo/known")
	ev := visits(4, 1, 1)[0]
	ev.Type, ev.Path, ev.Bot, ev.UserId = "page", "/pricing", false, "known"
	b, err := proto.Marshal(&pb.Routed{LeadId: known[:], What: &pb.Routed_Event{Event: ev}})
	require.NoError(t, err)
	r.sendRaw(schemas.TopicRouted, "demo/known", b)
	w := r.start(r.config())
	require.Eventually(t, func() bool { return len(r.read(schemas.TopicLeads)) == 1 }, time.Minute, 10*time.Millisecond)
	w.stop()
	leads := r.read(schemas.TopicLeads)
	require.Len(t, leads, 1)
	require.Equal(t, known.String(), string(leads[0].Key))
	require.Equal(t, fence{events: -1, routed: 0}, readFence(leads[0].Headers))
}

func TestUnequalPartitionsAreRefusedWithTheTopicsNamed(t *testing.T) {
	r := newRig(t, "", testPartitions)
	_, err := r.admin.DeleteTopics(context.Background(), schemas.TopicLedger, schemas.TopicStages)
	require.NoError(t, err)
	r.createTopic(schemas.TopicLedger, testPartitions+1)
	err = r.worker(r.config()).Run(context.Background())
	require.ErrorContains(t, err, "topic leadstream.ledger.v1 has 5 partitions, but leadstream.events.v1 has 4")
	require.ErrorContains(t, err, "topic leadstream.stages.v1: missing")
	require.ErrorContains(t, err, "leadstream migrate")
}

func TestAFreshWorkerIsNotReadyUntilItHasItsPartitions(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.worker(r.config())
	require.ErrorContains(t, w.Ready(context.Background()), "not connected")
	r.runs(w)
	require.Eventually(t, func() bool { return w.Ready(context.Background()) == nil }, time.Minute, 10*time.Millisecond)
	w.stop()
	require.Error(t, w.Ready(context.Background()))
}

func TestStoppingWhileStartingIsNoError(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.send(visits(1, 500, 20)...)
	for i := range 20 {
		w := r.start(r.config())
		time.Sleep(time.Duration(i*3) * time.Millisecond) // from connecting, over restoring, to the first commit
		w.stop()
	}
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	w.stop()
	r.requireTruth()
}

func TestAnOutputThatNoBrokerTakesDoesNotStopTheLine(t *testing.T) {
	r := newRig(t, "", testPartitions)
	events := visits(1, 100, 5)
	w := r.worker(r.config())
	w.Worker.apply = func(l *model.Lead, ev *pb.Event, src *pb.Source) model.Outcome {
		out := r.model.Apply(l, ev, src)
		if ev.EventId == events[50].EventId {
			out.Stages = append(out.Stages, &pb.StageRow{LeadId: make([]byte, 16), Why: strings.Repeat("x", maxOutput)})
		}
		return out
	}
	r.send(events...)
	r.runs(w)
	r.settled(w.cfg.Group)
	w.stop()
	r.requireTruth()
	require.Positive(t, w.counter("leadstream_scoring_oversized_outputs_total"))
}
