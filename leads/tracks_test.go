package leads

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas/pb"
)

// A track that nobody scores and that no row has is a fault that names the known ones, also where one is all there
// is; one that was taken away is still shown, and nothing is asked of the tables for the one that runs.
func TestATrackThatIsNotThereIsAFault(t *testing.T) {
	w := newWorld(t, func(_ *Config, deps *Deps) { deps.Tracks = []Track{{Name: "default", Stages: path}} })
	w.store(w.lead("ada", 20), w.lead("old", 10, func(r *pb.LeadRecord) { r.Track = "gone" }))
	for _, path := range []string{"/v1/leads", "/v1/leads/" + w.id("ada"), "/v1/leads/" + w.id("ada") + "/explain", "/v1/accounts", "/v1/funnel", "/v1/forecast", "/v1/stream", "/"} {
		fault := w.refused(path+"?track=unknown", http.StatusBadRequest)
		require.Equal(t, "bad_parameters", fault.Word, path)
		require.Equal(t, []string{`track: "unknown" is none of default, gone`}, fault.Faults, path)
	}
	for query, want := range map[string]int{"": 2, "?track=default": 1, "?track=gone": 1} {
		var list struct{ Leads []Lead }
		w.read("/v1/leads"+query, &list)
		require.Len(t, list.Leads, want, query)
	}
}
