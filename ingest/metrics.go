package ingest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// metrics counts everything that moves through the collectors. No label ever holds what a visitor can choose.
type metrics struct {
	requests       *prometheus.CounterVec // protocol, status
	requestSeconds *prometheus.HistogramVec
	bodyBytes      prometheus.Histogram
	batchEvents    prometheus.Histogram
	inFlight       prometheus.Gauge

	events      map[siteType]prometheus.Counter
	refused     *prometheus.CounterVec // reason
	changed     map[change]prometheus.Counter
	removed     map[privacy.Removal]prometheus.Counter
	steps       []prometheus.Counter // parallel to the pipeline's list
	deadLetters prometheus.Counter

	produceSeconds prometheus.Histogram
	produceFailed  *prometheus.CounterVec // why

	mu      sync.RWMutex
	answers map[answers]answerMetrics
	runs    atomic.Uint64 // of the pipeline

	// noted and took, bound once: facts hand them to the steps.
	note   func(change)
	remove func(privacy.Removal, int)
}

// siteType are the labels of an accepted event.
type siteType struct{ site, kind string }

func newMetrics(reg prometheus.Registerer, list []Site) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_ingest_requests_total", Help: "HTTP requests answered.",
		}, []string{"protocol", "status"}),
		requestSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "leadstream_ingest_request_seconds", Help: "From the request's header to its answer, the wait for the broker included.", Buckets: waits,
		}, []string{"protocol"}),
		bodyBytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_ingest_body_bytes", Help: "Size of a request's body, unpacked.", Buckets: prometheus.ExponentialBuckets(256, 4, 9),
		}),
		batchEvents: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_ingest_batch_events", Help: "Events of a request.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 500, 2500},
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadstream_ingest_requests_in_flight", Help: "Requests that are being read, decoded or stored.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_ingest_refused_total", Help: "Requests and events refused, by the word that their sender was told.",
		}, []string{"reason"}),
		deadLetters: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_ingest_dead_letters_total", Help: "Refused events kept in the dead-letter topic.",
		}),
		produceSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_ingest_produce_seconds", Help: "From handing a request's events over until all are kept.", Buckets: waits,
		}),
		produceFailed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_ingest_produce_failed_total", Help: "Requests whose events could not be kept, by why.",
		}, []string{"why"}),
		answers: map[answers]answerMetrics{},
	}
	for reason := range refusals {
		m.refused.WithLabelValues(string(reason)) // a counter that is 0 can be alerted on; one that is absent cannot
	}
	reg.MustRegister(m.requests, m.requestSeconds, m.bodyBytes, m.batchEvents, m.inFlight, m.refused, m.deadLetters, m.produceSeconds, m.produceFailed)
	m.ofEvents(reg, list)
	m.note, m.remove = m.noted, m.took
	return m
}

// waits are the buckets of what waits for the broker, in seconds.
var waits = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// ofEvents makes the counters that are asked for with every event: each is looked up once, here.
func (m *metrics) ofEvents(reg prometheus.Registerer, list []Site) {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_events_total", Help: "Events that are kept: the broker has acknowledged them, or they are on disk in the spool.",
	}, []string{"site", "type"})
	m.events = map[siteType]prometheus.Counter{}
	for _, s := range list {
		for _, kind := range schemas.EventTypes {
			m.events[siteType{s.Name, kind}] = events.WithLabelValues(s.Name, kind)
		}
	}
	changed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_changed_total", Help: "Events that the pipeline altered, by what it altered.",
	}, []string{"what"})
	m.changed = map[change]prometheus.Counter{}
	for _, what := range changes {
		m.changed[what] = changed.WithLabelValues(string(what))
	}
	removed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_removed_total", Help: "What privacy took out of events, by what it was.",
	}, []string{"what"})
	m.removed = map[privacy.Removal]prometheus.Counter{}
	for _, what := range privacy.Removals {
		m.removed[what] = removed.WithLabelValues(string(what))
	}
	seconds := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_step_seconds_total", Help: "Time spent in each step of the pipeline.",
	}, []string{"step"})
	for _, s := range steps {
		m.steps = append(m.steps, seconds.WithLabelValues(s.name))
	}
	reg.MustRegister(events, changed, removed, seconds)
}

// watchRoom shows how much of ingest.max_in_flight is taken.
func (m *metrics) watchRoom(reg prometheus.Registerer, o *room) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leadstream_ingest_bodies_in_flight_bytes", Help: "Memory counted for the bodies of requests under way, as they come and unpacked.",
	}, o.inUse))
}

func (m *metrics) took(what privacy.Removal, n int) {
	if n > 0 {
		m.removed[what].Add(float64(n))
	}
}

func (m *metrics) noted(what change) { m.changed[what].Inc() }

func (m *metrics) refuse(reason protocol.Reason) { m.refused.WithLabelValues(string(reason)).Inc() }

func (m *metrics) answered(protocol string, status int, began time.Time) {
	of := m.answersOf(answers{protocol, status})
	of.requests.Inc()
	of.seconds.Observe(time.Since(began).Seconds())
}

// answers are the labels of an answer; answerMetrics remembers their metrics, which are asked for once a request.
type answers struct {
	protocol string
	status   int
}

type answerMetrics struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) answersOf(of answers) answerMetrics {
	m.mu.RLock()
	known, ok := m.answers[of]
	m.mu.RUnlock()
	if ok {
		return known
	}
	known = answerMetrics{m.requests.WithLabelValues(of.protocol, strconv.Itoa(of.status)), m.requestSeconds.WithLabelValues(of.protocol)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[of] = known // as many as there are protocols and statuses
	return known
}

func (m *metrics) stored(e *pb.Event) { m.events[siteType{e.Site, e.Type}].Inc() }
