package sink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"leadstream/schemas"
)

// commits reads what the sink's group has committed, with the metadata.
func (r *rig) commits() kadm.OffsetResponses {
	r.Helper()
	all, err := kadm.NewClient(r.producer).FetchOffsets(r.Context(), DefaultConfig().Group)
	require.NoError(r, err)
	return all
}

// A broker that lost the end of its log and grew another one still has the group's offsets: so has this one, which gets
// those of another. Partition 0 has grown past its offset with other records, 1 has not yet reached its own, 2 is the same.
func TestARegrownLogIsReadFromItsBeginning(t *testing.T) {
	old := newRig(t)
	old.putViews(0, 90)
	first := old.start(quick())
	old.requireAll(90)
	require.NoError(t, first.stopped())
	require.True(t, old.committedAll())

	r := newRig(t)
	for i := range 300 {
		part := int32(i % testPartitions)
		if part == 1 && i > 30 {
			continue
		}
		ev := pageView(1000 + i)
		r.put(schemas.TopicEvents, part, ev)
	}
	second := r.start(quick())
	r.eventually("210", "SELECT count() FROM events FINAL")
	require.NoError(t, second.stopped())
	r.exec("TRUNCATE TABLE events")
	foreign, own := old.commits(), kadm.Offsets{}
	for part := range int32(2) {
		at, ok := foreign.Lookup(schemas.TopicEvents, part)
		require.True(t, ok)
		require.NotEmpty(t, at.Metadata)
		own.Add(kadm.Offset{Topic: schemas.TopicEvents, Partition: part, At: at.At, LeaderEpoch: -1, Metadata: at.Metadata})
	}
	_, err := kadm.NewClient(r.producer).CommitOffsets(t.Context(), DefaultConfig().Group, own)
	require.NoError(t, err)

	third := r.start(quick())
	const want = "110" // what partition 2 has is committed, and truly
	r.eventually(want, "SELECT count() FROM events FINAL")
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, third.stopped())
	require.Equal(t, 2., third.sum(t, "leadstream_sink_regrown_partitions_total"))
	require.Equal(t, want, r.value("SELECT count() FROM events FINAL"))
}
