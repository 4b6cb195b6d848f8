package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// soakFor is how long TestSoak goes on: LEADSTREAM_SOAK=5m, as `make soak` has it; some seconds else.
func soakFor(t *testing.T) time.Duration {
	text := os.Getenv("LEADSTREAM_SOAK")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "LEADSTREAM_SOAK")
	return d
}

// soak is collectors that are killed, a broker with bad days, and senders that repeat what was not answered.
type soak struct {
	url      atomic.Value // of the life that is on
	stop     chan struct{}
	accepted [12]int // by sender: its events 0..n-1 were answered 200
	attempts atomic.Int64
	group    sync.WaitGroup
}

// sender sends one event after the other, each until it is answered 200, as clients that retry do: the same id every time.
func (s *soak) sender(who int) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ; {
		select {
		case <-s.stop:
			return
		default:
		}
		s.attempts.Add(1)
		body := fmt.Sprintf(`{"type":"track","name":"x","anonymous_id":"s%d","event_id":"%d.%d"}`, who, who, n)
		answer, err := client.Post(s.url.Load().(string)+"/v1/events?key=demo", "application/json", strings.NewReader(body))
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				n++
				s.accepted[who] = n
				continue
			}
		}
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
	}
}

// badDays has the broker refuse, hang up or dawdle, now and then.
func (s *soak) badDays(cluster *kfake.Cluster) (outages *atomic.Int64) {
	var mood atomic.Int64
	outages = new(atomic.Int64)
	cluster.ControlKey(produceKey, func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		switch mood.Load() {
		case 1:
			answer, err := refuses(r.(*kmsg.ProduceRequest))
			return answer, err, true
		case 2:
			return nil, errors.New("gone"), true
		case 3:
			cluster.SleepControl(func() { time.Sleep(time.Duration(rand.IntN(800)) * time.Millisecond) })
		}
		return nil, nil, false
	})
	s.group.Go(func() {
		for {
			for _, next := range []int64{1 + rand.Int64N(3), 0} {
				mood.Store(next)
				if next != 0 {
					outages.Add(1)
				}
				select {
				case <-s.stop:
					mood.Store(0)
					return
				case <-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond):
				}
			}
		}
	})
	return outages
}

// TestSoak: kill -9 at random moments, while the broker is away as often as not. Whatever was answered 2xx in any life is in the
// topic in the end, each visitor's events in their order.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for seconds; `make test` runs it, and `make soak` for minutes")
	}
	cluster, opts := broker(t)
	s := &soak{stop: make(chan struct{})}
	dir := t.TempDir()
	spoolDir, dedupDir := filepath.Join(dir, "spool"), filepath.Join(dir, "dedup")
	live := func() *exec.Cmd {
		process, f := child(t, cluster.ListenAddrs(), childSpool+"="+spoolDir, childDedup+"="+dedupDir)
		s.url.Store(f.url)
		return process
	}
	process := live()
	outages := s.badDays(cluster)
	for who := range s.accepted {
		s.group.Go(func() { s.sender(who) })
	}
	lives := 1
	for end := time.Now().Add(soakFor(t)); time.Now().Before(end); lives++ {
		time.Sleep(time.Duration(20+rand.IntN(900)) * time.Millisecond)
		require.NoError(t, process.Process.Kill())
		_ = process.Wait() // "signal: killed"
		process = live()
	}
	close(s.stop)
	s.group.Wait()
	require.NoError(t, process.Process.Kill())
	_ = process.Wait()
	last := start(t, opts, func(c *Config, _ *Deps) { c.Spool.Dir, c.Dedup.Dir = spoolDir, dedupDir })
	last.drained(t)
	s.compare(t, opts, lives, outages.Load())
}

// compare holds the sets against each other, and the order in which each visitor's events came first.
func (s *soak) compare(t *testing.T, opts []KafkaOption, lives int, outages int64) {
	var seen [len(s.accepted)]map[int]bool
	var last [len(s.accepted)]int
	for who := range seen {
		seen[who], last[who] = map[int]bool{}, -1
	}
	repeats, accepted := 0, 0
	for _, r := range records(t, opts, schemas.TopicEvents) {
		var e pb.Event
		require.NoError(t, proto.Unmarshal(r.Value, &e))
		text, number, _ := strings.Cut(e.EventId, ".")
		who, err := strconv.Atoi(text)
		require.NoError(t, err)
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		if seen[who][n] {
			repeats++
			continue
		}
		seen[who][n] = true
		require.Equal(t, last[who]+1, n, "sender %d: out of order, or lost", who)
		last[who] = n
	}
	for who, n := range s.accepted {
		require.Positive(t, n, "sender %d got nothing through", who)
		require.GreaterOrEqual(t, last[who]+1, n, "sender %d: %d were answered 2xx", who, n)
		accepted += n
	}
	t.Logf("%d lives, %d outages, %d requests, %d answered 2xx, all in the topic; %d records stand there more than once", lives, outages, s.attempts.Load(), accepted, repeats)
}
