package scoring

import (
	"maps"
	"strconv"
	"time"

	"leadstream/scoring/model"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the stage's instruments. What a transaction did is counted when
// it stands, so that an aborted one, done again, is not counted twice.
type metrics struct {
	events, fenceSkips, refused, timers, failedTimers, failedRules, erased prometheus.Counter
	restarts, lost, unreadable, oversized, torn, restoredRows, followed    prometheus.Counter
	ledger, transitions, deadLetters, commits, snapshots, routed           *prometheus.CounterVec
	commitSeconds, restoreSeconds, records                                 prometheus.Histogram
	rescored                                                               prometheus.Counter
	modelRefused                                                           prometheus.Gauge
	modelInfo                                                              *prometheus.GaugeVec
	version                                                                string // in modelInfo; the loop alone writes it
	leads, faded, lagRecords, lagReceived, lagEvent                        *prometheus.GaugeVec
}

// transition is one label pair of the transitions counter.
type transition struct{ direction, stage string }

// tally is what one transaction did.
type tally struct {
	events, skipped, refused, timers, failedTimers, failedRules, erased int
	ledger                                                              map[string]int
	transitions                                                         map[transition]int
	deadLetters, routed                                                 map[string]int
	last                                                                map[int32]moment
}

// moment is when the last event of a partition was received, and happened; Unix ms.
type moment struct{ received, happened int64 }

func newTally() tally {
	return tally{ledger: map[string]int{}, transitions: map[transition]int{}, deadLetters: map[string]int{}, routed: map[string]int{}, last: map[int32]moment{}}
}

// add takes another one's numbers in.
func (t *tally) add(o *tally) {
	t.events += o.events
	t.skipped += o.skipped
	t.refused += o.refused
	t.timers += o.timers
	t.failedTimers += o.failedTimers
	t.failedRules += o.failedRules
	t.erased += o.erased
	addCounts(t.ledger, o.ledger)
	addCounts(t.transitions, o.transitions)
	addCounts(t.deadLetters, o.deadLetters)
	addCounts(t.routed, o.routed)
	maps.Copy(t.last, o.last)
}

func addCounts[K comparable](to, from map[K]int) {
	for key, n := range from {
		to[key] += n
	}
}

func newMetrics(reg prometheus.Registerer, m *model.Model) *metrics {
	f := factory{reg}
	out := &metrics{
		events:       f.counter("leadstream_scoring_events_total", "Events folded into leads."),
		fenceSkips:   f.counter("leadstream_scoring_fence_skips_total", "Records read again that the state already held; 0 on a broker that keeps its promises."),
		refused:      f.counter("leadstream_scoring_refused_total", "Events that the model refused, wholly or in their CRM move."),
		timers:       f.counter("leadstream_scoring_timers_fired_total", "Demotions looked at because their instant had come."),
		failedTimers: f.counter("leadstream_scoring_timers_failed_total", "Timers on which the model failed."),
		erased:       f.counter("leadstream_scoring_erased_total", "Commands to forget an erased lead."),
		failedRules:  f.counter("leadstream_scoring_rule_errors_total", "Rule conditions that failed on an event's values and counted as not met."),
		restarts:     f.counter("leadstream_scoring_session_restarts_total", "Sessions begun again from the changelog after an error."),
		lost:         f.counter("leadstream_scoring_lost_events_total", "Offsets that retention took before they were read."),
		unreadable:   f.counter("leadstream_scoring_restore_unreadable_total", "Records of the changelog that could not be read."),
		restoredRows: f.counter("leadstream_scoring_restored_records_total", "Records of the changelog that assignments had to read before the line went on."),
		followed:     f.counter("leadstream_scoring_standby_records_total", "Records of the changelog of other workers' partitions that the standby has followed."),
		torn:         f.counter("leadstream_scoring_torn_commits_total", "Transactions done again because a killed broker had kept their leads but not their rows."),
		oversized:    f.counter("leadstream_scoring_oversized_outputs_total", "Outputs left out because no broker takes their size."),
		ledger:       f.counters("leadstream_scoring_ledger_rows_total", "Ledger rows written.", "reason"),
		routed:       f.counters("leadstream_scoring_routed_total", "Records sent to other ids' homes: events on their way to their lead, and hand-overs.", "kind"),
		transitions:  f.counters("leadstream_scoring_transitions_total", "Stage changes written, by the stage entered.", "direction", "stage"),
		deadLetters:  f.counters("leadstream_scoring_dead_letters_total", "Records refused to dead letters.", "reason"),
		commits:      f.counters("leadstream_scoring_commits_total", "Transactions ended.", "result"),
		snapshots:    f.counters("leadstream_scoring_snapshots_total", "Local snapshots of a partition's state.", "result"),
		commitSeconds: f.histogram("leadstream_scoring_commit_seconds", "Time to end a transaction.",
			prometheus.ExponentialBuckets(0.001, 2, 14)),
		restoreSeconds: f.histogram("leadstream_scoring_restore_seconds", "Time from an assignment to restored state.",
			prometheus.ExponentialBuckets(0.01, 2, 15)),
		records: f.histogram("leadstream_scoring_transaction_records", "Records read by one transaction.",
			prometheus.ExponentialBuckets(1, 4, 9)),
		rescored:     f.counter("leadstream_scoring_rescored_leads_total", "Leads whose history was scored anew under a published model."),
		modelRefused: f.gauge("leadstream_scoring_model_refused", "1 while the newest model that was meant for this worker, or its model file, has faults and another one runs."),
		modelInfo:    f.gauges("leadstream_scoring_model_info", "1 for the model that runs.", "version"),
		leads:        f.gauges("leadstream_scoring_leads", "Leads that the partition knows.", "partition"),
		faded:        f.gauges("leadstream_scoring_faded_leads", "Of the leads, those that have left memory until they come back.", "partition"),
		lagRecords:   f.gauges("leadstream_scoring_lag_records", "Records of a topic not read yet, when the last were.", "topic", "partition"),
		lagReceived:  f.gauges("leadstream_scoring_received_to_scored_seconds", "Age of the last folded event when its transaction stood, since it was received.", "partition"),
		lagEvent:     f.gauges("leadstream_scoring_event_to_scored_seconds", "Age of the last folded event when its transaction stood, since it happened.", "partition"),
	}
	out.preset(m)
	return out
}

// preset makes every label known from the start: an alert on a rate has to see
// the first refusal as a step from 0.
func (m *metrics) preset(model *model.Model) {
	for _, r := range reasons {
		m.deadLetters.WithLabelValues(r)
	}
	for _, r := range []string{"committed", "aborted", "failed"} {
		m.commits.WithLabelValues(r)
	}
	for _, r := range []string{"written", "failed", "loaded", "ignored"} {
		m.snapshots.WithLabelValues(r)
	}
	for _, s := range model.Stages() {
		for _, d := range []string{"promote", "demote", "move"} {
			m.transitions.WithLabelValues(d, s.ID)
		}
	}
}

// ended counts a transaction.
func (m *metrics) ended(t *txn, ok bool, err error, took time.Duration, now time.Time) {
	m.commitSeconds.Observe(took.Seconds())
	switch {
	case err != nil:
		m.commits.WithLabelValues("failed").Inc()
		return
	case !ok:
		m.commits.WithLabelValues("aborted").Inc()
		return
	}
	m.commits.WithLabelValues("committed").Inc()
	m.records.Observe(float64(t.records))
	m.stood(&t.tally, now)
	for num, p := range t.parts {
		m.leads.WithLabelValues(label(num)).Set(float64(p.leads.len()))
		m.faded.WithLabelValues(label(num)).Set(float64(p.leads.rows.out.leads))
	}
}

// stood counts what a committed transaction did.
func (m *metrics) stood(t *tally, now time.Time) {
	m.events.Add(float64(t.events))
	m.fenceSkips.Add(float64(t.skipped))
	m.refused.Add(float64(t.refused))
	m.timers.Add(float64(t.timers))
	m.failedTimers.Add(float64(t.failedTimers))
	m.erased.Add(float64(t.erased))
	m.failedRules.Add(float64(t.failedRules))
	for reason, n := range t.ledger {
		m.ledger.WithLabelValues(reason).Add(float64(n))
	}
	for by, n := range t.transitions {
		m.transitions.WithLabelValues(by.direction, by.stage).Add(float64(n))
	}
	for kind, n := range t.routed {
		m.routed.WithLabelValues(kind).Add(float64(n))
	}
	for reason, n := range t.deadLetters {
		m.deadLetters.WithLabelValues(reason).Add(float64(n))
	}
	for num, at := range t.last {
		m.lagReceived.WithLabelValues(label(num)).Set(now.Sub(time.UnixMilli(at.received)).Seconds())
		m.lagEvent.WithLabelValues(label(num)).Set(now.Sub(time.UnixMilli(at.happened)).Seconds())
	}
}

// read notes how far a partition is behind.
func (m *metrics) read(topic string, num int32, behind int64) {
	m.lagRecords.WithLabelValues(topic, label(num)).Set(float64(behind))
}

// restored notes a restore of all partitions.
func (m *metrics) restored(parts map[int32]*partition, took time.Duration) {
	m.restoreSeconds.Observe(took.Seconds())
	m.holds(parts)
}

// holds forgets the gauges of partitions that went elsewhere.
func (m *metrics) holds(parts map[int32]*partition) {
	for _, g := range []*prometheus.GaugeVec{m.leads, m.faded, m.lagRecords, m.lagReceived, m.lagEvent} {
		g.Reset()
	}
	for num, p := range parts {
		m.leads.WithLabelValues(label(num)).Set(float64(p.leads.len()))
		m.faded.WithLabelValues(label(num)).Set(float64(p.leads.rows.out.leads))
	}
}

func label(num int32) string { return strconv.Itoa(int(num)) }

// factory makes and registers; a nil registry keeps the instruments unseen.
type factory struct{ reg prometheus.Registerer }

func (f factory) register(c prometheus.Collector) {
	if f.reg != nil {
		f.reg.MustRegister(c)
	}
}

func (f factory) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	f.register(c)
	return c
}

func (f factory) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	f.register(c)
	return c
}

func (f factory) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	f.register(g)
	return g
}

func (f factory) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	f.register(h)
	return h
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	f.register(g)
	return g
}

// runs says which model is at work; one version at a time.
func (m *metrics) runs(version string) {
	if m.version != version {
		m.version = version
		m.modelInfo.Reset()
		m.modelInfo.WithLabelValues(version).Set(1)
	}
}
