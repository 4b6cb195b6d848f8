package scoring

import (
	"context"
	"testing"
	"time"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestFenceHeaderReadsBack(t *testing.T) {
	f := fence{events: 1 << 40, routed: -1}
	require.Equal(t, f, readFence([]kgo.RecordHeader{{Key: "trace", Value: []byte("x")}, f.header()}))
	require.Equal(t, noFence, readFence(nil))
	require.Equal(t, noFence, readFence([]kgo.RecordHeader{{Key: fenceHeader, Value: []byte("short")}}))
	g := fence{events: 5, routed: 7}
	g.raise(fence{events: 9, routed: 6})
	require.Equal(t, fence{events: 9, routed: 7}, g)
	*g.of(schemas.TopicRouted)++
	*g.of(schemas.TopicEvents)--
	require.Equal(t, fence{events: 8, routed: 8}, g)
}

// moveGroup sets the group's offsets of events: what is left of a commit that a
// killed broker tore.
func (r *rig) moveGroup(group string, to func(committed, end int64) int64) {
	r.t.Helper()
	ctx := context.Background()
	ends, err := r.admin.ListEndOffsets(ctx, schemas.TopicEvents)
	require.NoError(r.t, err)
	committed, err := r.admin.FetchOffsets(ctx, group)
	require.NoError(r.t, err)
	offsets := kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if o, ok := committed.Lookup(end.Topic, end.Partition); ok {
			at = o.At
		}
		offsets.AddOffset(end.Topic, end.Partition, to(at, end.Offset), -1)
	})
	resp, err := r.admin.CommitOffsets(ctx, group, offsets)
	require.NoError(r.t, err)
	require.NoError(r.t, resp.Error())
}

func TestOutputsWithoutOffsetsAreNotWrittenTwice(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.send(visits(1, 600, 20)...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	w.stop()
	before := r.written()
	for _, back := range []int64{1, 20, 1 << 30} {
		r.moveGroup(w.cfg.Group, func(committed, _ int64) int64 { return max(0, committed-back) })
		w = r.start(r.config())
		r.settled(w.cfg.Group)
		require.Eventually(t, func() bool { return w.counter("leadstream_scoring_fence_skips_total") > 0 }, time.Minute, 10*time.Millisecond)
		w.stop()
	}
	after := r.written()
	r.sameLeads(before, after)
	// Trailing events that changed nothing lie above the fence; their refusals repeat.
	r.requireTruthRepeated()
	require.InDelta(t, len(before.ledger), len(after.ledger), 30)
	require.Equal(t, before.stages, after.stages)
}

func TestOffsetsWithoutOutputsAreReadAgainOnTheEmbeddedBroker(t *testing.T) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.FreshTransactionalID = true
	r.send(visits(1, 300, 20)...)
	w := r.start(cfg)
	r.settled(cfg.Group)
	w.stop()
	r.send(visits(2, 300, 20)...)
	r.moveGroup(cfg.Group, func(_, end int64) int64 { return end })
	w = r.start(cfg)
	require.Eventually(t, func() bool { return w.counter("leadstream_scoring_events_total") >= 250 }, time.Minute, 10*time.Millisecond)
	r.settled(cfg.Group)
	w.stop()
	r.requireTruthRepeated()
}

func TestALogShorterThanTheStateIsReadFromItsEnd(t *testing.T) {
	r := newRig(t, "", testPartitions)
	s := &session{Worker: r.worker(r.config()).Worker}
	p := newPartition(0, 0)
	p.fence = fence{events: 99, routed: -1}
	require.Equal(t, int64(50), s.position(p, schemas.TopicEvents, 100, 0, 50))
	require.Equal(t, int64(49), p.fence.events, "the next event, at 50, would be skipped")
}

func TestEventsGoneBeforeTheyWereReadAreCountedAndPassed(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.worker(r.config())
	s := &session{Worker: w.Worker}
	p := newPartition(0, 0)
	require.Equal(t, int64(70), s.position(p, schemas.TopicEvents, 40, 70, 90))
	require.Equal(t, 30.0, w.counter("leadstream_scoring_lost_events_total"))
	require.Equal(t, fence{events: 70, routed: -1}, p.next)
}

func TestANewGroupStartsAtTheOldestEvent(t *testing.T) {
	r := newRig(t, "", testPartitions)
	s := &session{Worker: r.worker(r.config()).Worker}
	require.Equal(t, int64(7), s.position(newPartition(0, 0), schemas.TopicEvents, -1, 7, 90))
	require.Equal(t, int64(7), s.position(newPartition(0, 0), schemas.TopicEvents, -2, 7, 90))
}

func TestACommitOfTimersAloneCarriesTheGroupsGeneration(t *testing.T) {
	p0, p1 := newPartition(0, 0), newPartition(1, 0)
	p0.next, p1.next = fence{10, 0}, fence{20, 0}
	x := &txn{parts: map[int32]*partition{0: p0, 1: p1}}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	require.NoError(t, x.fenceGeneration(req))
	require.Len(t, req.Topics, 1)
	require.Equal(t, schemas.TopicEvents, req.Topics[0].Topic)
	got := map[int32]int64{}
	for _, p := range req.Topics[0].Partitions {
		got[p.Partition] = p.Offset
	}
	require.Equal(t, map[int32]int64{0: 10, 1: 20}, got)

	// What the client commits by itself stays as it is.
	req.Topics[0].Partitions = req.Topics[0].Partitions[:1]
	req.Topics[0].Partitions[0].Partition, req.Topics[0].Partitions[0].Offset = 1, 25
	require.NoError(t, x.fenceGeneration(req))
	got = map[int32]int64{}
	for _, p := range req.Topics[0].Partitions {
		got[p.Partition] = p.Offset
	}
	require.Equal(t, map[int32]int64{0: 10, 1: 25}, got)

	empty := kmsg.NewPtrTxnOffsetCommitRequest()
	require.NoError(t, (&txn{}).fenceGeneration(empty))
	require.Empty(t, empty.Topics, "an empty commit must stay empty")
}
