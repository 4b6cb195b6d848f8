package ingest

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"leadstream/ingest/hooks"
	"leadstream/ingest/privacy"
	"leadstream/ingest/protocol"
	"leadstream/internal/config"
)

// unknownHook is said for every address below /hooks/ that the config does not name.
const unknownHook protocol.Reason = "unknown_hook"

// receiver takes what providers push, for all hooks of the config.
type receiver struct {
	hooks map[string]received // kind/name
	took  *prometheus.CounterVec
}

// received is one hook and the site of its events. A verified provider is trusted as a secret key is: it has one.
type received struct {
	*hooks.Hook
	site *site
}

// hookRoutes is the one address of all hooks. The index does not list their names: whoever does not know one need not.
func hookRoutes(cfg Config, reg prometheus.Registerer) []route {
	v := &receiver{hooks: map[string]received{}, took: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadstream_ingest_hook_updates_total",
		Help: "Updates that verified webhook deliveries held: events, challenges, and those passed over because nobody outside did them.",
	}, []string{"kind", "what"})}
	reg.MustRegister(v.took)
	for _, c := range cfg.Hooks {
		hook, err := hooks.New(c)
		if err != nil {
			continue // unreachable: the config was validated, and that compiles all there is
		}
		v.hooks[c.Kind+"/"+c.Name] = received{hook, &site{name: c.Site, guard: guardOf(cfg, c.Site)}}
		for _, what := range []string{"event", "challenge", "passed_over"} {
			v.took.WithLabelValues(c.Kind, what)
		}
	}
	return []route{{anyMethod, "/hooks/", "hooks", "KIND/NAME: webhooks of social networks, CRMs and market feeds", v.serve}}
}

// guardOf is the policy of the site that a hook's events are of: a form filled on a network is as private as one on the site.
func guardOf(cfg Config, name string) *privacy.Guard {
	for _, s := range cfg.Sites {
		if s.Name == name {
			return privacy.New(name, s.Privacy, cfg.Privacy)
		}
	}
	return privacy.New(name, privacy.Policy{}, cfg.Privacy) // unreachable: the config was validated
}

// anyMethod leaves the method to the route's handler.
const anyMethod = "*"

func (v *receiver) serve(s *Service, w http.ResponseWriter, r *http.Request) int {
	hook, ok := v.hooks[strings.TrimPrefix(r.URL.Path, "/hooks/")]
	if !ok {
		return s.no(w, unknownHook)
	}
	received := s.now()
	request := hooks.Request{Query: r.URL.Query(), Header: r.Header, Now: received, Limits: s.limits}
	switch {
	case r.Method == http.MethodGet && hook.Challenged():
		reply, err := hook.Challenge(request)
		if err != nil {
			return s.refuseHook(w, err)
		}
		v.took.WithLabelValues(hook.Kind(), "challenge").Inc()
		return writeReply(w, reply)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		return s.no(w, wrongMethod)
	}
	var h hold
	defer h.free()
	body, err := s.rawBody(w, r, &h)
	if err != nil {
		return s.refuseHook(w, err)
	}
	request.Body = body
	delivery, err := hook.Receive(request)
	if err != nil {
		return s.refuseHook(w, err)
	}
	v.took.WithLabelValues(hook.Kind(), "passed_over").Add(float64(delivery.Passed))
	if len(delivery.Items) == 0 {
		return writeReply(w, delivery.Reply)
	}
	f := &facts{
		site: hook.site, trusted: true, protocol: hook.Kind(), path: r.URL.Path, hide: s.sites.hide, receivedAt: received.UnixMilli(),
		salts: s.salts, sessions: s.sessions, agents: s.agents, note: s.metrics.note, removed: s.metrics.remove, enrichedBy: s.versions(), atlas: s.atlas,
	}
	s.metrics.batchEvents.Observe(float64(len(delivery.Items)))
	s.metrics.run(f, delivery.Items)
	o := s.keep(r.Context(), f, delivery.Items, false)
	if o.fault != nil && len(o.refused) == 0 { // not stored: the provider comes again
		s.metrics.refuse(o.fault.Reason)
		return refuse(w, o.fault)
	}
	v.took.WithLabelValues(hook.Kind(), "event").Add(float64(len(delivery.Items) - len(o.refused)))
	if len(o.refused) > 0 && delivery.Reply == (hooks.Reply{}) {
		// Dead letters hold what could not be read. Asked to come again the provider would bring the same, for days.
		o.fault = nil
		return answerJSON(w, o)
	}
	return writeReply(w, delivery.Reply)
}

// refuseHook says no with the reason that the source gave.
func (s *Service) refuseHook(w http.ResponseWriter, err error) int {
	var f *protocol.Fault
	if !errors.As(err, &f) {
		f = fault(internalFault, "") // unreachable: sources return faults
	}
	s.metrics.refuse(f.Reason)
	return refuse(w, f)
}

// rawBody is the body as it came: what was signed. Nothing is unpacked, no mark is cut off.
func (s *Service) rawBody(w http.ResponseWriter, r *http.Request, h *hold) (string, error) {
	body, err := s.bodies.raws(w, r, h)
	if err != nil {
		return "", err
	}
	s.metrics.bodyBytes.Observe(float64(len(body)))
	return asString(body), nil
}

// writeReply answers in the provider's words. A challenge repeats what was asked: no browser may take it for a page.
func writeReply(w http.ResponseWriter, reply hooks.Reply) int {
	if reply == (hooks.Reply{}) {
		return writeJSON(w, http.StatusOK, success)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", reply.Type)
	_, _ = io.WriteString(w, reply.Body) // a provider that went away comes again
	return http.StatusOK
}

// validateHooks looks at what only the whole section can show: a site that is not there, two hooks of one address.
func (c Config) validateHooks(p *config.Problems) {
	sites, seen := map[string]bool{}, map[string]bool{}
	for _, s := range c.Sites {
		sites[s.Name] = true
	}
	for _, h := range c.Hooks {
		address := h.Kind + "/" + h.Name
		p.Check(!seen[address], "hooks", "the hook %s stands there twice", address)
		seen[address] = true
		p.Check(h.Site == "" || sites[h.Site], "hooks", "%s belongs to the site %q, which is none of sites", address, h.Site)
	}
}
