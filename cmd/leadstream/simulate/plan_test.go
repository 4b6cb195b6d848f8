package simulate

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var end = time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)

func options(seed uint64) Options {
	return Options{Seed: seed, Visitors: 300, Past: 400, End: end, Base: "http://localhost:8080"}
}

func TestSameSeedSamePlan(t *testing.T) {
	a, b := NewPlan(options(7)), NewPlan(options(7))
	require.Equal(t, a, b)
	require.NotEqual(t, a.Prefix, NewPlan(options(8)).Prefix, "another seed must not reuse ids")
	later := options(7)
	later.End = end.Add(time.Hour)
	require.NotEqual(t, a.Prefix, NewPlan(later).Prefix, "another day must not reuse ids at other times")
}

func TestEventIdsAreUniqueAndInsideTheDay(t *testing.T) {
	p := NewPlan(options(1))
	seen := map[string]bool{}
	for _, e := range append(p.Events, p.History...) {
		require.False(t, seen[e.EventID], "id %s occurs twice", e.EventID)
		seen[e.EventID] = true
	}
	last := int64(0)
	for _, e := range p.Events {
		require.Zero(t, e.ReceivedAt, "live traffic must not claim when it was received")
		require.GreaterOrEqual(t, e.Timestamp, end.Add(-24*time.Hour).UnixMilli())
		require.Less(t, e.Timestamp, end.UnixMilli())
		require.GreaterOrEqual(t, e.Timestamp, last, "events must be in order of time")
		last = e.Timestamp
	}
	for _, e := range p.History {
		require.Equal(t, e.Timestamp, e.ReceivedAt)
		require.LessOrEqual(t, e.Timestamp, end.UnixMilli())
	}
}

func TestPastHoldsThePlantedRates(t *testing.T) {
	o := options(3)
	o.Visitors, o.Past = 0, 4000
	stages := map[string]int{}
	ended := map[string]bool{}
	for _, e := range NewPlan(o).History {
		if e.Type == "crm" {
			stages[e.Name]++
			if e.Name == "won" || e.Name == "lost" {
				ended[e.AnonymousID] = true
			}
		}
	}
	buyers := 4000 * (1 - coldRate)
	require.InDelta(t, acceptRate, float64(stages["accepted"])/buyers, 0.04)
	require.InDelta(t, acceptRate*dealRate, float64(stages["opportunity"])/buyers, 0.05)
	mature := 1 - float64(matureDays-3)/pastDays
	require.InDelta(t, acceptRate*dealRate*winRate*mature, float64(stages["won"])/buyers, 0.04)
	require.InDelta(t, mature, float64(len(ended))/buyers, 0.04, "every mature buyer has an end")
}

func TestSenderWaitsOut503AndStopsAt401(t *testing.T) {
	var got, calls int
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		key, _, _ := r.BasicAuth()
		if key != "demo" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if calls == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return
		}
		var body struct{ Events []Event }
		require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		got += len(body.Events)
	}))
	defer server.Close()

	events := NewPlan(options(5)).Events[:120]
	s := &Sender{Client: server.Client(), URL: server.URL, Key: "demo"}
	accepted, err := s.Send(context.Background(), events, nil)
	require.NoError(t, err)
	require.Equal(t, 120, accepted)
	require.Equal(t, 120, got)
	require.Equal(t, 4, calls, "3 batches and one repeat")

	s.Key = "wrong"
	accepted, err = s.Send(context.Background(), events, nil)
	require.ErrorContains(t, err, "401")
	require.Zero(t, accepted)
}
