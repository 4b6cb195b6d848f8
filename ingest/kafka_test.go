//go:build kafka

package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// senders post events as fast as they are answered, until they are stopped, and remember which were
// answered 2xx. None of them posts an event twice: what is in the topic twice was doubled behind the door.
type senders struct {
	stop     chan struct{}
	wait     sync.WaitGroup
	accepted sync.Map
	yes, no  atomic.Int64
}

func (f *fixture) senders(n int) *senders {
	s := &senders{stop: make(chan struct{})}
	for sender := range n {
		s.wait.Go(func() {
			for i := 0; ; i += 5 {
				select {
				case <-s.stop:
					return
				default:
					s.post(f, sender, i)
				}
			}
		})
	}
	return s
}

// post sends five events of one visitor in one request.
func (s *senders) post(f *fixture, sender, from int) {
	var body bytes.Buffer
	var ids []string
	fmt.Fprintf(&body, `{"sent_at":%s,"events":[`, nowMs())
	for i := from; i < from+5; i++ {
		ids = append(ids, fmt.Sprintf("s%d-%d", sender, i))
		if i > from {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"event_id":%q,"type":"page","anonymous_id":"a%d-%d","url":"https://www.acme.example/pricing","timestamp":%s}`,
			ids[len(ids)-1], sender, from/5%100, nowMs())
	}
	body.WriteString(`]}`)
	answer, err := http.Post(f.url+"/v1/events?key=demo", "application/json", &body)
	if err != nil {
		s.no.Add(5) // no answer is no promise
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		s.no.Add(5)
		return
	}
	s.yes.Add(5)
	for _, id := range ids {
		s.accepted.Store(id, true)
	}
}

// some waits until more events were accepted: the path works again.
func (s *senders) some(t *testing.T) {
	t.Helper()
	before := s.yes.Load()
	require.Eventually(t, func() bool { return s.yes.Load() > before+100 }, time.Minute, 10*time.Millisecond, "nothing is accepted any more")
}

func TestAcceptedMeansKeptOnApacheKafka(t *testing.T) {
	cluster := embeddedtest.Kafka(t, 3)
	cfg := kafka.DefaultConfig()
	cfg.Brokers = cluster.Addrs()
	client, err := kafka.NewClient(cfg, nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	var topics []kafka.Topic
	for _, name := range []string{schemas.TopicEvents, schemas.TopicDeadLetter} {
		topics = append(topics, kafka.Topic{Name: name, Partitions: cfg.Partitions})
	}
	require.NoError(t, kafka.EnsureTopics(t.Context(), client, topics))

	opts, err := kafka.Opts(cfg, nil)
	require.NoError(t, err)
	f := start(t, opts, func(c *Config, _ *Deps) { c.ProduceTimeout = DefaultConfig().ProduceTimeout })
	s := f.senders(8)
	s.some(t)
	for i := range cluster.Size() {
		cluster.Kill(i)
		s.some(t) // with two of three
		require.NoError(t, cluster.Restart(t.Context(), i))
		s.some(t)
		require.NoError(t, cluster.AwaitInSync(t.Context()))
	}
	moved, err := cluster.MoveLeaders(t.Context())
	require.NoError(t, err)
	s.some(t)
	close(s.stop)
	s.wait.Wait()
	require.NoError(t, f.stop())

	times := timesStored(t, client)
	s.accepted.Range(func(id, _ any) bool {
		require.Equal(t, 1, times[id.(string)], "event %s was accepted", id)
		return true
	})
	for id, n := range times {
		require.Equal(t, 1, n, "event %s", id)
	}
	t.Logf("%d events accepted, %d refused or unanswered, %d in the topic, each once; %d leaders moved", s.yes.Load(), s.no.Load(), len(times), moved)
}

// timesStored reads the topic of events to its end.
func timesStored(t *testing.T, client *kgo.Client) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, schemas.TopicEvents)
	require.NoError(t, err)
	require.NoError(t, ends.Error())
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{schemas.TopicEvents: startOf(ends)})
	times := map[string]int{}
	for left := total(ends); left > 0; {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			e := &pb.Event{}
			require.NoError(t, proto.Unmarshal(r.Value, e))
			times[e.EventId]++
			left--
		})
	}
	return times
}

func startOf(ends kadm.ListedOffsets) map[int32]kgo.Offset {
	at := map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) { at[end.Partition] = kgo.NewOffset().AtStart() })
	return at
}

// total is how many records there are: no transactions here, so every offset is one.
func total(ends kadm.ListedOffsets) (n int64) {
	ends.Each(func(end kadm.ListedOffset) { n += end.Offset })
	return n
}
