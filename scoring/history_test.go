package scoring

import (
	"context"
	"sync"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// A replay from the topic, on any number of cores, gives the leads that the worker wrote: every
// field of their records, scores and sums bit for bit.
func TestReplayFromTheTopicIsTheLiveState(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.start(r.config())
	r.send(visits(41, 3000, 60)...)
	r.sendRaw(schemas.TopicEvents, "demo\x00poison", []byte("\xff not an event"))
	r.settled(w.cfg.Group)
	w.stop()
	live := r.written()
	require.Greater(t, len(live.leads), 50)
	for _, cores := range []int{1, 3, 9} {
		replayed := r.replayed(cores)
		require.Len(t, replayed, len(live.leads))
		for id, state := range live.states {
			lead := replayed[id]
			require.NotNil(t, lead, id)
			want := r.model.Record(state, 0, nil)
			got := r.model.Record(lead, 0, nil)
			got.Revision = want.Revision // counts what was written on the way
			require.Equal(t, text(want), text(got))
		}
	}
}

func (r *rig) replayed(cores int) map[string]*model.Lead {
	r.t.Helper()
	var mu sync.Mutex
	leads := map[string]*model.Lead{}
	var progress replay.Progress
	source := TopicHistory([]kgo.Opt{kgo.SeedBrokers(r.addrs...)})
	err := replay.Run(context.Background(), source, cores, &progress, func(_ int, h replay.History) error {
		if lead := replay.Play(r.model, h, 1<<50, nil); lead != nil {
			// To the clock of the worker's, whose timers have not come yet.
			lead = replay.Play(r.model, h, newest(h), nil)
			mu.Lock()
			defer mu.Unlock()
			leads[h.ID.String()] = lead
		}
		return nil
	})
	require.NoError(r.t, err)
	require.EqualValues(r.t, len(r.read(schemas.TopicEvents))-1, progress.Events.Load())
	return leads
}

func newest(h replay.History) (at int64) {
	for _, m := range h.Moments {
		at = max(at, m.Event.GetReceivedAt())
	}
	return at
}

// From given offsets on, only what follows is told.
func TestReplayOfTheTailOnly(t *testing.T) {
	r := newRig(t, "", 1)
	events := visits(42, 200, 5)
	r.send(events...)
	var got []*pb.Event
	err := TopicMoments(context.Background(), []kgo.Opt{kgo.SeedBrokers(r.addrs...)}, map[int32]int64{0: 150}, nil, func(id schemas.LeadID, m replay.Moment) {
		require.GreaterOrEqual(t, m.Offset, int64(150))
		require.True(t, proto.Equal(events[m.Offset], m.Event))
		require.Equal(t, originOf(m.Event), id)
		got = append(got, m.Event)
	})
	require.NoError(t, err)
	require.Len(t, got, 50)
	held, err := EventsHeld(context.Background(), []kgo.Opt{kgo.SeedBrokers(r.addrs...)})
	require.NoError(t, err)
	require.EqualValues(t, 200, held)
}
