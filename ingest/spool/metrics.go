package spool

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts everything that moves through the spool.
type metrics struct {
	appends       prometheus.Counter
	appendSeconds prometheus.Histogram
	fsyncSeconds  prometheus.Histogram
	full          prometheus.Counter
	drained       prometheus.Counter
	drainFailed   prometheus.Counter
	replayed      prometheus.Counter
	refused       prometheus.Counter
	torn          prometheus.Counter
	quarantined   prometheus.Counter
	abandoned     prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Spool) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	// A sync takes 50 us on a disk with a battery, 10 ms on a turning one, seconds on one that is dying.
	buckets := []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	m := &metrics{
		appends: counter("leadstream_ingest_spool_appends_total", "Records made durable in the spool."),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_ingest_spool_append_seconds", Help: "From handing records over until they are durable.", Buckets: buckets,
		}),
		fsyncSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadstream_ingest_spool_fsync_seconds", Help: "One sync of a segment, for all who wait for it.", Buckets: buckets,
		}),
		full:        counter("leadstream_ingest_spool_full_total", "Appends refused because size, age or disk allow no more."),
		drained:     counter("leadstream_ingest_spool_drained_total", "Records that the broker has acknowledged, repeats included."),
		drainFailed: counter("leadstream_ingest_spool_drain_failed_total", "Attempts to hand records over that failed and are repeated."),
		replayed:    counter("leadstream_ingest_spool_replays_total", "Starts that drain once more what was drained before an unclean stop."),
		refused:     counter("leadstream_ingest_spool_refused_total", "Records that the broker will never take, set aside in a *.bad file."),
		torn:        counter("leadstream_ingest_spool_torn_total", "Segments whose unfinished end was cut at a start."),
		quarantined: counter("leadstream_ingest_spool_quarantined_bytes_total", "Bytes that could not be read as records, set aside in *.bad files."),
		abandoned:   counter("leadstream_ingest_spool_abandoned_total", "Segments given up before they were full because the disk failed a write or a sync."),
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	reg.MustRegister(m.appends, m.appendSeconds, m.fsyncSeconds, m.full, m.drained, m.drainFailed, m.replayed, m.refused, m.torn,
		m.quarantined, m.abandoned,
		gauge("leadstream_ingest_spool_bytes", "Bytes in segment files, waiting or kept.", func() float64 { b, _ := s.size(); return float64(b) }),
		gauge("leadstream_ingest_spool_max_bytes", "Bytes of segment files beyond which senders are told 503: ingest.spool.max_bytes.", func() float64 { return float64(s.cfg.MaxBytes) }),
		gauge("leadstream_ingest_spool_segments", "Segment files.", func() float64 { _, n := s.size(); return float64(n) }),
		gauge("leadstream_ingest_spool_oldest_seconds", "Age of the oldest record that waits for the broker; 0 = none waits.", s.oldestSeconds))
	return m
}
