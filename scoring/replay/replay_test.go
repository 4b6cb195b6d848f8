package replay

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

const start = int64(1767603600000) // Monday 2026-01-05 09:00 UTC

func page(id, path string, at int64) *pb.Event {
	return &pb.Event{EventId: id, Site: "s", Type: "page", Path: path, AnonymousId: "a", EventTime: at, ReceivedAt: at}
}

func won(at int64) *pb.Event {
	return &pb.Event{EventId: "won", Site: "s", Type: "crm", AnonymousId: "a", EventTime: at, ReceivedAt: at, Trusted: true, Properties: []byte(`{"stage":"won"}`)}
}

func history(name string, events ...*pb.Event) History {
	h := History{ID: schemas.NewLeadID(name), Site: "s"}
	for i, ev := range events {
		h.Moments = append(h.Moments, Moment{Event: ev, Offset: int64(i)})
	}
	return h
}

func draft(t testing.TB, from, to string) *model.Model {
	t.Helper()
	text := strings.Replace(string(model.DefaultText()), from, to, 1)
	require.NotEqual(t, text, string(model.DefaultText()))
	m, err := model.Load([]byte(text), "draft.yml")
	require.NoError(t, err)
	return m
}

// source shares out histories by their place.
func source(list []History) Source {
	return func(_ context.Context, share, of int, each func(History) error) error {
		for i := share; i < len(list); i += of {
			if err := each(list[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestOnePartitionStaysInItsOrderSeveralWaitForTheClock(t *testing.T) {
	h := History{}
	for _, x := range []struct {
		part   int32
		offset int64
		at     int64
	}{{0, 1, 50}, {0, 0, 100}, {1, 7, 60}, {1, 8, 120}, {0, 2, 130}} {
		h.Moments = append(h.Moments, Moment{Event: &pb.Event{ReceivedAt: x.at}, Partition: x.part, Offset: x.offset})
	}
	h.Arrange()
	var got []string
	for _, m := range h.Moments {
		got = append(got, fmt.Sprint(m.Partition, "/", m.Offset))
	}
	require.Equal(t, []string{"1/7", "0/0", "0/1", "1/8", "0/2"}, got)
}

// What came to a day that another collector's clock had closed counts in a replay as little as it did live.
func TestAStragglerIsOneInAReplayToo(t *testing.T) {
	m := model.Default()
	inTime := page("late", "/docs/a", start+1000)
	inTime.ReceivedAt = start + 7*dayMS
	h := history("a", page("1", "/pricing", start), page("2", "/", start+12*dayMS), inTime, page("3", "/", start+12*dayMS+1))
	live, watermark := model.NewLead(h.ID, h.Site), int64(0)
	for _, x := range h.Moments { // as scoring/partition.go does
		watermark = max(watermark, x.Event.ReceivedAt)
		m.Fold(live, watermark)
		out := m.Apply(live, x.Event, &pb.Source{Offset: x.Offset})
		if x.Event == inTime {
			require.Equal(t, "straggler", out.Ledger[0].Reason)
		}
	}
	until := start + 13*dayMS
	require.Equal(t, m.Score(live, until), m.Score(Play(m, h, until, nil), until))
}

// Two looks at the prices, under a model that gives half for them.
func TestDiffTellsWhoMovesAndWhatWouldHaveBeenTold(t *testing.T) {
	old, cheap := model.Default(), draft(t, "points: 12", "points: 6")
	hot := history("hot", page("1", "/pricing", start), page("2", "/pricing", start+1000))
	cool := history("cool", page("3", "/", start))
	machine := history("bot", &pb.Event{EventId: "4", Site: "s", Type: "page", AnonymousId: "a", EventTime: start, ReceivedAt: start, Bot: true})
	d := NewDiffer(old, cheap, start+1000, 30, 10)
	for _, h := range []History{hot, cool, machine} {
		d.Add(h)
	}
	got := d.Diff()
	require.Equal(t, 2, got.Leads)
	require.Equal(t, 1, got.Same)
	require.Len(t, got.Changes, 1)
	c := got.Changes[0]
	require.Equal(t, hot.ID.String(), c.Lead)
	require.InDelta(t, 12, c.Old.Score-c.New.Score, 1e-9)
	require.Equal(t, "?3", c.Old.Grade)
	require.Equal(t, "?4", c.New.Grade)
	require.Equal(t, []Move{{"?3", "?4", 1}}, got.Grades)
}

// The answer does not depend on how many cores give it.
func TestDiffOnAnyNumberOfCores(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var list []History
	for i := range 300 {
		var events []*pb.Event
		at := start
		for j := range 1 + rng.IntN(30) {
			at += rng.Int64N(3 * dayMS)
			events = append(events, page(fmt.Sprint(j), []string{"/", "/pricing", "/docs/x", "/product/a", "/careers"}[rng.IntN(5)], at))
			events[j].SessionId = fmt.Sprint(j)
		}
		list = append(list, history(fmt.Sprint(i), events...))
	}
	var first Diff
	for i, cores := range []int{1, 2, 7} {
		shares := make([]*Differ, cores)
		for s := range shares {
			shares[s] = NewDiffer(model.Default(), draft(t, "points: 12", "points: 3"), start+60*dayMS, 30, 20)
		}
		var progress Progress
		require.NoError(t, Run(context.Background(), source(list), cores, &progress, func(share int, h History) error {
			shares[share].Add(h)
			return nil
		}))
		require.EqualValues(t, 300, progress.Leads.Load())
		for _, s := range shares[1:] {
			shares[0].Merge(s)
		}
		if got := shares[0].Diff(); i == 0 {
			first = got
			require.Len(t, got.Changes, 20)
			require.NotEmpty(t, got.Stages)
			require.NotEmpty(t, got.Alerts)
		} else {
			require.Equal(t, first, got)
		}
	}
}

var question = Question{Window: 7 * 24 * time.Hour, Horizon: 60 * 24 * time.Hour, Outcome: "won", Now: start + 365*dayMS}

func exposure(t *testing.T, m *model.Model, x []float64, rule string) float64 {
	t.Helper()
	for i, r := range m.Rules() {
		if r.ID == rule {
			return x[i]
		}
	}
	t.Fatalf("no rule %s", rule)
	return 0
}

// What happened after the landmark is not known at it: neither visits nor the win itself.
func TestNothingLeaksOverTheLandmark(t *testing.T) {
	m := model.Default()
	before := page("1", "/pricing", start)
	bare := history("x", before)
	rich := history("x", before, page("2", "/docs/a", start+8*dayMS), won(start+20*dayMS), page("3", "/support", start+30*dayMS))
	a, left := question.Landmark(m, bare)
	require.Equal(t, LeftNothing, left)
	require.False(t, a.Won)
	b, left := question.Landmark(m, rich)
	require.Equal(t, LeftNothing, left)
	require.True(t, b.Won)
	require.Equal(t, a.At, b.At)
	require.Equal(t, a.Features(m, bare), b.Features(m, rich))
	require.Equal(t, a.Score(m, bare), b.Score(m, rich))
	require.Zero(t, exposure(t, m, b.Features(m, rich), "docs"))
	require.InDelta(t, math.Exp2(-6.375/30), exposure(t, m, b.Features(m, rich), "pricing"), 1e-9) // from the first midnight to the landmark
}

func TestWhoIsLeftOut(t *testing.T) {
	m := model.Default()
	for want, h := range map[Left]History{
		LeftDecided:  history("x", page("1", "/", start), won(start+2*dayMS)),
		LeftImmature: history("x", page("1", "/", question.Now-30*dayMS), won(question.Now-10*dayMS)),
		LeftOut:      history("x", &pb.Event{EventId: "1", Type: "page", Site: "s", AnonymousId: "a", ReceivedAt: start, EventTime: start, Bot: true}),
	} {
		_, left := question.Landmark(m, h)
		require.Equal(t, want, left)
	}
	late := question
	late.Entry = "intent"
	_, left := late.Landmark(m, history("x", page("1", "/", start)))
	require.Equal(t, LeftNoEntry, left)
	// Won after the horizon is not won within it.
	at, left := question.Landmark(m, history("x", page("1", "/", start), won(start+80*dayMS)))
	require.Equal(t, LeftNothing, left)
	require.False(t, at.Won)
}

func TestQuestionsThatWouldLearnTheirOwnRulesAreRefused(t *testing.T) {
	m := model.Default()
	require.NoError(t, question.Check(m))
	own := question
	own.Outcome = "intent"
	require.ErrorContains(t, own.Check(m), "no stage that sales owns")
	own = question
	own.Entry = "nowhere"
	require.ErrorContains(t, own.Check(m), `no stage "nowhere"`)
}
