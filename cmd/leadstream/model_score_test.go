package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// Any lead's score as of any instant under any version, also of one that ids were joined to, and of each of them again
// after they were split.
func TestModelScoreOfAJoinedAndOfASplitLead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	visitor, user := schemas.NewLeadID("demo/phone").String(), schemas.NewLeadID("demo/ann").String()
	begin := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	var events []*pb.Event
	for i := range 60 {
		at := begin.Add(time.Duration(i) * 3 * time.Hour)
		ev := &pb.Event{EventId: fmt.Sprintf("e%d", i), Site: "demo", Type: "page", Path: []string{"/pricing", "/product/a", "/docs/x"}[i%3],
			EventTime: at.UnixMilli(), ReceivedAt: at.UnixMilli(), SessionId: fmt.Sprint(i / 7)}
		lead := visitor
		if ev.AnonymousId = "phone"; i%2 == 1 {
			ev.UserId, lead = "ann", user
		}
		events = append(events, ev)
		s.exec(fmt.Sprintf(`INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, path, anonymous_id, user_id, session_id, kafka_offset)
			VALUES ('demo', '%s', '%s', fromUnixTimestamp64Milli(%d), fromUnixTimestamp64Milli(%d), 'page', '%s', '%s', '%s', '%s', %d)`,
			lead, ev.EventId, ev.EventTime, ev.ReceivedAt, ev.Path, ev.AnonymousId, ev.UserId, ev.SessionId, i))
	}
	cheap, err := model.LoadPublished([]byte(strings.ReplaceAll(string(model.DefaultText()), "points: 6", "points: 2")), "default.yml", 2, 1)
	require.NoError(t, err)
	require.NotEqual(t, model.Default().Version(), cheap.Version())
	check := func(id string, mine func(*pb.Event) bool) {
		t.Helper()
		for _, m := range []*model.Model{model.Default(), cheap} {
			for _, at := range []time.Time{begin.Add(31 * time.Hour), begin.AddDate(0, 0, 8), begin.AddDate(0, 0, 60)} {
				want := model.NewLead(schemas.NewLeadID("demo/ann"), "demo")
				for _, ev := range events {
					if mine(ev) && ev.ReceivedAt <= at.UnixMilli() {
						m.Apply(want, ev, nil)
					}
				}
				got, err := storedLead(t.Context(), s.Conn, m, id, at)
				require.NoError(t, err)
				require.Equal(t, m.Score(want, at.UnixMilli()), m.Score(got, at.UnixMilli()), "%s at %s, bit for bit", id, at)
			}
		}
	}
	all := func(*pb.Event) bool { return true }
	users := func(ev *pb.Event) bool { return ev.UserId != "" }
	s.exec("INSERT INTO lead_state (site, track, lead_id, revision, joined_leads, joined_at) VALUES ('demo', 'main', '" + user + "', 2, ['" + visitor + "'], ['2026-05-02'])")
	joined := 0
	require.NoError(t, storedHistory{conn: s.Conn, people: true}.source(t.Context(), 0, 1, func(h replay.History) error {
		for _, m := range h.Moments {
			if m.Event.UserId == "" {
				joined++
				require.Equal(t, time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC).UnixMilli(), m.Joined, "the visitor's are known as such")
			} else {
				require.Zero(t, m.Joined)
			}
		}
		return nil
	}))
	require.Equal(t, 30, joined)
	check(user, all)
	check(visitor, all)                                                                                          // it leads to the user's
	s.exec("INSERT INTO lead_state (site, track, lead_id, revision) VALUES ('demo', 'main', '" + user + "', 3)") // split
	check(user, users)
	check(visitor, func(ev *pb.Event) bool { return !users(ev) })
}
