package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/clickhouse"
	"leadstream/leads"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// One beacon in, one lead out: over HTTP, the broker's wire, ClickHouse, HTTP.
func TestABeaconBecomesALeadWithReasons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t, "--set", "ingest.dedup.window=0s") // so that the repeat comes as far as scoring, which counts it once
	now := time.Now()
	body := `{"events":[` + pageEvent("e1", "ann", "/pricing", now) + `,` + pageEvent("e2", "ann", "/docs/start", now) + `]}`
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", body))
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", body), "a repeat is accepted")

	id := schemas.NewLeadID("demo/ann").String()
	var page struct{ Lead leads.Lead }
	require.Eventually(t, func() bool {
		return h.getJSON(t, "/v1/leads/"+id, &page) == http.StatusOK && page.Lead.Score > 0
	}, time.Minute, 20*time.Millisecond)
	// The two pages may be scored in two transactions, and be rows a moment apart.
	var explanation schemas.Explanation
	require.Eventually(t, func() bool {
		explanation = schemas.Explanation{}
		if h.getJSON(t, "/v1/leads/"+id+"/explain", &explanation) != http.StatusOK {
			return false
		}
		found := map[string]bool{}
		for _, r := range explanation.Rules {
			found[r.Rule] = true
		}
		return found["pricing"] && found["docs"]
	}, time.Minute, 20*time.Millisecond, "pricing and docs are its reasons")
	h.sameInEveryPlace(t)
	require.NotEmpty(t, explanation.Sentence)
	require.NotEmpty(t, explanation.SentenceZH)

	status, out, errs := runWords(t, append([]string{"tail", "events"}, h.flags()...)...)
	require.Zero(t, status, errs)
	require.Equal(t, 4, strings.Count(out, `"anonymous_id":"ann"`), out)
	require.Zero(t, h.stop(), "Ctrl-C is an orderly end")
}

// sameInEveryPlace reads the topics back with kafka-go and holds four answers
// against each other, for every lead: the events folded one after the other,
// the ledger folded in Go, the ledger folded in SQL, and the state in SQL.
func (h *house) sameInEveryPlace(t *testing.T) {
	t.Helper()
	broker, db := h.ports["kafka-listen"], h.clickhouse(t)
	m := model.Default()
	events, oracle := oracleOf(t, m, topicRecords(t, broker, schemas.TopicEvents))
	ledger := map[schemas.LeadID][]*pb.LedgerRow{}
	for _, value := range topicRecords(t, broker, schemas.TopicLedger) {
		row := new(pb.LedgerRow)
		require.NoError(t, proto.Unmarshal(value, row))
		ledger[schemas.LeadID(row.LeadId)] = append(ledger[schemas.LeadID(row.LeadId)], row)
	}
	at := time.Now().Add(36 * time.Hour).Truncate(time.Millisecond)
	for id, lead := range oracle {
		score := m.Score(lead, at.UnixMilli())
		require.Equal(t, math.Float64bits(score), math.Float64bits(model.FoldLedger(ledger[id], at.UnixMilli())),
			"%s: the events fold to %v, the ledger to something else", id, score)
	}
	require.Eventually(t, func() bool {
		var stored uint64
		err := db.QueryRow(t.Context(), "SELECT uniqExact(event_id) FROM events").Scan(&stored)
		return err == nil && int(stored) == events
	}, time.Minute, 50*time.Millisecond, "all %d distinct events must be stored", events)
	for _, view := range []string{"lead_score_at", "leads_at"} {
		require.Eventually(t, func() bool { return scoresAgree(t, db, view, at, m, oracle) == "" }, time.Minute, 200*time.Millisecond,
			"view %s: %s", view, scoresAgree(t, db, view, at, m, oracle))
	}
}

// oracleOf folds the topic's events one after the other, and counts the distinct ones.
func oracleOf(t *testing.T, m *model.Model, values [][]byte) (distinct int, leads map[schemas.LeadID]*model.Lead) {
	t.Helper()
	ids := map[string]bool{}
	leads = map[schemas.LeadID]*model.Lead{}
	for _, value := range values {
		ev := new(pb.Event)
		require.NoError(t, proto.Unmarshal(value, ev))
		ids[ev.EventId] = true
		id := schemas.NewLeadID(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId))
		if leads[id] == nil {
			leads[id] = model.NewLead(id, ev.Site)
		}
		m.Apply(leads[id], ev, &pb.Source{})
	}
	return len(ids), leads
}

