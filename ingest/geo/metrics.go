package geo

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	built  *prometheus.GaugeVec
	failed *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		built: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "leadstream_ingest_geoip_built_timestamp_seconds", Help: "When the file of ingest.geoip that is in use was built.",
		}, []string{"file"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadstream_ingest_geoip_reload_failed_total", Help: "Changed files of ingest.geoip that could not be read; the one before stays in use.",
		}, []string{"file"}),
	}
	reg.MustRegister(m.built, m.failed)
	for _, key := range []string{"file", "asn_file", "networks_file"} {
		m.failed.WithLabelValues(key)
	}
	return m
}
