// Package telemetry is how a process shows itself: a logger, a registry of metrics, health, and the HTTP port they are read on.
//
// It serves /metrics (Prometheus), /healthz (the process is alive), /readyz (every named check passes) and, on a loopback
// address only, /debug/pprof: a profile holds memory, and memory holds people.
package telemetry
