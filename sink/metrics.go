package sink

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator sees of the sink. Labels are bounded: table,
// topic and reason are closed lists.
type metrics struct {
	records        *prometheus.CounterVec // topic
	bytes          *prometheus.CounterVec // topic
	rows           *prometheus.CounterVec // table
	batches        prometheus.Counter
	batchRows      prometheus.Histogram
	batchBytes     prometheus.Histogram
	inserts        *prometheus.HistogramVec // table
	insertFails    *prometheus.CounterVec   // table
	freshness      *prometheus.HistogramVec // table
	lagRecords     *prometheus.GaugeVec     // topic
	lagSeconds     prometheus.Gauge
	deadLetters    *prometheus.CounterVec // reason
	clamped        *prometheus.CounterVec // kind
	commitFails    prometheus.Counter
	dropped        prometheus.Counter
	erased         prometheus.Counter
	retentionFails prometheus.Counter
	regrown        prometheus.Counter
	paused         prometheus.Gauge
	pending        prometheus.Gauge
}

// freshnessBuckets are fine where the promise is (under a second) and coarse
// where only the size of the disaster matters.
var freshnessBuckets = []float64{.05, .1, .2, .3, .4, .5, .6, .75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800, 7200, 86400}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts { return prometheus.CounterOpts{Name: name, Help: help} }
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts{Name: name, Help: help} }
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	}
	m := &metrics{
		records:        prometheus.NewCounterVec(counter("leadstream_sink_records_total", "Records read, by topic."), []string{"topic"}),
		bytes:          prometheus.NewCounterVec(counter("leadstream_sink_read_bytes_total", "Bytes of the records read, by topic."), []string{"topic"}),
		rows:           prometheus.NewCounterVec(counter("leadstream_sink_rows_total", "Rows that ClickHouse acknowledged, by table."), []string{"table"}),
		batches:        prometheus.NewCounter(counter("leadstream_sink_batches_total", "Batches written and committed.")),
		batchRows:      prometheus.NewHistogram(histogram("leadstream_sink_batch_records", "Records in a batch.", prometheus.ExponentialBuckets(1, 4, 10))),
		batchBytes:     prometheus.NewHistogram(histogram("leadstream_sink_batch_bytes", "Bytes of the records in a batch.", prometheus.ExponentialBuckets(1024, 4, 10))),
		inserts:        prometheus.NewHistogramVec(histogram("leadstream_sink_insert_seconds", "Time of one insert, by table.", prometheus.ExponentialBuckets(.002, 2, 14)), []string{"table"}),
		insertFails:    prometheus.NewCounterVec(counter("leadstream_sink_insert_failures_total", "Inserts that failed and were tried again, by table."), []string{"table"}),
		freshness:      prometheus.NewHistogramVec(histogram("leadstream_sink_freshness_seconds", "From a collector's receipt of the event to its row in ClickHouse, by table.", freshnessBuckets), []string{"table"}),
		lagRecords:     prometheus.NewGaugeVec(gauge("leadstream_sink_lag_records", "Records behind the end of the topic, as of the last batch."), []string{"topic"}),
		lagSeconds:     prometheus.NewGauge(gauge("leadstream_sink_lag_seconds", "Age of the newest event that was written; of the oldest that waits, while ClickHouse is away.")),
		deadLetters:    prometheus.NewCounterVec(counter("leadstream_sink_dead_letters_total", "Records that became no row and went to dead-letter, by reason."), []string{"reason"}),
		clamped:        prometheus.NewCounterVec(counter("leadstream_sink_clamped_values_total", "Values brought into their column's range, by kind."), []string{"kind"}),
		commitFails:    prometheus.NewCounter(counter("leadstream_sink_commit_failures_total", "Commits that failed after the insert: the rows are read and written again, which changes no answer.")),
		dropped:        prometheus.NewCounter(counter("leadstream_sink_dropped_batches_total", "Unwritten batches given up with their partitions: the partitions' new worker reads them again.")),
		retentionFails: prometheus.NewCounter(counter("leadstream_sink_retention_failures_total", "Times that old rows could not be told to go; it is tried again.")),
		erased:         prometheus.NewCounter(counter("leadstream_sink_erased_records_total", "Records of erased leads, from before the request, that became no row.")),
		regrown:        prometheus.NewCounter(counter("leadstream_sink_regrown_partitions_total", "Partitions read from their beginning, because the record behind the committed offset was another one.")),
		pending:        prometheus.NewGauge(gauge("leadstream_sink_pending_records", "Records read and not written yet.")),
		paused:         prometheus.NewGauge(gauge("leadstream_sink_paused", "1 while ClickHouse is away and reading waits.")),
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.records, m.bytes, m.rows, m.batches, m.batchRows, m.batchBytes, m.inserts, m.insertFails,
		m.freshness, m.lagRecords, m.lagSeconds, m.deadLetters, m.clamped, m.commitFails, m.dropped, m.erased, m.retentionFails, m.regrown, m.paused, m.pending} {
		errs = append(errs, reg.Register(c))
	}
	// A counter that was never raised must read 0, or its first rise is no rise to an alert.
	for _, reason := range reasons {
		m.deadLetters.WithLabelValues(reason)
	}
	for _, t := range newBatch().tables() {
		m.rows.WithLabelValues(t.tableName())
		m.insertFails.WithLabelValues(t.tableName())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("sink: metrics: %w", err)
	}
	return m, nil
}

// tookTable counts an acknowledged insert.
func (m *metrics) tookTable(t table, took time.Duration, now time.Time) {
	m.rows.WithLabelValues(t.tableName()).Add(float64(t.rows()))
	m.inserts.WithLabelValues(t.tableName()).Observe(took.Seconds())
	fresh := m.freshness.WithLabelValues(t.tableName())
	for _, at := range t.receivedAt() {
		fresh.Observe(float64(now.UnixMilli()-at) / 1000)
	}
}

// tookBatch counts a batch that was written and committed.
func (m *metrics) tookBatch(b *batch, now time.Time) {
	m.batches.Inc()
	m.batchRows.Observe(float64(len(b.records)))
	m.batchBytes.Observe(float64(b.bytes))
	for _, rec := range b.records {
		m.records.WithLabelValues(rec.Topic).Inc()
		m.bytes.WithLabelValues(rec.Topic).Add(float64(len(rec.Key) + len(rec.Value)))
	}
	for _, letter := range b.refused {
		m.deadLetters.WithLabelValues(letter.why.reason).Inc()
	}
	m.clamped.WithLabelValues("time").Add(float64(b.clamped.times))
	m.clamped.WithLabelValues("number").Add(float64(b.clamped.numbers))
	m.clamped.WithLabelValues("float").Add(float64(b.clamped.floats))
	m.clamped.WithLabelValues("text").Add(float64(b.clamped.texts))
	if _, newest, ok := b.receiptRange(); ok {
		m.lagSeconds.Set(float64(now.UnixMilli()-newest) / 1000)
	}
}
