package leads

import (
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas/pb"
)

// crowded has five leads that differ in everything one can filter and sort by.
func crowded(t *testing.T) *world {
	w := newWorld(t)
	w.store(
		w.lead("hot", 80, func(r *pb.LeadRecord) {
			r.Stage, r.Name, r.Email, r.Company, r.Fit, r.StageSince = "intent", "Ada Lovelace", "ada@example.com", "Engines Ltd", "A", w.ago(time.Hour)
		}),
		w.lead("warm", 55, func(r *pb.LeadRecord) {
			r.Stage, r.LastSeen, r.Company, r.FirstSeen = "interest", w.ago(time.Minute), "环球贸易", w.ago(time.Hour)
		}),
		w.lead("tepid", 30, func(r *pb.LeadRecord) { r.Stage, r.Site, r.LastSeen = "aware", "shop", w.ago(200*time.Hour) }),
		w.lead("cold", 2, func(r *pb.LeadRecord) { r.Fit, r.UserId = "?", "user-77" }),
		w.lead("staff", 90, func(r *pb.LeadRecord) { r.Fit, r.Flags, r.Track = "X", []string{"employee"}, "partners" }),
	)
	return w
}

func TestListFilters(t *testing.T) {
	w := crowded(t)
	for query, want := range map[string][]string{
		"":                          {"staff", "hot", "warm", "tepid", "cold"},
		"?stage=intent":             {"hot"},
		"?stage=intent,aware":       {"hot", "tepid"},
		"?stage=intent&stage=aware": {"hot", "tepid"},
		"?grade=A1":                 {"hot"},
		"?grade=B":                  {"warm", "tepid"},
		"?grade=B2,%3F":             {"warm", "cold"},
		"?grade=X":                  {"staff"},
		"?min_score=55":             {"staff", "hot", "warm"},
		"?min_score=55.1":           {"staff", "hot"},
		"?since=24h":                {"staff", "hot", "warm", "cold"},
		"?since=10m":                {"warm"},
		"?since=30d&stage=aware":    {"tepid"},
		"?since=2020-02-01":         {"staff", "hot", "warm", "tepid", "cold"},
		"?site=shop":                {"tepid"},
		"?site=nowhere":             {},
		"?track=partners":           {"staff"},
		"?q=LOVELACE":               {"hot"},
		"?q=ada@exam":               {"hot"},
		"?q=engines":                {"hot"},
		"?q=%E7%8E%AF%E7%90%83":     {"warm"},
		"?q=USER-77":                {"cold"},
		"?q=anon-tepid":             {"tepid"},
		"?q=" + w.id("warm"):        {"warm"},
		"?q=%25":                    {},
		"?q=%27%20OR%201%3D1%20--":  {},
		"?q=a&stage=intent&grade=A1&min_score=1&site=demo&track=default": {"hot"},
	} {
		require.Equal(t, want, w.names(query), query)
	}
}

func TestListSorts(t *testing.T) {
	w := crowded(t)
	require.Equal(t, []string{"staff", "hot", "warm", "tepid", "cold"}, w.names("?sort=score"))
	require.Equal(t, "warm", w.names("?sort=last_seen")[0])
	require.Equal(t, "tepid", w.names("?sort=last_seen")[4])
	require.Equal(t, "warm", w.names("?sort=first_seen")[0])
	require.Equal(t, "hot", w.names("?sort=stage_since")[0])
}

func TestLeadSaysWhatItIs(t *testing.T) {
	w := newWorld(t)
	w.store(w.lead("ada", 60, func(r *pb.LeadRecord) {
		r.Stage, r.Fit, r.FallsAt, r.FallsTo = "intent", "A", w.ago(-240*time.Hour), "interest"
		r.Terms = append(r.Terms, &pb.Term{Rule: "careers", Value: -10}, &pb.Term{Rule: "docs", Value: 4}, &pb.Term{Rule: "docs", Value: 3}, &pb.Term{Rule: "blog", Value: 1}, &pb.Term{Rule: "gone", Value: 0.001})
	}))
	var answer listAnswer
	w.read("/v1/leads", &answer)
	l := answer.Leads[0]
	require.Equal(t, w.id("ada"), l.ID)
	require.InDelta(t, 58.001, l.Score, 1e-9)
	require.Equal(t, "A2", l.Grade)
	require.Equal(t, path[3], l.Stage)
	require.Equal(t, "兴趣", l.FallsTo.ZH)
	require.Equal(t, w.began.Add(240*time.Hour), l.FallsAt.UTC())
	require.Equal(t, []RulePoints{
		{Rule{"pricing", "Looked at prices", "查看价格"}, 60}, {Rule{"careers", "Looked at jobs", "查看招聘"}, -10}, {Rule{"docs", "Read the docs", "阅读文档"}, 7},
	}, l.Why, "three of most weight, terms of one rule together")
	require.Equal(t, "Looked at prices", l.Last.Rule.EN)
	require.Nil(t, l.Fade)
	require.Equal(t, []string{}, l.Flags)
}