// scoresAgree is "" when a view has exactly the oracle's leads, each with its score.
func scoresAgree(t *testing.T, db clickhouse.Conn, view string, at time.Time, m *model.Model, oracle map[schemas.LeadID]*model.Lead) string {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT toString(lead_id), score FROM "+view+"(at = ?)", at.UTC().Format("2006-01-02 15:04:05.000"))
	require.NoError(t, err)
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var text string
		var score float64
		require.NoError(t, rows.Scan(&text, &score))
		id, err := schemas.ParseLeadID(text)
		require.NoError(t, err)
		lead := oracle[id]
		if lead == nil {
			return text + " has no event"
		}
		if want := m.Score(lead, at.UnixMilli()); math.Abs(score-want) > 1e-9 {
			return fmt.Sprintf("%s: %v, the oracle says %v", text, score, want)
		}
		seen++
	}
	require.NoError(t, rows.Err())
	if seen != len(oracle) {
		return fmt.Sprintf("%d leads, the oracle has %d", seen, len(oracle))
	}
	return ""
}

func (h *house) clickhouse(t testing.TB) clickhouse.Conn {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr = h.ports["clickhouse-listen"]
	db, err := clickhouse.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// topicRecords reads all committed records of a topic with kafka-go, in the
// order of each partition.
func topicRecords(t *testing.T, broker, topic string) [][]byte {
	t.Helper()
	conn, err := kafka.DialContext(t.Context(), "tcp", broker)
	require.NoError(t, err)
	defer conn.Close()
	partitions, err := conn.ReadPartitions(topic)
	require.NoError(t, err)
	require.Len(t, partitions, schemas.DefaultPartitions)
	var values [][]byte
	for _, p := range partitions {
		values = append(values, partitionRecords(t, broker, topic, p.ID)...)
	}
	return values
}

func partitionRecords(t *testing.T, broker, topic string, partition int) (values [][]byte) {
	t.Helper()
	leader, err := kafka.DialLeader(t.Context(), "tcp", broker, topic, partition)
	require.NoError(t, err)
	first, last, err := leader.ReadOffsets()
	leader.Close()
	require.NoError(t, err)
	if first >= last {
		return nil
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{broker}, Topic: topic, Partition: partition,
		MinBytes: 1, MaxBytes: 10 << 20, MaxWait: 100 * time.Millisecond, IsolationLevel: kafka.ReadCommitted,
	})
	defer reader.Close()
	require.NoError(t, reader.SetOffset(first))
	for {
		// The last offset may be a transaction's marker, which no reader sees.
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		m, err := reader.ReadMessage(ctx)
		cancel()
		if err != nil {
			return values
		}
		if !marker(m) {
			values = append(values, m.Value)
		}
		if m.Offset+1 >= last {
			return values
		}
	}
}

// The simulator knows its answers beforehand: as many stored as sent, and every
// visitor where the plan puts it. Playing it twice changes nothing.
func TestSimulatedVisitorsComeOutAsPlanned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	simulation := append([]string{"simulate", "--seed", "42", "--visitors", "60", "--past", "60"}, h.flags()...)
	for range 2 {
		status, out, errs := runWords(t, simulation...)
		require.Zero(t, status, "%s%s", out, errs)
		require.Contains(t, out, "60 of 60 stand where their plan puts them")
	}
	status, out, errs := runWords(t, append([]string{"report", "funnel"}, h.flags()...)...)
	require.Zero(t, status, errs)
	require.Contains(t, out, "意向")
	status, out, errs = runWords(t, append([]string{"report", "forecast", "--format", "json"}, h.flags()...)...)
	require.Zero(t, status, errs)
	require.Contains(t, out, `"wins"`)
}

// Two instances with their own ports and folders do not see each other; two on
// the same ports are told so in one sentence each.
func TestTwoInstancesSideBySide(t *testing.T) {
	t.Parallel()
	a, b := newHouse(t), newHouse(t)
	a.up(t)
	b.up(t)
	require.Equal(t, http.StatusOK, a.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("only-a", "ann", "/pricing", time.Now())+`]}`))
	id := schemas.NewLeadID("demo/ann").String()
	var page struct{ Lead leads.Lead }
	require.Eventually(t, func() bool { return a.getJSON(t, "/v1/leads/"+id, &page) == http.StatusOK }, time.Minute, 20*time.Millisecond)
	require.Equal(t, http.StatusNotFound, b.getJSON(t, "/v1/leads/"+id, &page))

	second := newHouse(t)
	for _, flag := range houseFlags[1:] {
		second.ports[flag] = freeAddrs(t, 1)[0]
	}
	second.ports["ingest-listen"] = a.ports["ingest-listen"]
	p := start(t, append([]string{"all"}, second.flags()...)...)
	require.Equal(t, 1, p.wait(time.Minute))
	last := lastLine(p.out.String())
	_, port, _ := strings.Cut(a.ports["ingest-listen"], ":")
	require.Contains(t, last, "port "+port)
	require.Contains(t, last, "--ingest-listen")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
