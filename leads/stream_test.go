package leads

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// streamed is one event of a stream.
type streamed struct{ name, data string }

// listen opens a stream and hands over its events; the test's end closes it.
func (w *world) listen(query string) <-chan streamed {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.web.URL+"/v1/stream"+query, nil)
	require.NoError(w.t, err)
	resp, err := w.client.Do(req)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { resp.Body.Close() })
	require.Equal(w.t, http.StatusOK, resp.StatusCode)
	require.Contains(w.t, resp.Header.Get("Content-Type"), "text/event-stream")
	events := make(chan streamed, 1000)
	go func() {
		defer close(events)
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		var e streamed
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "event: "):
				e.name = line[7:]
			case strings.HasPrefix(line, "data: "):
				e.data = line[6:]
			case line == "" && e.name != "":
				events <- e
				e = streamed{}
			}
		}
	}()
	return events
}

// next waits for an event; the wait is long because it is no measurement.
func next(t *testing.T, events <-chan streamed) streamed {
	t.Helper()
	select {
	case e, ok := <-events:
		require.True(t, ok, "the stream ended")
		return e
	case <-time.After(time.Minute):
		require.Fail(t, "no event came")
		return streamed{}
	}
}

func nextLead(t *testing.T, events <-chan streamed) Lead {
	t.Helper()
	e := next(t, events)
	require.Equal(t, "lead", e.name)
	var l Lead
	require.NoError(t, json.Unmarshal([]byte(e.data), &l))
	return l
}

// running starts the hub and waits for as many streams as the test opened.
func (w *world) running(streams int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.service.hub.run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
	require.Eventually(w.t, func() bool { return testutil.ToFloat64(w.service.metrics.streamClients) == float64(streams) }, time.Minute, time.Millisecond)
}

func TestStreamTellsLeadsAsTheyChange(t *testing.T) {
	w := newWorld(t)
	events := w.listen("")
	w.running(1)
	w.service.take(w.lead("ada", 61.5, func(r *pb.LeadRecord) { r.Stage, r.Name = "intent", "Ada\nevent: fake" }))
	l := nextLead(t, events)
	require.Equal(t, w.id("ada"), l.ID)
	require.InDelta(t, 61.5, l.Score, 1e-9)
	require.Equal(t, "意向", l.Stage.ZH)
	require.Equal(t, "Looked at prices", l.Last.Rule.EN)
	require.Equal(t, "B2", l.Grade)
	require.NotNil(t, l.Fade)
	require.Equal(t, "Ada\nevent: fake", l.Name, "a line end in a name is no line end of the stream")
}

func TestStreamFilters(t *testing.T) {
	w := newWorld(t)
	one, site, hot, track := w.listen("?lead="+w.id("b")), w.listen("?site=shop"), w.listen("?min_score=50"), w.listen("?track=partners")
	w.running(4)
	w.service.take(w.lead("a", 60))
	w.service.take(w.lead("b", 10))
	w.service.take(w.lead("c", 10, func(r *pb.LeadRecord) { r.Site = "shop" }))
	w.service.take(w.lead("d", 10, func(r *pb.LeadRecord) { r.Track = "partners" }))
	require.Equal(t, w.id("b"), nextLead(t, one).ID)
	require.Equal(t, w.id("c"), nextLead(t, site).ID)
	require.Equal(t, w.id("a"), nextLead(t, hot).ID)
	require.Equal(t, w.id("d"), nextLead(t, track).ID)
	require.Empty(t, len(one)+len(site)+len(hot)+len(track))
	no := w.refused("/v1/stream?lead=x&min_score=y&stage=intent", http.StatusBadRequest)
	require.Len(t, no.Faults, 3)
}

func TestStreamGathersABurstToItsNewestState(t *testing.T) {
	w := newWorld(t)
	events := w.listen("")
	require.Eventually(t, func() bool { return testutil.ToFloat64(w.service.metrics.streamClients) == 1 }, time.Minute, time.Millisecond)
	for i := range 500 {
		w.service.take(w.lead("busy", 1, func(r *pb.LeadRecord) { r.Revision = uint64(i) }))
	}
	w.service.take(w.lead("busy", 1, func(r *pb.LeadRecord) { r.Revision = 3 })) // out of order
	w.service.hub.flush()
	require.Equal(t, uint64(499), nextLead(t, events).Revision)
	require.Empty(t, events)
}