// Scores that tie, and thousands that differ in the last bit only: every lead on exactly one page, in order.
func TestPagesShowEachLeadOnce(t *testing.T) {
	w := newWorld(t)
	var all []*pb.LeadRecord
	for i := range 137 {
		score := 50.0
		if i%3 == 0 {
			score = math.Float64frombits(math.Float64bits(50) + uint64(i))
		}
		all = append(all, w.lead(fmt.Sprint(i), score, func(r *pb.LeadRecord) { r.LastSeen -= int64(i % 5) }))
	}
	w.store(all...)
	for _, sort := range sorts {
		var seen []string
		cursor := ""
		for range 30 {
			var page listAnswer
			w.read("/v1/leads?limit=10&sort="+sort+cursor, &page)
			for _, l := range page.Leads {
				seen = append(seen, l.ID)
			}
			if page.NextCursor == "" {
				break
			}
			require.Len(t, page.Leads, 10)
			cursor = "&cursor=" + page.NextCursor
		}
		require.Len(t, seen, 137, sort)
		slices.Sort(seen)
		require.Len(t, slices.Compact(seen), 137, sort)
	}
}

// The second page is of the first page's instant, though by the clock the leads have changed places meanwhile.
func TestCursorHoldsTheInstant(t *testing.T) {
	w := newWorld(t)
	quick := func(r *pb.LeadRecord) { r.Terms[0].HalfLife, r.Terms[0].Anchor = 1e-7, w.began.UnixMilli() } // halves each 8.6 ms
	w.store(w.lead("a", 90, quick), w.lead("b", 80, quick), w.lead("c", 70, quick))
	at := w.began.Add(time.Millisecond)
	p := listParams{Sort: "score", Limit: 1, AsOf: at}
	var got []string
	var scores []float64
	for range 3 {
		next, _, err := w.service.list(t.Context(), p, "f", func(l Lead) error {
			got, scores = append(got, l.AnonymousID), append(scores, l.Score)
			return nil
		})
		require.NoError(t, err)
		if next == "" {
			break
		}
		after, err := decodeCursor(next)
		require.NoError(t, err)
		require.Equal(t, at.UnixMilli(), after.AsOf)
		p.After, p.AsOf = &after, instant(after.AsOf)
		time.Sleep(20 * time.Millisecond)
	}
	require.Equal(t, []string{"anon-a", "anon-b", "anon-c"}, got)
	require.InEpsilon(t, 80.0/90, scores[1]/scores[0], 1e-9, "all scores are of one instant")
}

func TestCursorBelongsToItsQuestion(t *testing.T) {
	w := crowded(t)
	var page listAnswer
	w.read("/v1/leads?limit=2&site=demo", &page)
	require.NotEmpty(t, page.NextCursor)
	require.Equal(t, []string{"warm", "cold"}, w.names("?limit=5&site=demo&cursor="+page.NextCursor), "the size may change")
	for _, query := range []string{"?site=shop", "?site=demo&sort=last_seen", "?", "?site=demo&min_score=3"} {
		no := w.refused("/v1/leads"+query+"&cursor="+page.NextCursor, http.StatusBadRequest)
		require.Contains(t, no.Message, "cursor: belongs to a request with another sort or other filters")
	}
}

func TestBadParametersListEveryFault(t *testing.T) {
	w := newWorld(t)
	no := w.refused("/v1/leads?stage=intend&grade=E7&min_score=hot&since=yesterday&sort=luck&limit=0&cursor=x!&format=xml&scroe=1&site=a&site=b", http.StatusBadRequest)
	require.Equal(t, "bad_parameters", no.Word)
	for _, part := range []string{`stage: "intend" is none of visitor, aware`, `grade: "E7"`, `min_score: must be a number`, `since: must be an instant`, `sort: "luck"`, `limit: must be 1..1000`, `cursor: `, `format: "xml"`, `"scroe" is no parameter here`, `site: given 2 times`} {
		require.Contains(t, no.Message, part)
	}
	require.Len(t, no.Faults, 10)
	for _, query := range []string{"?min_score=NaN", "?min_score=101", "?min_score=-Inf", "?limit=1001", "?since=-3h", "?since=9999d", "?since=1969-01-01", "?q=%00", "?q=%ff", "?q=" + strings.Repeat("x", 201)} {
		require.Len(t, w.refused("/v1/leads"+query, http.StatusBadRequest).Faults, 1, query)
	}
}

