package telemetry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// checkTimeout bounds one check. Probes commonly give a second or more; a check that needs longer is not ready.
const checkTimeout = 900 * time.Millisecond

// Health keeps the checks that say whether this process can do its work now.
type Health struct {
	mu     sync.Mutex
	checks map[string]func(context.Context) error
}

// NewHealth has no checks and is therefore ready.
func NewHealth() *Health { return &Health{checks: map[string]func(context.Context) error{}} }

// Register adds a check; the error it returns is shown to whoever asks. A name registered before is replaced.
func (h *Health) Register(name string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = check
}

// Result is one check's answer.
type Result struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Check runs all checks side by side and returns their results by name, and whether all passed.
func (h *Health) Check(ctx context.Context) (results []Result, ready bool) {
	h.mu.Lock()
	pending := make(chan Result, len(h.checks))
	for name, check := range h.checks {
		go func() { pending <- ask(ctx, name, check) }()
	}
	results = make([]Result, 0, len(h.checks))
	count := len(h.checks)
	h.mu.Unlock()

	ready = true
	for range count {
		r := <-pending
		ready = ready && r.OK
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b Result) int { return cmp.Compare(a.Name, b.Name) })
	return results, ready
}

// ask runs one check and gives up on it after checkTimeout even when it does not heed its context: a probe must be answered.
func ask(ctx context.Context, name string, check func(context.Context) error) Result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- check(ctx) }()
	var err error
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = fmt.Errorf("no answer within %v", checkTimeout)
	}
	if err != nil {
		return Result{Name: name, Error: err.Error()}
	}
	return Result{Name: name, OK: true}
}

// alive answers /healthz: being able to answer is the whole of it.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("alive\n"))
}

// ServeHTTP answers /readyz: 200 or 503, and every check by name either way.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	results, ready := h.Check(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(struct {
		Ready  bool     `json:"ready"`
		Checks []Result `json:"checks"`
	}{ready, results})
}
