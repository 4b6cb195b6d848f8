package leads

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the leads role counts. Routes are patterns, never paths: a lead's id is no label.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	rows     *prometheus.CounterVec

	streamClients prometheus.Gauge
	streamUpdates prometheus.Counter
	streamResets  prometheus.Counter

	liveRecords  prometheus.Counter
	liveUnread   prometheus.Counter
	liveSeconds  prometheus.Histogram
	liveRestarts prometheus.Counter
}

// latency buckets run from a cached page to a query that is about to be cut off.
var latency = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_leads_requests_total", Help: "Requests answered, by route and status code."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "leadstream_leads_request_seconds", Help: "Time to answer, by route; streams are not in it.", Buckets: latency}, []string{"route"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_leads_rows_total", Help: "Leads and timeline entries sent, by route."}, []string{"route"}),
		streamClients: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "leadstream_leads_stream_clients", Help: "Live streams that are open."}),
		streamUpdates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_leads_stream_updates_total", Help: "Lead updates handed to streams."}),
		streamResets: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_leads_stream_resets_total", Help: "Streams that were reset because they read too slowly."}),
		liveRecords: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_leads_live_records_total", Help: "Lead records read from the topic for the streams."}),
		liveUnread: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_leads_live_unreadable_total", Help: "Records of the leads topic that could not be read; the sink keeps them as dead letters."}),
		liveSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_leads_live_delay_seconds", Help: "From an event's receipt by the collector to its lead's update at the streams.", Buckets: latency}),
		liveRestarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadstream_leads_live_restarts_total", Help: "Times the live reader was started again after an error."}),
	}
	reg.MustRegister(m.requests, m.seconds, m.rows, m.streamClients, m.streamUpdates, m.streamResets,
		m.liveRecords, m.liveUnread, m.liveSeconds, m.liveRestarts)
	return m
}