func TestCSV(t *testing.T) {
	w := crowded(t)
	w.store(w.lead("evil", 99, func(r *pb.LeadRecord) {
		r.Name, r.Company, r.Email = `=HYPERLINK("http://evil","x")`, "A, \"B\"\nC", "@sum(1)"
	}))
	resp, body := w.get("/v1/leads?format=csv&min_score=50")
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/csv")
	require.Contains(t, resp.Header.Get("Content-Disposition"), `attachment; filename="leads-`)
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	require.Equal(t, "lead_id", rows[0][0])
	cell := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
	require.Equal(t, `'=HYPERLINK("http://evil","x")`, cell(1, "name"))
	require.Equal(t, `'@sum(1)`, cell(1, "email"))
	require.Equal(t, "A, \"B\"\nC", cell(1, "company"))
	require.Equal(t, "99.00", cell(1, "score"))
	require.Equal(t, "employee", cell(2, "flags"))
	require.Equal(t, "意向", cell(3, "stage_zh"))
	require.Equal(t, "Looked at prices 80.0", cell(3, "why"))

	resp, body = w.get("/v1/leads?site=nowhere", "Accept", "text/csv")
	require.Contains(t, resp.Header.Get("Content-Type"), "text/csv")
	require.Equal(t, 1, strings.Count(body, "\n"), "a heading without leads")

	resp, body = w.get("/v1/leads?format=csv&limit=2")
	require.Equal(t, 3, strings.Count(strings.ReplaceAll(body, "\nC\"", ""), "\n"))
	require.Equal(t, 4, len(w.names("?cursor="+resp.Trailer.Get("X-Next-Cursor"))), "CSV pages go on as JSON ones")
}

func TestHarmlessCells(t *testing.T) {
	for in, want := range map[string]string{"": "", "Ada": "Ada", "-12.5": "-12.5", "+49 30": "'+49 30", "=1+1": "'=1+1", "-x": "'-x", "@a": "'@a", "\tx": "'\tx", "a=b": "a=b",
		// opened where semicolons part cells
		"Ada;=1+1": "Ada;'=1+1", "Ada;\"=1+1": "Ada;\"'=1+1", "Ada;\t@x": "Ada;'\t'@x", "visit 4; -2.0": "visit 4; -2.0", "é;ü-x": "é;ü-x",
	} {
		require.Equal(t, want, harmless(in))
	}
}

// view leads_at and Fade must be one formula: the browser's numbers are the database's.
func TestFadeIsTheView(t *testing.T) {
	w := newWorld(t)
	var all []*pb.LeadRecord
	for i := range 200 {
		f := float64(i)
		all = append(all, w.lead(fmt.Sprint(i), 0, func(r *pb.LeadRecord) {
			r.Terms = []*pb.Term{
				{Rule: "pricing", Group: "web", Value: 1 + f, HalfLife: 30, Anchor: w.ago(time.Duration(i) * time.Hour)},
				{Rule: "docs", Group: "web", Value: 10, HalfLife: 7, Anchor: w.ago(-12 * time.Hour)},
				{Rule: "careers", Group: "negative", Value: -f, HalfLife: 90, Anchor: w.ago(40 * time.Hour)},
				{Rule: "form", Group: "unbounded", Value: f / 10},
			}
			r.Groups = []*pb.GroupBound{{Name: "web", Cap: 60}, {Name: "negative", Cap: 0, Floor: -40}, {Name: "empty", Cap: 5, Floor: 1}}
		}))
	}
	w.store(all...)
	byID := map[string]*pb.LeadRecord{}
	for _, r := range all {
		byID[r.GetAnonymousId()] = r
	}
	var answer listAnswer
	w.read("/v1/leads?limit=1000", &answer)
	require.Len(t, answer.Leads, 200)
	for _, l := range answer.Leads {
		told := w.service.words().lead(byID[l.AnonymousID], answer.AsOf)
		require.InDelta(t, l.Score, told.Score, 1e-9, l.AnonymousID)
		require.Equal(t, l.Grade, told.Grade)
		require.Equal(t, l.Engagement, told.Engagement)
		require.Equal(t, len(l.Why), len(told.Why))
		for i := range l.Why {
			require.Equal(t, l.Why[i].Rule, told.Why[i].Rule)
			require.InDelta(t, l.Why[i].Points, told.Why[i].Points, 1e-9)
		}
	}
}
