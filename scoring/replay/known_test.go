package replay

import (
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// by names the event's ids.
func by(ev *pb.Event, anonymous, user string) *pb.Event {
	ev.AnonymousId, ev.UserId = anonymous, user
	return ev
}

// person is Ann's history with the events of a phone that was joined to her at that time.
func person(joined int64, phone []*pb.Event, own ...*pb.Event) History {
	h := History{ID: schemas.NewLeadID("s/ann"), Site: "s"}
	for i, ev := range phone {
		h.Moments = append(h.Moments, Moment{Event: by(ev, "phone", ""), Offset: int64(i), Joined: joined})
	}
	for i, ev := range own {
		h.Moments = append(h.Moments, Moment{Event: by(ev, "", "ann"), Partition: 1, Offset: int64(i)})
	}
	h.Arrange()
	return h
}

func day(n int64) int64 { return start + n*dayMS }

// A device that was joined before the landmark is the person's from its first visit on; one that was joined later was a lead
// of its own, won if the person did, and the person's story begins without it.
func TestIdsAreJoinedWhenSomebodySaysSo(t *testing.T) {
	m := model.Default()
	phone := func() []*pb.Event {
		return []*pb.Event{page("1", "/pricing", day(0)), page("2", "/docs/a", day(2)), page("3", "/blog/a", day(21))}
	}
	own := func() []*pb.Event {
		return []*pb.Event{page("4", "/product", day(18)), page("5", "/", day(19)), won(day(30))}
	}
	early := person(day(5), phone(), own()...)
	require.Equal(t, []History{early}, question.AsKnown(m, early))

	list := question.AsKnown(m, person(day(20), phone(), own()...))
	require.Len(t, list, 2)
	ann, device := list[0], list[1]
	require.Equal(t, schemas.NewLeadID("s/ann"), ann.ID)
	require.Equal(t, schemas.NewLeadID("s/phone"), device.ID)
	for _, h := range list {
		at, left := question.Landmark(m, h)
		require.Equal(t, LeftNothing, left)
		require.True(t, at.Won)
	}
	at, _ := question.Landmark(m, ann)
	require.Equal(t, day(18), at.Entry)
	x := at.Features(m, ann)
	require.Zero(t, exposure(t, m, x, "pricing"), "that was before anybody knew")
	require.NotZero(t, exposure(t, m, x, "blog"), "from the joining on it counts")
	require.NotZero(t, exposure(t, m, x, "product"))
	at, _ = question.Landmark(m, device)
	require.Equal(t, day(0), at.Entry)
	x = at.Features(m, device)
	require.NotZero(t, exposure(t, m, x, "pricing"))
	require.Zero(t, exposure(t, m, x, "product"))
}

// To the millisecond: joined at the landmark is known at it.
func TestJoinedAtTheLandmark(t *testing.T) {
	m := model.Default()
	landmark := start + question.Window.Milliseconds()
	for joined, leads := range map[int64]int{landmark: 1, landmark + 1: 2} {
		h := person(joined, []*pb.Event{page("1", "/pricing", start)}, page("2", "/", start+dayMS))
		require.Len(t, question.AsKnown(m, h), leads)
	}
}

// Of an id that was joined before its own landmark no example is made: it was no lead of its own then.
func TestWhatWasJoinedBeforeItsOwnLandmarkIsNoLead(t *testing.T) {
	m := model.Default()
	h := person(day(9), []*pb.Event{page("1", "/pricing", day(6))}, page("2", "/", day(0)))
	list := question.AsKnown(m, h)
	require.Len(t, list, 1)
	require.Len(t, list[0].Moments, 1)
}

// Who is known by a device that was joined after the win had bought all the same, and no later than that.
func TestAWinIsTheDevicesToo(t *testing.T) {
	m := model.Default()
	for _, joined := range []int64{day(20), day(10)} { // after the win, and before it
		h := person(joined, []*pb.Event{page("1", "/pricing", day(0))}, page("2", "/", day(8)), won(day(17)))
		list := question.AsKnown(m, h)
		require.Len(t, list, 2)
		at, left := question.Landmark(m, list[1])
		require.Equal(t, LeftNothing, left)
		require.True(t, at.Won)
	}
	// Won before the device's landmark: decided, as for everybody.
	h := person(day(20), []*pb.Event{page("1", "/pricing", day(0))}, page("2", "/", day(0)), won(day(3)))
	list := question.AsKnown(m, h)
	require.Len(t, list, 2)
	_, left := question.Landmark(m, list[1])
	require.Equal(t, LeftDecided, left)
	// Said of the device's id itself, before it was joined.
	h = person(day(20), []*pb.Event{page("1", "/pricing", day(0)), won(day(15))}, page("2", "/", day(1)))
	list = question.AsKnown(m, h)
	require.Len(t, list, 2)
	for _, one := range list {
		at, left := question.Landmark(m, one)
		require.Equal(t, LeftNothing, left)
		require.True(t, at.Won)
	}
}

// A history in which nobody was joined is given back as it is.
func TestAloneIsAsKnown(t *testing.T) {
	h := history("x", page("1", "/", start))
	require.Equal(t, []History{h}, question.AsKnown(model.Default(), h))
}
