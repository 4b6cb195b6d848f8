package dedup

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	forgotten   prometheus.Counter
	writeFailed prometheus.Counter
	torn        prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, w *Window) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	m := &metrics{
		forgotten:   counter("leadstream_ingest_dedup_forgotten_total", "Event ids forgotten before the window's end, or never remembered, because the memory for them is full."),
		writeFailed: counter("leadstream_ingest_dedup_write_failed_total", "Event ids that are remembered in memory only, because they could not be written to disk: a restart forgets them."),
		torn:        counter("leadstream_ingest_dedup_torn_total", "Files of event ids whose end could not be read at a start."),
	}
	reg.MustRegister(m.forgotten, m.writeFailed, m.torn,
		gauge("leadstream_ingest_dedup_ids", "Event ids remembered.", func() float64 { return float64(w.count.Load()) }),
		gauge("leadstream_ingest_dedup_bytes", "Memory of the tables of event ids.", func() float64 { return float64(w.places.Load() * placeBytes) }))
	return m
}
