package leads

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/clickhouse"
	"leadstream/internal/config"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

var path = []schemas.StageName{
	{ID: "visitor", EN: "visitor", ZH: "访客"}, {ID: "aware", EN: "aware", ZH: "认知"}, {ID: "interest", EN: "interest", ZH: "兴趣"},
	{ID: "intent", EN: "intent", ZH: "意向"}, {ID: "accepted", EN: "accepted", ZH: "销售接受"}, {ID: "opportunity", EN: "opportunity", ZH: "商机"},
	{ID: "won", EN: "won", ZH: "成交"}, {ID: "lost", EN: "lost", ZH: "流失"},
}

// world is the real service over a fresh database of the real server.
type world struct {
	t       *testing.T
	db      driver.Conn
	service *Service
	web     *httptest.Server
	client  *http.Client
	reg     *prometheus.Registry
	began   time.Time
}

func newWorld(t *testing.T, change ...func(*Config, *Deps)) *world {
	t.Helper()
	return serveWorld(t, open(t, tables.Database(t)), change...)
}

var tables = embeddedtest.Tables{Make: func(t testing.TB, dsn string) {
	_, err := clickhouse.Migrate(t.Context(), open(t, dsn), schemas.Tables(), clickhouse.MigrateOptions{})
	require.NoError(t, err)
}}

func open(t testing.TB, dsn string) driver.Conn {
	t.Helper()
	section := clickhouse.DefaultConfig()
	section.Addr = dsn
	db, err := clickhouse.Open(t.Context(), section)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func serveWorld(t *testing.T, db driver.Conn, change ...func(*Config, *Deps)) *world {
	t.Helper()
	reg := prometheus.NewRegistry()
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	deps := Deps{
		Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)), Registry: reg, DB: db, Explain: explainRecord, Stages: path,
		RuleTitle: func(rule string) (string, string) { return titles[rule][0], titles[rule][1] },
		DemoURL:   "http://localhost:8080/demo/",
	}
	for _, c := range change {
		c(&cfg, &deps)
	}
	service, err := New(cfg, deps)
	require.NoError(t, err)
	w := &world{t: t, db: db, service: service, reg: reg, began: time.Now().UTC().Truncate(time.Millisecond)}
	w.web = httptest.NewServer(service.handler)
	t.Cleanup(w.web.Close)
	w.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return w
}

var titles = map[string][2]string{
	"pricing": {"Looked at prices", "查看价格"},
	"docs":    {"Read the docs", "阅读文档"},
	"careers": {"Looked at jobs", "查看招聘"},
}

// explainRecord stands where the roof puts the score model: the tests here are about what leads does with the answer.
func explainRecord(record []byte, at time.Time) (schemas.Explanation, error) {
	var r pb.LeadRecord
	if err := proto.Unmarshal(record, &r); err != nil {
		return schemas.Explanation{}, err
	}
	w := words{stages: path}
	x := schemas.Explanation{
		At: at, Track: r.GetTrack(), ModelVersion: r.GetModelVersion(), Score: newFade(&r).score(float64(at.UnixMilli())), Grade: r.GetGrade(), Fit: r.GetFit(),
		Stage: w.stage(r.GetStage()), Sentence: "Because of <b>prices</b>.", SentenceZH: "因为看了价格。", Details: "All of it.", DetailsZH: "全部内容。", Flags: []schemas.StageName{},
		Groups:    []schemas.GroupValue{{Group: "web", Sum: 80, Clamped: 60, Cap: 60}, {Group: "negative", Sum: -50, Clamped: -40, Floor: -40}, {Group: "mail", Sum: 3, Clamped: 3, Cap: 10}},
		Interests: []schemas.Interest{{Label: "analytics", Points: 30}, {Label: "export", Points: 6}},
		Next:      &schemas.NextStage{Stage: path[4], At: 60, Missing: 4.2, Criteria: []string{"asked for a demo"}, CriteriaZH: []string{"申请演示"}, CheapestRule: "docs", CheapestTitle: "Read the docs", CheapestTitleZH: "阅读文档", Hits: 2},
		Falls:     &schemas.Fall{To: path[2], At: at.Add(100 * time.Hour)},
	}
	for _, id := range r.GetFlags() {
		x.Flags = append(x.Flags, schemas.StageName{ID: id, EN: "Works for us", ZH: "本公司员工"})
	}
	for _, t := range r.GetTerms() {
		title := titles[t.GetRule()]
		x.Rules = append(x.Rules, schemas.RuleValue{Rule: t.GetRule(), Title: title[0], TitleZH: title[1], Group: t.GetGroup(), Points: t.GetValue(), RecentHits: 2, LastDay: "2026-05-20", HalfLifeDays: t.GetHalfLife()})
	}
	return x, nil
}

