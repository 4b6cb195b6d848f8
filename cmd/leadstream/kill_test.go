package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
)

// Promise 1 and 2 over kill -9 of everything at once: broker, ClickHouse,
// scoring and collectors are one process here. What was answered 2xx is stored,
// and every lead's score is that of a sequential fold.
func TestKillNineLosesNothingAccepted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var accepted sync.Map
	for round := range 4 {
		h.up(t)
		ctx, cancel := context.WithCancel(t.Context())
		var posters sync.WaitGroup
		for poster := range 4 {
			posters.Go(func() { h.keepPosting(ctx, fmt.Sprintf("r%d-p%d", round, poster), &accepted) })
		}
		time.Sleep(time.Duration(700+rand.IntN(1500)) * time.Millisecond)
		h.kill()
		cancel()
		posters.Wait()
	}
	h.up(t)

	ids := map[string]bool{}
	accepted.Range(func(id, _ any) bool { ids[id.(string)] = true; return true })
	require.Greater(t, len(ids), 200, "the posters must have got somewhere")
	db := h.clickhouse(t)
	require.Eventually(t, func() bool { return len(missing(t, db, ids)) == 0 }, time.Minute, 200*time.Millisecond,
		"%d events were answered 200", len(ids))
	h.sameInEveryPlace(t)
	require.Zero(t, h.stop())
}

// missing are the ids that are not stored.
func missing(t *testing.T, db clickhouse.Conn, ids map[string]bool) map[string]bool {
	t.Helper()
	left := maps.Clone(ids)
	rows, err := db.Query(t.Context(), "SELECT DISTINCT event_id FROM events")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		delete(left, id)
	}
	require.NoError(t, rows.Err())
	return left
}

// keepPosting sends single events of a few visitors and notes which were accepted.
func (h *house) keepPosting(ctx context.Context, name string, accepted *sync.Map) {
	paths := []string{"/", "/pricing", "/docs/start", "/product", "/blog/one", "/careers"}
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		event := pageEvent(id, fmt.Sprintf("visitor-%d", n%17), paths[n%len(paths)], time.Now())
		if h.post(ctx, "/v1/events?key=demo", `{"events":[`+event+`]}`) == http.StatusOK {
			accepted.Store(id, true)
		}
	}
}
