package scoring

import (
	"strings"
	"testing"
	"time"

	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
)

func cheaper(t testing.TB) *model.Model {
	t.Helper()
	m, err := model.Load([]byte(strings.Replace(string(model.DefaultText()), "points: 12", "points: 3", 1)), "cheaper.yml")
	require.NoError(t, err)
	return m
}

// Another model is taken up while the line runs: no event is lost or counted twice, open days are
// worth what the new one says, and a restart under it finds the same.
func TestAnotherModelIsTakenUpWhileTheLineRuns(t *testing.T) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.SnapshotDir = t.TempDir()
	w := r.start(cfg)
	events := visits(51, 2000, 40)
	r.send(events[:1000]...)
	r.settled(cfg.Group)
	m := cheaper(t)
	w.Use(m)
	r.send(events[1000:]...)
	r.settled(cfg.Group)
	require.Eventually(t, func() bool { return w.gauge("leadstream_scoring_model_info", m.Version()) == 1 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 1.0, w.gauge("leadstream_scoring_model_info", ""), "one version only")
	w.stop()
	r.model = m
	// All events are of the last days, which are open: the whole score is the new model's.
	requireScores(r)
	again := r.start(cfg, func(d *Deps) { d.Model = m })
	r.settled(cfg.Group)
	again.stop()
	requireScores(r)
}

// requireScores compares what was written with the oracle, in scores: stages have a memory.
func requireScores(r *rig) {
	want, got := r.oracle(), r.written()
	require.Len(r.t, got.leads, len(want.leads))
	for id, lead := range want.states {
		at := max(lead.Clock(), got.states[id].Clock())
		require.Equal(r.t, r.model.Score(lead, at), r.model.Score(got.states[id], at), id)
	}
}

func TestARefusedModelShows(t *testing.T) {
	r := newRig(t, "", 1)
	w := r.worker(r.config())
	w.Refused(true)
	require.Equal(t, 1.0, w.gauge("leadstream_scoring_model_refused", ""))
	w.Refused(false)
	require.Equal(t, 0.0, w.gauge("leadstream_scoring_model_refused", ""))
}

// gauge reads one gauge, summed over the labels that contain a word.
func (w *running) gauge(name, label string) (sum float64) {
	families, err := w.reg.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && strings.Contains(m.String(), label) {
				sum += m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