func TestASlowStreamIsResetAndTheOthersGoOn(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Deps) { c.StreamBuffer = 16 })
	all := func(*pb.LeadRecord) bool { return true }
	slow, err := w.service.hub.join(all) // nobody reads it
	require.NoError(t, err)
	quick := w.listen("")
	require.Eventually(t, func() bool { return testutil.ToFloat64(w.service.metrics.streamClients) == 2 }, time.Minute, time.Millisecond)
	for i := range 40 {
		w.service.take(w.lead("x", 1, func(r *pb.LeadRecord) { r.Revision = uint64(i) }))
		w.service.hub.flush()
		require.Equal(t, uint64(i), nextLead(t, quick).Revision)
	}
	<-slow.gone
	require.True(t, slow.slow)
	require.Equal(t, 1.0, testutil.ToFloat64(w.service.metrics.streamResets))
	require.Equal(t, 1.0, testutil.ToFloat64(w.service.metrics.streamClients))
}

func TestAResetIsSaidToTheReader(t *testing.T) {
	w := newWorld(t)
	events := w.listen("")
	require.Eventually(t, func() bool { return testutil.ToFloat64(w.service.metrics.streamClients) == 1 }, time.Minute, time.Millisecond)
	w.service.hub.mu.Lock()
	for c := range w.service.hub.clients {
		c.slow = true
		w.service.hub.drop(c)
	}
	w.service.hub.mu.Unlock()
	require.Equal(t, streamed{"reset", `{"reason":"slow"}`}, next(t, events))
	_, open := <-events
	require.False(t, open)
}

func TestStreamsAreCounted(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *Deps) { c.StreamClients = 1 })
	w.listen("")
	w.running(1)
	require.Equal(t, "busy", w.refused("/v1/stream", http.StatusServiceUnavailable).Word)
	w.service.hub.close()
	require.Equal(t, "busy", w.refused("/v1/stream", http.StatusServiceUnavailable).Word)
	require.Zero(t, testutil.ToFloat64(w.service.metrics.streamClients))
}

// From a committed record in the topic to a browser, over the real protocol; an aborted transaction is never seen.
func TestLiveTopicReachesTheStream(t *testing.T) {
	section := kafka.DefaultConfig()
	section.Brokers = embeddedtest.Broker(t)
	log := zap.NewNop()
	client, err := kafka.NewClient(section, log, kgo.TransactionalID("scoring-test"), kgo.DefaultProduceTopic(schemas.TopicLeads))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, kafka.EnsureTopics(t.Context(), client, []kafka.Topic{{Name: schemas.TopicLeads, Partitions: 3, Replication: 1}}))

	w := newWorld(t, func(_ *Config, d *Deps) { d.Live = LiveTopic(section, log) })
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() { defer close(followed); w.service.follow(ctx) }()
	defer func() { cancel(); <-followed }()
	events := w.listen("")
	w.running(1)

	produce := func(name string, value []byte, end kgo.TransactionEndTry) {
		require.NoError(t, client.BeginTransaction())
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Key: []byte(w.id(name)), Value: value}).FirstErr())
		require.NoError(t, client.EndTransaction(t.Context(), end))
	}
	encode := func(name string) []byte {
		value, err := proto.Marshal(w.lead(name, 70, func(r *pb.LeadRecord) { r.ReceivedAt = w.ago(time.Second) }))
		require.NoError(t, err)
		return value
	}
	// The reader starts at the end of the topic, wherever that is when it arrives: records before it are not its business.
	require.Eventually(t, func() bool {
		produce("knock", encode("knock"), kgo.TryCommit)
		return testutil.ToFloat64(w.service.metrics.liveRecords) > 0
	}, time.Minute, 50*time.Millisecond)
	produce("aborted", encode("aborted"), kgo.TryAbort)
	produce("garbage", []byte("\xff\xff"), kgo.TryCommit)
	produce("erased", nil, kgo.TryCommit)
	produce("ada", encode("ada"), kgo.TryCommit)
	for {
		l := nextLead(t, events)
		require.NotEqual(t, w.id("aborted"), l.ID)
		if l.ID == w.id("ada") {
			break
		}
	}
	require.Equal(t, 1.0, testutil.ToFloat64(w.service.metrics.liveUnread))
}
