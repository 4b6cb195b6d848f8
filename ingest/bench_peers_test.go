package ingest

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// peers are the handlers that we are measured against. They keep nothing and promise nothing.
var peers = map[string]http.HandlerFunc{
	"discard": func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(success)
	},
	"map": func(w http.ResponseWriter, r *http.Request) {
		var into map[string]any
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &into)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(success)
	},
}

// sample is one server under one load.
type sample struct {
	callers             int
	rate                float64 // requests a second
	cpu, mallocs, bytes float64 // of the server's process, a request; cpu in us
	brokerCPU, loadCPU  float64 // of the broker and of the load generator
}

// all is the CPU time of everybody that a request needs: the ratio of two of these is what the ratio of rates is on a machine
// that does nothing else, and stays so on one that does.
func (s sample) all() float64 { return s.cpu + s.brokerCPU + s.loadCPU }

// BenchmarkPeers measures collectors and peers in turns, in one run: LEADSTREAM_BENCH_ROUNDS (5) rounds, each with fresh processes.
// The load generator is this process, the collectors are another, the broker (kfake, in memory) a third, all on the same
// cores. Each server is offered 32 to 1024 callers that wait for their answers, and its best counts.
func BenchmarkPeers(b *testing.B) {
	batch := `{"batch":[` + events(1, 15) + `],"sentAt":"2026-03-02T10:15:31Z","writeKey":"demo"}`
	b.Run("single_vs_discard", func(b *testing.B) { versus(b, "discard", 1, prepare("/v1/page?writeKey=demo", events(1, 1))) })
	b.Run("batch15_vs_map", func(b *testing.B) { versus(b, "map", 15, prepare("/v1/batch", batch)) })
}

func versus(b *testing.B, peer string, perRequest float64, r *prepared) {
	rounds := envNumber("LEADSTREAM_BENCH_ROUNDS", 5)
	took := time.Duration(envNumber("LEADSTREAM_BENCH_MS", 1500)) * time.Millisecond
	for range b.N {
		var ours, theirs []sample
		var ratios, cpuRatios, p50, p99 []float64
		for range rounds {
			theirs = append(theirs, best(b, startPlayer(b, peer), nil, r, took))
			broker := startPlayer(b, "broker")
			collector := startPlayer(b, "collector="+broker.addr)
			ours = append(ours, best(b, collector, broker, r, took))
			last := len(ours) - 1
			ratios = append(ratios, ours[last].rate/theirs[last].rate)
			cpuRatios = append(cpuRatios, theirs[last].all()/ours[last].all())
			latencies := openLoop(b, collector.addr, r, 256, ours[last].rate/2, 2*took)
			p50 = append(p50, at(latencies, 0.5))
			p99 = append(p99, at(latencies, 0.99))
			collector.stop()
			broker.stop()
			b.Logf("round %d: ours %+v, %s %+v, ratio %.2f, by CPU %.2f, p99 %.1f ms", last+1, ours[last], peer, theirs[last], ratios[last], cpuRatios[last], p99[last])
		}
		of := func(list []sample, get func(sample) float64) float64 {
			var values []float64
			for _, s := range list {
				values = append(values, get(s))
			}
			return median(values)
		}
		rate, cpu := func(s sample) float64 { return s.rate }, func(s sample) float64 { return s.cpu }
		b.ReportMetric(of(ours, rate), "req/s")
		b.ReportMetric(of(theirs, rate), "peer-req/s")
		b.ReportMetric(median(ratios), "ratio")
		b.ReportMetric(median(cpuRatios), "cpu-ratio")
		b.ReportMetric(median(p50), "p50-ms-at-half")
		b.ReportMetric(median(p99), "p99-ms-at-half")
		b.ReportMetric(of(ours, cpu)/perRequest, "cpu-us/event")
		b.ReportMetric(of(ours, func(s sample) float64 { return s.brokerCPU })/perRequest, "broker-cpu-us/event")
		b.ReportMetric(of(ours, func(s sample) float64 { return s.loadCPU }), "load-cpu-us/req")
		b.ReportMetric(of(theirs, cpu)/perRequest, "peer-cpu-us/event")
		b.ReportMetric(of(ours, func(s sample) float64 { return s.mallocs })/perRequest, "allocs/event")
		b.ReportMetric(of(ours, func(s sample) float64 { return s.bytes })/perRequest, "bytes/event")
		b.ReportMetric(0, "ns/op")
	}
}

// BenchmarkDedup is what the memory of ids costs a single event from end to end: collectors with it and without it, in turns.
func BenchmarkDedup(b *testing.B) {
	rounds := envNumber("LEADSTREAM_BENCH_ROUNDS", 5)
	took := time.Duration(envNumber("LEADSTREAM_BENCH_MS", 1500)) * time.Millisecond
	r := prepare("/v1/page?writeKey=demo", events(1, 1))
	for range b.N {
		cpu := map[string][]float64{}
		for range rounds {
			for _, role := range []string{"collector", "forgetful"} {
				broker := startPlayer(b, "broker")
				collector := startPlayer(b, role+"="+broker.addr)
				cpu[role] = append(cpu[role], best(b, collector, broker, r, took).cpu)
				collector.stop()
				broker.stop()
			}
		}
		b.Logf("on %.1f, off %.1f", cpu["collector"], cpu["forgetful"])
		b.ReportMetric(median(cpu["collector"]), "cpu-us/event")
		b.ReportMetric(median(cpu["forgetful"]), "without-cpu-us/event")
		b.ReportMetric(0, "ns/op")
	}
}

// best offers more and more callers and returns the sample with the highest rate.
func best(b *testing.B, p, broker *player, r *prepared, took time.Duration) sample {
	defer func() {
		if broker == nil {
			p.stop()
		}
	}()
	var top sample
	self := &player{pid: os.Getpid()}
	for _, callers := range []int{32, 128, 512, 1024} {
		s := sample{callers: callers}
		var cpu, mallocs, bytes, brokerCPU, loadCPU float64
		measure := func(sign float64) func() {
			return func() {
				m, n := p.ask()
				cpu, mallocs, bytes = cpu+sign*p.cpu(b), mallocs+sign*m, bytes+sign*n
				loadCPU += sign * self.cpu(b)
				if broker != nil {
					brokerCPU += sign * broker.cpu(b)
				}
			}
		}
		s.rate = closedLoop(b, p.addr, r, callers, took/4, took, measure(-1), measure(1))
		n := s.rate * took.Seconds()
		s.cpu, s.mallocs, s.bytes, s.brokerCPU, s.loadCPU = cpu*1e6/n, mallocs/n, bytes/n, brokerCPU*1e6/n, loadCPU*1e6/n
		if s.rate > top.rate {
			top = s
		}
	}
	return top
}

func envNumber(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

func at(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(float64(len(sorted)-1)*share)].Microseconds()) / 1000
}
