package leads

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// storied has one lead with a story: events, their ledger and stage changes.
func storied(t *testing.T) *world {
	w := newWorld(t)
	w.store(w.lead("ada", 42, func(r *pb.LeadRecord) {
		r.Stage, r.Name, r.Traits = "aware", `<script>alert("x")</script>`, []byte(`{"title":"CTO","seats":120,"tags":["a"],"empty":""}`)
	}))
	id := w.id("ada")
	event := func(eventID, kind, path, view string, minutesAgo int, more ...any) {
		engaged := uint32(0)
		if len(more) > 0 {
			engaged = more[0].(uint32)
		}
		w.exec(`INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, path, title, view_id, engaged_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			"demo", id, eventID, w.began.Add(-time.Duration(minutesAgo)*time.Minute), w.began, kind, path, "Title of "+path, view, engaged)
	}
	event("e1", "page", "/", "v1", 50)
	event("e2", "page", "/pricing", "v2", 40)
	event("e3", "dwell", "/pricing", "v2", 39, uint32(15_000))
	event("e4", "dwell", "/pricing", "v2", 38, uint32(75_000))
	event("e5", "scroll", "/pricing", "v2", 37)
	event("e5", "scroll", "/pricing", "v2", 37) // a repeat
	event("e6", "form", "/contact", "v3", 30)
	ledger := func(eventID, rule string, points float64, reason string) {
		w.exec(`INSERT INTO ledger (site, track, lead_id, day, rule, event_id, reason, counted, points, units, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			"demo", "default", id, w.began, rule, eventID, reason, reason == "ok", points, uint32(2), w.began)
	}
	ledger("e2", "pricing", 12, "ok")
	ledger("e2", "docs", 20, "cap")
	ledger("e6", "careers", -5, "ok")
	ledger("e6", "careers", -5, "ok")
	w.exec(`INSERT INTO stage_log (site, track, lead_id, entry_no, at, from_stage, to_stage, direction, cause, score, grade, criteria) VALUES
('demo', 'default', ?, 1, ?, '', 'visitor', 'promote', 'event', 0, '?4', []), ('demo', 'default', ?, 2, ?, 'visitor', 'aware', 'promote', 'event', 24, '?4', ['came back'])`,
		id, w.began.Add(-50*time.Minute), id, w.began.Add(-40*time.Minute))
	return w
}

func TestOneLead(t *testing.T) {
	w := storied(t)
	var answer struct {
		AsOf time.Time `json:"as_of"`
		Lead Lead      `json:"lead"`
	}
	w.read("/v1/leads/"+w.id("ada"), &answer)
	require.InDelta(t, 42, answer.Lead.Score, 1e-9)
	require.Equal(t, "B3", answer.Lead.Grade)
	require.Equal(t, "认知", answer.Lead.Stage.ZH)
	require.JSONEq(t, `{"title":"CTO","seats":120,"tags":["a"],"empty":""}`, string(answer.Lead.Traits))
	require.WithinDuration(t, time.Now(), answer.AsOf, time.Minute)
}

func TestUnknownLeadsAre404(t *testing.T) {
	w := storied(t)
	for _, id := range []string{w.id("nobody"), "nobody", "00000000-0000-0000-0000-00000000000", strings.Repeat("g", 36), "%00"} {
		for _, below := range []string{"", "/timeline", "/explain"} {
			require.Equal(t, "unknown_lead", w.refused("/v1/leads/"+id+below, http.StatusNotFound).Word, id+below)
		}
	}
	require.Equal(t, "unknown_lead", w.refused("/v1/leads/"+w.id("ada")+"?track=partners", http.StatusNotFound).Word)
	require.Equal(t, "bad_parameters", w.refused("/v1/leads/"+w.id("ada")+"?trak=default", http.StatusBadRequest).Word)
}

func TestTheHottestTrackAnswersUnlessOneIsNamed(t *testing.T) {
	w := newWorld(t)
	w.store(w.lead("ada", 10), w.lead("ada", 70, func(r *pb.LeadRecord) { r.Track = "partners" }))
	track := func(query string) string {
		var answer struct{ Lead Lead }
		w.read("/v1/leads/"+w.id("ada")+query, &answer)
		return answer.Lead.Track
	}
	require.Equal(t, "partners", track(""))
	require.Equal(t, "default", track("?track=default"))
}

func TestTimelineTellsEventsWithTheirPointsAndStageChanges(t *testing.T) {
	w := storied(t)
	var answer timelineAnswer
	w.read("/v1/leads/"+w.id("ada")+"/timeline", &answer)
	var got []string
	for _, m := range answer.Timeline {
		if m.Event != nil {
			got = append(got, m.Event.Type+" "+m.Event.Path)
		} else {
			got = append(got, m.Stage.From.ID+">"+m.Stage.To.ID)
		}
	}
	require.Equal(t, []string{"form /contact", "scroll /pricing", "dwell /pricing", "visitor>aware", "page /pricing", ">visitor", "page /"}, got)
	require.Equal(t, uint32(75_000), answer.Timeline[2].Event.EngagedMS, "the newest beat of a view stands for all of them")
	require.Equal(t, []LedgerEntry{{Rule{"careers", "Looked at jobs", "查看招聘"}, -5, 2, true, "ok"}}, answer.Timeline[0].Ledger, "a repeat is not told twice")
	require.Equal(t, []LedgerEntry{
		{Rule{"pricing", "Looked at prices", "查看价格"}, 12, 2, true, "ok"}, {Rule{"docs", "Read the docs", "阅读文档"}, 20, 2, false, "cap"},
	}, answer.Timeline[4].Ledger)
	require.Equal(t, []string{"came back"}, answer.Timeline[3].Stage.Criteria)
	require.Empty(t, answer.NextCursor)
}

func TestTimelinePagesMeetWithoutGapOrOverlap(t *testing.T) {
	w := storied(t)
	var whole timelineAnswer
	w.read("/v1/leads/"+w.id("ada")+"/timeline", &whole)
	for size := 1; size <= 7; size++ {
		var pieces []string
		cursor := ""
		for {
			var page timelineAnswer
			w.read(fmt.Sprintf("/v1/leads/%s/timeline?limit=%d%s", w.id("ada"), size, cursor), &page)
			for _, m := range page.Timeline {
				pieces = append(pieces, fmt.Sprint(m.At, m.Kind))
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		require.Len(t, pieces, len(whole.Timeline), "pages of %d", size)
		for i, m := range whole.Timeline {
			require.Equal(t, fmt.Sprint(m.At, m.Kind), pieces[i])
		}
	}
	require.Contains(t, w.refused("/v1/leads/"+w.id("ada")+"/timeline?cursor=zzz&limit=501", http.StatusBadRequest).Message, "limit: must be 1..500")
}

func TestExplain(t *testing.T) {
	w := storied(t)
	var x schemas.Explanation
	w.read("/v1/leads/"+w.id("ada")+"/explain", &x)
	require.InDelta(t, 42, x.Score, 1e-9)
	require.Equal(t, "Looked at prices", x.Rules[0].Title)
	require.Equal(t, "Because of <b>prices</b>.", x.Sentence)
}

func TestAFaultOfOursIsSaidOnceAndNotShown(t *testing.T) {
	w := newWorld(t, func(_ *Config, d *Deps) {
		d.Explain = func([]byte, time.Time) (schemas.Explanation, error) {
			return schemas.Explanation{}, errors.New("secret of the house")
		}
	})
	w.store(w.lead("ada", 1))
	no := w.refused("/v1/leads/"+w.id("ada")+"/explain", http.StatusInternalServerError)
	require.Equal(t, "broken", no.Word)
	require.NotContains(t, no.Message, "secret")
}

func TestFunnelAndForecast(t *testing.T) {
	w := newWorld(t)
	w.exec(`INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, amount, currency)
SELECT 'demo', 'default', generateUUIDv4(number), 1, ?, 'intent', 0, '' FROM numbers(200)`, w.began.Add(-80*24*time.Hour))
	w.exec(`INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, amount, currency)
SELECT site, track, lead_id, 2, ?, if(rowNumberInAllBlocks() < 60, 'won', 'lost'), 10000, 'EUR' FROM stage_log`, w.began.Add(-60*24*time.Hour))
	var open []*pb.LeadRecord
	for i := range 50 {
		open = append(open, w.lead(fmt.Sprint(i), 65, func(r *pb.LeadRecord) { r.Stage = "intent" }))
	}
	w.store(open...)
	var forecast struct {
		Stages []struct {
			Stage schemas.StageName
			Wins  *struct{ Mean, P10, P90 float64 }
		}
		Total struct{ Value struct{ Mean float64 } }
	}
	w.read("/v1/forecast?window=30d&track=default", &forecast)
	require.Equal(t, "intent", forecast.Stages[3].Stage.ID)
	require.InDelta(t, 15, forecast.Stages[3].Wins.Mean, 0.1)
	require.Equal(t, []float64{10, 20}, []float64{forecast.Stages[3].Wins.P10, forecast.Stages[3].Wins.P90})
	require.InDelta(t, 150_000, forecast.Total.Value.Mean, 1000)
	var stored uint64
	require.NoError(t, w.db.QueryRow(t.Context(), "SELECT count() FROM forecasts").Scan(&stored))
	require.Zero(t, stored, "a GET writes nothing")

	var funnel struct {
		Stages []struct {
			Open, Matured uint64
			Conversion    *struct{ Rate float64 }
		}
	}
	w.read("/v1/funnel", &funnel)
	require.Equal(t, uint64(50), funnel.Stages[3].Open)
	require.InDelta(t, 0.3, funnel.Stages[3].Conversion.Rate, 1e-9)
	no := w.refused("/v1/funnel?window=soon&windw=3", http.StatusBadRequest)
	require.Len(t, no.Faults, 2)
}
