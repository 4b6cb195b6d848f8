package erase

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	requests prometheus.Counter
	open     prometheus.Gauge
	failures prometheus.Counter
	seconds  prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounter(prometheus.CounterOpts{Name: "leadstream_leads_erasures_total", Help: "Erasures that were asked for."}),
		open:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "leadstream_leads_erasures_open", Help: "Erasures that are accepted and not finished."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "leadstream_leads_erasure_failures_total", Help: "Tries of an erasure that failed; each is tried again."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "leadstream_leads_erasure_seconds", Help: "From the request to the proof in every table.",
			Buckets: []float64{5, 15, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600}}),
	}
	registry.MustRegister(m.requests, m.open, m.failures, m.seconds)
	return m
}