// lead is a record with one term of a score that does not fade; change makes it what the test needs.
func (w *world) lead(name string, score float64, change ...func(*pb.LeadRecord)) *pb.LeadRecord {
	id := schemas.NewLeadID("demo/" + name)
	r := &pb.LeadRecord{
		LeadId: id[:], Site: "demo", Track: "default", Revision: 1, AnonymousId: "anon-" + name, Fit: "B", Stage: "visitor",
		Terms: []*pb.Term{{Rule: "pricing", Value: score}}, Bands: []float64{75, 50, 25}, Sessions: 1,
		FirstSeen: w.ago(72 * time.Hour), LastSeen: w.ago(time.Hour), StageSince: w.ago(48 * time.Hour),
		LastType: "page", LastPath: "/pricing", LastRule: "pricing", ModelVersion: "m1", Score: score, Traits: []byte(`{}`),
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func (w *world) ago(d time.Duration) int64 { return w.began.Add(-d).UnixMilli() }

// store writes lead_state the way the sink does.
func (w *world) store(records ...*pb.LeadRecord) {
	w.t.Helper()
	batch, err := w.db.PrepareBatch(w.t.Context(), `INSERT INTO lead_state (site, track, lead_id, revision, anonymous_id, user_id, name, email, company, country, traits,
score, scored_at, fit, grade, stage, sub_stage, stage_since, first_seen, last_seen, sessions, last_type, last_name, last_path, last_rule, flags,
term_rule, term_group, term_interest, term_value, term_anchor, term_half_life, group_name, group_cap, group_floor, bands, falls_at, falls_to, model_version, record, merged_into)`)
	require.NoError(w.t, err)
	for _, r := range records {
		var rules, groups, interests, names []string
		var values, halves, caps, floors []float64
		var anchors []time.Time
		for _, t := range r.GetTerms() {
			rules, groups, interests = append(rules, t.GetRule()), append(groups, t.GetGroup()), append(interests, t.GetInterest())
			values, halves, anchors = append(values, t.GetValue()), append(halves, t.GetHalfLife()), append(anchors, instant(t.GetAnchor()))
		}
		for _, g := range r.GetGroups() {
			names, caps, floors = append(names, g.GetName()), append(caps, g.GetCap()), append(floors, g.GetFloor())
		}
		var falls *time.Time
		if r.GetFallsAt() > 0 {
			at := instant(r.GetFallsAt())
			falls = &at
		}
		blob, err := proto.Marshal(r)
		require.NoError(w.t, err)
		require.NoError(w.t, batch.Append(r.GetSite(), r.GetTrack(), schemas.LeadID(r.GetLeadId()).String(), r.GetRevision(), r.GetAnonymousId(), r.GetUserId(), r.GetName(), r.GetEmail(), r.GetCompany(), r.GetCountry(), string(r.GetTraits()),
			r.GetScore(), instant(r.GetScoredAt()), r.GetFit(), r.GetGrade(), r.GetStage(), r.GetSubStage(), instant(r.GetStageSince()), instant(r.GetFirstSeen()), instant(r.GetLastSeen()), r.GetSessions(), r.GetLastType(), r.GetLastName(), r.GetLastPath(), r.GetLastRule(), r.GetFlags(),
			rules, groups, interests, values, anchors, halves, names, caps, floors, r.GetBands(), falls, r.GetFallsTo(), r.GetModelVersion(), string(blob), uuidText(r.GetMergedInto())))
	}
	require.NoError(w.t, batch.Send())
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	require.NoError(w.t, w.db.Exec(w.t.Context(), sql, args...))
}

// get asks the real server; headers come in pairs.
func (w *world) get(path string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.web.URL+path, nil)
	require.NoError(w.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp, string(body)
}

// read is get for answers that must be 200 and JSON.
func (w *world) read(path string, into any) {
	w.t.Helper()
	resp, body := w.get(path)
	require.Equal(w.t, http.StatusOK, resp.StatusCode, body)
	require.Equal(w.t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	require.NoError(w.t, json.Unmarshal([]byte(body), into), body)
}

// refused is get for answers that must say no.
func (w *world) refused(path string, status int, headers ...string) refusal {
	w.t.Helper()
	resp, body := w.get(path, headers...)
	require.Equal(w.t, status, resp.StatusCode, body)
	var no refusal
	require.NoError(w.t, json.Unmarshal([]byte(body), &no), body)
	require.NotEmpty(w.t, no.Word)
	require.NotEmpty(w.t, no.Message)
	return no
}

// names are the leads of a list, by the name they were made with.
func (w *world) names(query string) []string {
	w.t.Helper()
	var answer listAnswer
	w.read("/v1/leads"+query, &answer)
	names := []string{}
	for _, l := range answer.Leads {
		names = append(names, strings.TrimPrefix(l.AnonymousID, "anon-"))
	}
	return names
}

func (w *world) id(name string) string { return schemas.NewLeadID("demo/" + name).String() }

func withToken(c *Config, _ *Deps) { c.Tokens = []config.Secret{"an old token 0000", secretToken} }

const secretToken = "s3cret token 1234"
