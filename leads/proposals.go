package leads

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/schemas"
)

// Pair is two leads that may be one person: a row of view identity_proposals.
type Pair struct {
	Site     string    `json:"site"`
	LeadA    Person    `json:"lead_a"`
	LeadB    Person    `json:"lead_b"`
	Reason   string    `json:"reason"`   // email, device, alias
	Evidence string    `json:"evidence"` // the address, or the device's visitor id
	Since    time.Time `json:"since"`
}

// Person is what tells two leads apart for who has to decide.
type Person struct {
	ID          string `json:"id"`
	UserID      string `json:"user_id"`
	AnonymousID string `json:"anonymous_id"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Company     string `json:"company"`
}

// pairQuery asks for the newest open proposals, with who their leads are.
type pairQuery struct {
	Site  string
	Lead  string // only those of this lead; "" = all
	Limit int
}

func (q pairQuery) sql() (string, []any) {
	args := []any{clickhouse.Named("limit", uint64(q.Limit))}
	where := []string{"1"}
	if q.Site != "" {
		where = append(where, "site = {site:String}")
		args = append(args, clickhouse.Named("site", q.Site))
	}
	if q.Lead != "" {
		where = append(where, "(lead_a = {lead:UUID} OR lead_b = {lead:UUID})")
		args = append(args, clickhouse.Named("lead", q.Lead))
	}
	return `SELECT site, lead_a, lead_b, reason, evidence, since
FROM identity_proposals
WHERE ` + strings.Join(where, " AND ") + `
ORDER BY since DESC, lead_a, lead_b, reason
LIMIT {limit:UInt64}`, args
}

// personQuery asks who some leads are.
type personQuery struct{ Leads []string }

func (q personQuery) sql() (string, []any) {
	return `SELECT lead_id, any(user_id), any(anonymous_id), any(name), any(email), any(company)
FROM lead_state FINAL
WHERE lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
GROUP BY lead_id`, []any{clickhouse.Named("leads", q.Leads)}
}

func (s *Service) pairs(ctx context.Context, q pairQuery) ([]Pair, error) {
	text, args := q.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list proposals: %w", err)
	}
	defer rows.Close()
	pairs, ids := []Pair{}, []string{}
	for rows.Next() {
		var p Pair
		if err := rows.Scan(&p.Site, &p.LeadA.ID, &p.LeadB.ID, &p.Reason, &p.Evidence, &p.Since); err != nil {
			return nil, fmt.Errorf("list proposals: %w", err)
		}
		pairs, ids = append(pairs, p), append(ids, p.LeadA.ID, p.LeadB.ID)
	}
	if err := rows.Err(); err != nil || len(pairs) == 0 {
		return pairs, err
	}
	people, err := s.people(ctx, ids)
	for i := range pairs {
		pairs[i].LeadA, pairs[i].LeadB = people[pairs[i].LeadA.ID], people[pairs[i].LeadB.ID]
	}
	return pairs, err
}

func (s *Service) people(ctx context.Context, ids []string) (map[string]Person, error) {
	text, args := personQuery{ids}.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read the leads of proposals: %w", err)
	}
	defer rows.Close()
	people := map[string]Person{}
	for _, id := range ids {
		people[id] = Person{ID: id} // erased meanwhile
	}
	for rows.Next() {
		var p Person
		if err := rows.Scan(&p.ID, &p.UserID, &p.AnonymousID, &p.Name, &p.Email, &p.Company); err != nil {
			return nil, fmt.Errorf("read the leads of proposals: %w", err)
		}
		people[p.ID] = p
	}
	return people, rows.Err()
}

// pairWords are the parameters of GET /v1/proposals. token is the door's.
var pairWords = []string{"site", "lead", "limit", "token"}

func parsePairs(values url.Values) (pairQuery, []string) {
	r := &reader{values: values}
	r.only(pairWords)
	q := pairQuery{Site: r.text("site"), Lead: r.text("lead"), Limit: r.number("limit", defaultLimit, 1, maxLimit)}
	if _, err := schemas.ParseLeadID(q.Lead); err != nil && q.Lead != "" {
		r.fault("%v", err)
	}
	return q, r.faults
}

func (s *Service) getProposals(w http.ResponseWriter, r *http.Request) {
	q, faults := parsePairs(r.URL.Query())
	if len(faults) > 0 {
		badParameters(w, faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	pairs, err := s.pairs(ctx, q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.metrics.rows.WithLabelValues("GET /v1/proposals").Add(float64(len(pairs)))
	writeJSON(w, http.StatusOK, struct {
		Proposals []Pair `json:"proposals"`
	}{pairs})
}
