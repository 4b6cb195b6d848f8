package ingest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const produceKey = 0 // the Kafka protocol's number of Produce requests

// post sends one event from a goroutine, where require must not be called; 0 means no answer.
func (f *fixture) post(id string) int {
	body := fmt.Sprintf(`{"type":"track","name":"x","anonymous_id":"%s","event_id":"%s"}`, id, id)
	answer, err := http.Post(f.url+"/v1/events?key=demo", "text/plain", strings.NewReader(body))
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestBrokerAwayIs503(t *testing.T) {
	cluster, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) { c.ProduceTimeout, c.DrainTimeout = time.Second, time.Second })
	require.Equal(t, 200, f.post("before"))
	cluster.Close()
	began := time.Now()
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`, "Origin", "https://acme.example")
	refusedWithWord(t, answer, body, brokerAway)
	require.Equal(t, "Retry-After", answer.Header.Get("Access-Control-Expose-Headers"))
	require.Less(t, time.Since(began), 30*time.Second, "a request waits for produce_timeout, not for the broker")
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_produce_failed_total", "why", "broker_away"))
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_events_total"), "an event that was not stored is not counted")
	require.Error(t, f.Ready(t.Context()))
}

// TestAcceptedMeansKept: while the broker refuses, hangs up or dawdles, whatever was answered 2xx is in the topic.
func TestAcceptedMeansKept(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	cluster, opts := broker(t)
	f := start(t, append(opts, kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond })),
		func(c *Config, _ *Deps) { c.ProduceTimeout = time.Second })
	var mu sync.Mutex
	calls := 0
	cluster.ControlKey(produceKey, func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		mu.Lock()
		calls++
		n := calls
		mu.Unlock()
		switch n % 5 {
		case 1:
			return failed(r.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas.Code), nil, true
		case 3:
			return nil, fmt.Errorf("the connection breaks"), true
		}
		return nil, nil, false
	})
	accepted := sendAll(f, 40, 10)
	require.NotEmpty(t, accepted)
	cluster.DropControl()
	events, _ := stored(t, opts)
	for id := range accepted {
		require.Contains(t, events, id, "answered 2xx and not in the topic")
	}
}

// failed answers a produce request with one error for all partitions.
func failed(r *kmsg.ProduceRequest, code int16) *kmsg.ProduceResponse {
	answer := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range r.Topics {
		to := kmsg.NewProduceResponseTopic()
		to.Topic, to.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			tp := kmsg.NewProduceResponseTopicPartition()
			tp.Partition, tp.ErrorCode = partition.Partition, code
			to.Partitions = append(to.Partitions, tp)
		}
		answer.Topics = append(answer.Topics, to)
	}
	return answer
}

// sendAll posts from many senders at once and returns the ids that were answered 2xx.
func sendAll(f *fixture, senders, each int) map[string]bool {
	return sendAllNamed(f, "", senders, each)
}

func sendAllNamed(f *fixture, prefix string, senders, each int) map[string]bool {
	var mu sync.Mutex
	var group sync.WaitGroup
	accepted := map[string]bool{}
	for sender := range senders {
		group.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%ss%d-%d", prefix, sender, n)
				if f.post(id) == http.StatusOK {
					mu.Lock()
					accepted[id] = true
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return accepted
}

// TestSentIsStored: 200 senders at once; the set that was sent is the set in the topic, each event once.
func TestSentIsStored(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	accepted := sendAll(f, 200, 10)
	require.Len(t, accepted, 2000)
	events, times := stored(t, opts)
	require.Len(t, events, 2000)
	for id := range accepted {
		require.Equal(t, 1, times[id], id)
	}
	require.Equal(t, 2000.0, f.value(t, "leadstream_ingest_events_total", "site", "demo", "type", "track"))
	require.Equal(t, 0.0, f.value(t, "leadstream_ingest_requests_in_flight"))
}

// TestStoppingLosesNothing: the service is told to stop while senders are at it. Who got 2xx is in the topic; the others got
// a refusal or no connection, and know.
func TestStoppingLosesNothing(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	accepted := make(chan map[string]bool, 1)
	go func() { accepted <- sendAll(f, 50, 200) }()
	require.Eventually(t, func() bool { return f.value(t, "leadstream_ingest_events_total") > 200 }, time.Minute, time.Millisecond)
	require.NoError(t, f.stop())
	ids := <-accepted
	require.NotEmpty(t, ids)
	require.Less(t, len(ids), 50*200, "the stop came in the middle")
	events, _ := stored(t, opts)
	for id := range ids {
		require.Contains(t, events, id)
	}
}

// TestManyRequestsShareARecordBatch: the promise costs a wait of milliseconds, not a broker's round trip for each request.
func TestManyRequestsShareARecordBatch(t *testing.T) {
	cluster, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) { c.Linger = 20 * time.Millisecond })
	var mu sync.Mutex
	requests := 0
	cluster.ControlKey(produceKey, func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		mu.Lock()
		requests++
		mu.Unlock()
		return nil, nil, false
	})
	require.Len(t, sendAll(f, 100, 5), 500)
	mu.Lock()
	defer mu.Unlock()
	require.Less(t, requests, 250, "500 events went in %d produce requests", requests)
}

// TestAFullBufferIsBusy: with the broker silent, the collector stops taking events before its memory is full of them.
func TestAFullBufferIsBusy(t *testing.T) {
	cluster, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) {
		c.MaxBatch, c.MaxBuffered, c.ProduceTimeout, c.DrainTimeout = 10, 10, time.Second, time.Second
	})
	require.Equal(t, 200, f.post("before"))
	cluster.Close()
	var group sync.WaitGroup
	statuses := make(chan int, 40)
	for i := range 40 {
		group.Go(func() { statuses <- f.post(fmt.Sprintf("b%d", i)) })
	}
	group.Wait()
	close(statuses)
	for status := range statuses {
		require.Equal(t, 503, status)
	}
	require.Positive(t, f.value(t, "leadstream_ingest_refused_total", "reason", "busy"))
	require.Positive(t, f.value(t, "leadstream_ingest_refused_total", "reason", "broker_away"))
}
