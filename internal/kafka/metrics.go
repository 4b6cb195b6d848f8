package kafka

import (
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Metrics counts what goes over the wire, for all clients of a process. Make one, give each client For(its role).
type Metrics struct {
	connects        *prometheus.CounterVec
	disconnects     *prometheus.CounterVec
	written, read   *prometheus.CounterVec
	throttled       *prometheus.CounterVec
	groupErrors     *prometheus.CounterVec
	producedRecords *prometheus.CounterVec
	producedBytes   *prometheus.CounterVec
	fetchedRecords  *prometheus.CounterVec
	fetchedBytes    *prometheus.CounterVec
}

// NewMetrics registers the counters.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"client"}, labels...))
		reg.MustRegister(c)
		return c
	}
	return &Metrics{
		connects:        counter("leadstream_kafka_connects_total", "Attempts to connect to a broker, by result: ok or error.", "result"),
		disconnects:     counter("leadstream_kafka_disconnects_total", "Connections to brokers that ended."),
		written:         counter("leadstream_kafka_written_bytes_total", "Bytes of requests written to brokers."),
		read:            counter("leadstream_kafka_read_bytes_total", "Bytes of responses read from brokers."),
		throttled:       counter("leadstream_kafka_throttled_seconds_total", "Time that brokers told the client to hold back."),
		groupErrors:     counter("leadstream_kafka_group_errors_total", "Times a member fell out of its consumer group by an error and had to join again."),
		producedRecords: counter("leadstream_kafka_produced_records_total", "Records that a broker acknowledged.", "topic"),
		producedBytes:   counter("leadstream_kafka_produced_bytes_total", "Bytes of acknowledged record batches, compressed.", "topic"),
		fetchedRecords:  counter("leadstream_kafka_fetched_records_total", "Records fetched, the control records of transactions included.", "topic"),
		fetchedBytes:    counter("leadstream_kafka_fetched_bytes_total", "Bytes of fetched record batches, compressed.", "topic"),
	}
}

// For returns the option that makes a client count under its role's name.
func (m *Metrics) For(client string) kgo.Opt { return kgo.WithHooks(&hook{m, client}) }

// hook is called by the client for batches and requests, not for records: it costs nothing a record.
type hook struct {
	m      *Metrics
	client string
}

// The client finds hooks by type assertion: without these lines a changed signature would silently count nothing.
var (
	_ kgo.HookBrokerConnect       = (*hook)(nil)
	_ kgo.HookBrokerDisconnect    = (*hook)(nil)
	_ kgo.HookBrokerWrite         = (*hook)(nil)
	_ kgo.HookBrokerRead          = (*hook)(nil)
	_ kgo.HookBrokerThrottle      = (*hook)(nil)
	_ kgo.HookGroupManageError    = (*hook)(nil)
	_ kgo.HookProduceBatchWritten = (*hook)(nil)
	_ kgo.HookFetchBatchRead      = (*hook)(nil)
)

func (h *hook) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	h.m.connects.WithLabelValues(h.client, result).Inc()
}

func (h *hook) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) {
	h.m.disconnects.WithLabelValues(h.client).Inc()
}

func (h *hook) OnBrokerWrite(_ kgo.BrokerMetadata, _ int16, bytes int, _, _ time.Duration, _ error) {
	h.m.written.WithLabelValues(h.client).Add(float64(bytes))
}

func (h *hook) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, bytes int, _, _ time.Duration, _ error) {
	h.m.read.WithLabelValues(h.client).Add(float64(bytes))
}

func (h *hook) OnBrokerThrottle(_ kgo.BrokerMetadata, interval time.Duration, _ bool) {
	h.m.throttled.WithLabelValues(h.client).Add(interval.Seconds())
}

func (h *hook) OnGroupManageError(error) { h.m.groupErrors.WithLabelValues(h.client).Inc() }

func (h *hook) OnProduceBatchWritten(_ kgo.BrokerMetadata, topic string, _ int32, b kgo.ProduceBatchMetrics) {
	h.m.producedRecords.WithLabelValues(h.client, topic).Add(float64(b.NumRecords))
	h.m.producedBytes.WithLabelValues(h.client, topic).Add(float64(b.CompressedBytes))
}

func (h *hook) OnFetchBatchRead(_ kgo.BrokerMetadata, topic string, _ int32, b kgo.FetchBatchMetrics) {
	h.m.fetchedRecords.WithLabelValues(h.client, topic).Add(float64(b.NumRecords))
	h.m.fetchedBytes.WithLabelValues(h.client, topic).Add(float64(b.CompressedBytes))
}
