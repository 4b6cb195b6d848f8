package leads

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
	"leadstream/schemas"
)

func TestRunServesAndDrains(t *testing.T) {
	w := newWorld(t)
	require.Empty(t, w.service.Addr())
	require.Error(t, w.service.Ready(t.Context()))
	require.NoError(t, w.service.Listen())
	require.NoError(t, w.service.Listen(), "twice is once")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	resp, err := http.Get("http://" + w.service.Addr() + "/v1/leads")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, w.service.Ready(t.Context()))
	stream, err := http.Get("http://" + w.service.Addr() + "/v1/stream")
	require.NoError(t, err)
	defer stream.Body.Close()
	stop()
	require.NoError(t, <-ended, "an open stream does not hold the end up")
	_, err = net.Dial("tcp", w.service.Addr())
	require.Error(t, err)
}

func TestATakenPortIsOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	w := newWorld(t, func(c *Config, _ *Deps) { c.Listen = taken.Addr().String() })
	err = w.service.Run(t.Context())
	require.ErrorContains(t, err, "leads.listen")
	require.NotContains(t, err.Error(), "\n")
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	_, err := New(Config{}, Deps{})
	require.ErrorContains(t, err, "listen:")
	_, err = New(DefaultConfig(), Deps{})
	require.ErrorContains(t, err, "Deps needs")
}

func TestATokenIsNeededWhereOthersCanReach(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Listen = "0.0.0.0:0"
	require.ErrorContains(t, cfg.Validate(), "at least one token")
	cfg.Tokens = []config.Secret{secretToken}
	require.NoError(t, cfg.Validate())
}

// Every path in openapi.yaml is served, and everything that is served for programs stands in it.
func TestOpenAPIIsTheAPI(t *testing.T) {
	var doc struct {
		OpenAPI string                    `yaml:"openapi"`
		Paths   map[string]map[string]any `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(schemas.OpenAPI, &doc))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))
	var described []string
	for path, methods := range doc.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	var served []string
	for _, r := range (&Service{}).table() {
		if strings.Contains(r.pattern, " /v1/") || strings.Contains(r.pattern, "openapi") {
			served = append(served, r.pattern)
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	require.Equal(t, served, described)
}

// Every parameter that the list reads is described, and every refusal has its status.
func TestOpenAPINamesParametersAndWords(t *testing.T) {
	text := string(schemas.OpenAPI)
	for _, name := range listWords {
		require.Regexp(t, `name: `+name+`[,}]`, text)
	}
	for word := range statusOf {
		require.Contains(t, text, word)
	}
	for _, reference := range strings.Split(text, "$ref: '#/components/")[1:] {
		name, _, _ := strings.Cut(reference, "'")
		kind, name, _ := strings.Cut(name, "/")
		require.Contains(t, text, "\n  "+kind+":", reference)
		require.Contains(t, text, "\n    "+name+":", name)
	}
	w := newWorld(t)
	resp, body := w.get("/openapi.yaml")
	require.Equal(t, "application/yaml; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Equal(t, text, body)
}

func TestWrongPathsAndMethods(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "unknown_path", w.refused("/v1/nothing", http.StatusNotFound).Word)
	require.Equal(t, "unknown_path", w.refused("/nothing", http.StatusNotFound).Word)
	for _, path := range []string{"/v1/leads", "/", "/v1/leads/x", "/nothing"} {
		resp, err := http.Post(w.web.URL+path, "text/plain", strings.NewReader("x"))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
	}
}

func TestMetricsAreLintedAndCounted(t *testing.T) {
	w := crowded(t)
	w.names("?min_score=50")
	w.refused("/v1/leads?x=1", http.StatusBadRequest)
	require.Equal(t, 3.0, testutil.ToFloat64(w.service.metrics.rows.WithLabelValues("GET /v1/leads")))
	require.Equal(t, 1.0, testutil.ToFloat64(w.service.metrics.requests.WithLabelValues("GET /v1/leads", "400")))
	problems, err := testutil.GatherAndLint(w.reg)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := w.reg.Gather()
	require.NoError(t, err)
	for _, family := range families {
		require.True(t, strings.HasPrefix(family.GetName(), "leadstream_leads_"), family.GetName())
	}
}
