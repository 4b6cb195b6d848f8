package scoring

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// childTracks makes the child score a second track beside the first.
const childTracks = "LEADSTREAM_SCORING_TEST_TRACKS"

// second is another track's model: other points, the same paths.
func second() *model.Model {
	text := strings.NewReplacer("track: main", "track: second", "points: 12", "points: 3").Replace(string(model.DefaultText()))
	m, err := model.Load([]byte(text), "second.yml")
	if err != nil {
		panic(err)
	}
	return m
}

// ofTrack looks at the second track's rows instead of the first's.
func (r *rig) ofTrack(m *model.Model) *rig {
	other := *r
	other.model = m
	return &other
}

// runTracks is a process with a worker a track; it ends when one of them fails, or all are done.
func runTracks(ctx context.Context, cfg Config, deps Deps) error {
	tracks := []Deps{deps}
	if os.Getenv(childTracks) != "" {
		other := deps
		other.Model, other.Track = second(), "second"
		tracks = append(tracks, other)
	}
	work, ctx := errgroup.WithContext(ctx)
	for _, d := range tracks {
		work.Go(func() error {
			w, err := New(cfg, d)
			if err == nil {
				err = w.Run(ctx)
			}
			return err
		})
	}
	return work.Wait()
}

var groups = []string{DefaultConfig().Group, GroupOf(DefaultConfig().Group, "second")}

// Two tracks in one process, killed at any moment: the scores, ledger and stages of each are what its own
// model makes of the events one after the other, each row once.
func TestEachTrackIsItsOwnTruthWhateverIsKilled(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, t.TempDir(), testPartitions)
	env := []string{childTracks + "=1", childSnap + "=" + t.TempDir()}
	kill := r.child(env...)
	for i := range 3 {
		r.send(visits(uint64(i), 400, 40)...)
		r.progress(groups[i%2])
		time.Sleep(time.Duration(7*i) * 10 * time.Millisecond) // not proof of anything: another moment of death
		kill()
		kill = r.child(env...)
	}
	for _, group := range groups {
		r.settled(group)
	}
	kill()
	r.requireTruth()
	r.ofTrack(second()).requireTruth()
}

// The same with the broker in the process, whose commits may be torn: a restore of one track takes no
// row of the other for its own.
func TestEachTrackIsItsOwnTruthWhenTheBrokerIsKilledToo(t *testing.T) {
	t.Parallel() // most of it is waiting
	r, kill := killsOfAll(t, 2, childTracks+"=1")
	r.settled(groups[1])
	r.requireTruthRepeated()
	r.ofTrack(second()).requireTruthRepeated()
	kill()
}

// Persons are joined in each track by itself: hand-overs of one are nothing to the other.
func TestPersonsAreJoinedInEachTrack(t *testing.T) {
	r := newRig(t, t.TempDir(), testPartitions)
	var events []*pb.Event
	kill := r.child(childTracks + "=1")
	for seed := range uint64(6) {
		more := people(seed+1, 150, 12)
		r.send(more...)
		events = append(events, more...)
		if seed == 3 {
			r.progress(groups[1])
			kill()
			kill = r.child(childTracks + "=1")
		}
	}
	for _, group := range groups {
		r.settledRouted(group)
	}
	kill()
	r.requirePeople(events, true)
	r.ofTrack(second()).requirePeople(events, true)
}

// What was written by one track alone is taken up as it stands when a second one comes beside it; the second
// begins with the oldest event. Taking it away again leaves the first untouched.
func TestATrackIsAddedToWhatRuns(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.SnapshotDir = t.TempDir()
	w := r.start(cfg)
	r.send(visits(1, 1000, 30)...)
	r.settled(cfg.Group)
	w.stop()

	w = r.start(cfg)
	other := r.start(cfg, func(d *Deps) { d.Model, d.Track = second(), "second" })
	r.send(visits(2, 1000, 30)...)
	r.settled(cfg.Group)
	r.settled(other.cfg.Group)
	require.Zero(t, w.counter("leadstream_scoring_fence_skips_total"))
	other.stop()
	r.send(visits(3, 500, 30)...)
	r.settled(cfg.Group)
	w.stop()
	r.requireTruth()

	back := r.start(cfg, func(d *Deps) { d.Model, d.Track = second(), "second" })
	r.settled(back.cfg.Group)
	back.stop()
	r.ofTrack(second()).requireTruth()
}

// A command is for all tracks, and what cannot be read has one letter.
func TestACommandIsForAllTracks(t *testing.T) {
	r := newRig(t, "", testPartitions)
	events := visits(5, 200, 4)
	r.send(events...)
	r.sendRaw(schemas.TopicEvents, "demo/x", []byte{0xff})
	first := r.start(r.config())
	other := r.start(r.config(), func(d *Deps) { d.Model, d.Track = second(), "second" })
	r.settled(first.cfg.Group)
	r.settled(other.cfg.Group)
	key := schemas.EventKey(events[0].Site, events[0].AnonymousId, events[0].UserId)
	until := events[len(events)-1].ReceivedAt
	r.erase(key, until)
	for _, group := range []string{first.cfg.Group, other.cfg.Group} {
		r.settledRouted(group)
	}
	for _, m := range []*model.Model{r.model, second()} {
		rec := r.ofTrack(m).newestLeads()[schemas.NewLeadID(key).String()]
		require.Equal(t, until, rec.GetState().GetErasedUntil(), m.Track())
	}
	require.Len(t, r.read(schemas.TopicDeadLetter), 1)
}

func TestWhomARecordOfRoutedIsFor(t *testing.T) {
	say := func(r *pb.Routed) []byte {
		b, err := proto.Marshal(r)
		require.NoError(t, err)
		return b
	}
	for i, c := range []struct {
		value         []byte
		first, second bool
	}{
		{say(&pb.Routed{LeadId: make([]byte, 16), What: &pb.Routed_Recall{Recall: "k"}}), true, false},
		{say(&pb.Routed{What: &pb.Routed_Event{Event: &pb.Event{Site: "demo"}}, Track: "second"}), false, true},
		{say(&pb.Routed{What: &pb.Routed_Give{Give: &pb.Part{}}, Track: "third"}), false, false},
		{say(&pb.Routed{What: &pb.Routed_Erase{Erase: &pb.Erase{Until: 1}}}), true, true},
		{say(&pb.Routed{What: &pb.Routed_Verdict{Verdict: &pb.Verdict{Key: "k"}}}), true, true},
		{say(&pb.Routed{What: &pb.Routed_Erase{Erase: &pb.Erase{}}, Track: "second"}), false, true},
		{[]byte{0xff}, true, false}, // the first track buries it
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			rec := &kgo.Record{Value: c.value}
			require.Equal(t, c.first, (&Worker{}).concerns(rec))
			require.Equal(t, c.second, (&Worker{track: "second"}).concerns(rec))
		})
	}
}
