package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// ready is the answer of /readyz as a metric, so that an alert needs no prober beside Prometheus. The checks run at the scrape,
// each for checkTimeout at most.
type ready struct{ health *Health }

var readyDesc = prometheus.NewDesc("leadstream_ready", "1 while the part can do its work, by part; /readyz says why not.", []string{"part"}, nil)

// Describe is a prometheus.Collector's.
func (ready) Describe(to chan<- *prometheus.Desc) { to <- readyDesc }

// Collect is a prometheus.Collector's.
func (r ready) Collect(to chan<- prometheus.Metric) {
	results, _ := r.health.Check(context.Background())
	for _, one := range results {
		value := 0.0
		if one.OK {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, one.Name)
	}
}
