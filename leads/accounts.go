package leads

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Account is a company in one track: view accounts of an instant. The key is the company's name as its people gave it, in
// small letters, else the domain of a business e-mail address.
type Account struct {
	Account      string   `json:"account"`
	Site         string   `json:"site"`
	Track        string   `json:"track"`
	Name         string   `json:"name"`
	Domains      []string `json:"domains"`
	People       uint64   `json:"people"`
	ActivePeople uint64   `json:"active_people"`
	// The people's positive scores from the highest down, each worth half of the one before; at most 100.
	Score      float64    `json:"score"`
	Engagement uint8      `json:"engagement"`
	Fit        string     `json:"fit"`
	Grade      string     `json:"grade"`
	Best       BestPerson `json:"best"`
	LastSeen   time.Time  `json:"last_seen"`
	News       News       `json:"news"`
}

// BestPerson is whom to call at an account.
type BestPerson struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

// News is what market signals said of an account in the last 90 days.
type News struct {
	Count uint64     `json:"count"`
	Kinds []string   `json:"kinds"`
	Title string     `json:"title"`
	At    *time.Time `json:"at"`
}

// accountParams is a request for accounts, checked.
type accountParams struct {
	Site, Track, Search string
	MinScore            *float64
	Limit               int
	After               *accountPosition
	AsOf                time.Time
}

// accountWords are the parameters of GET /v1/accounts. token is the door's.
var accountWords = []string{"site", "track", "min_score", "q", "limit", "cursor", "token"}

// accountPosition is where a page of accounts ended, and the instant of the first page.
type accountPosition struct {
	AsOf    int64  `json:"at"` // Unix ms
	Key     uint64 `json:"k"`  // the score's bits
	Seen    int64  `json:"l"`  // Unix ms
	Place   uint64 `json:"p"`  // the account's hash: names are too long for a cursor
	Filters string `json:"f"`
}

func parseAccounts(values url.Values, at time.Time) (accountParams, []string) {
	r := &reader{values: values}
	r.only(accountWords)
	p := accountParams{
		Site: r.text("site"), Track: r.text("track"), Search: r.text("q"), MinScore: r.score("min_score"),
		Limit: r.number("limit", defaultLimit, 1, maxLimit), AsOf: at,
	}
	text := r.values.Get("cursor")
	if text == "" {
		return p, r.faults
	}
	var after accountPosition
	switch err := unseal(text, &after); {
	case err != nil || !plausible(after.AsOf) || !plausible(after.Seen) || !(math.Abs(math.Float64frombits(after.Key)) <= 100):
		r.fault("cursor: %s; start again without it", errCursor)
	case after.Filters != filterMark(values):
		r.fault("cursor: belongs to a request with other filters; send the same ones, or start again without it")
	default:
		p.After, p.AsOf = &after, instant(after.AsOf)
	}
	return p, r.faults
}

// accountQuery asks for one page of accounts and one account more.
type accountQuery struct{ accountParams }

// sql ends ties by a hash of the key: an order that stands still, by a number that fits into a cursor.
func (q accountQuery) sql() (string, []any) {
	c := &conditions{stored: []string{"1"}, args: []any{clickhouse.Named("as_of", q.AsOf), clickhouse.Named("limit", uint64(q.Limit+1))}}
	when := func(ok bool, condition, name string, value any) { c.when(ok, &c.stored, condition, name, value) }
	when(q.Site != "", "site = {site:String}", "site", q.Site)
	when(q.Track != "", "track = {track:String}", "track", q.Track)
	when(q.Search != "", `positionCaseInsensitiveUTF8(concat(account, '\n', name, '\n', arrayStringConcat(domains, '\n'), '\n', best_name), {q:String}) > 0`, "q", q.Search)
	if q.MinScore != nil {
		when(true, "score >= {min_score:Float64}", "min_score", *q.MinScore)
	}
	if q.After != nil {
		c.stored = append(c.stored, `(score < reinterpretAsFloat64({after_key:UInt64}) OR score = reinterpretAsFloat64({after_key:UInt64})
       AND (last_seen < {after_seen:DateTime64(3, 'UTC')} OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND place > {after_place:UInt64}))`)
		c.args = append(c.args, clickhouse.Named("after_key", q.After.Key), clickhouse.Named("after_seen", instant(q.After.Seen)), clickhouse.Named("after_place", q.After.Place))
	}
	return `SELECT account, site, track, name, domains, people, active_people, score, engagement, fit, grade,
       best_lead, best_name, best_score, last_seen, signals, signal_kinds, signal_title, signal_at,
       cityHash64(site, track, account) AS place
FROM accounts_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE ` + strings.Join(c.stored, "\n  AND ") + `
ORDER BY score DESC, last_seen DESC, place
LIMIT {limit:UInt64}`, c.args
}

// accounts reads a page and the next page's cursor, "" at the end.
func (s *Service) accounts(ctx context.Context, p accountParams, mark string) (page []Account, next string, err error) {
	text, args := accountQuery{p}.sql()
	rows, err := s.deps.DB.Query(ctx, text, args...)
	if err != nil {
		return nil, "", fmt.Errorf("list accounts: %w", err)
	}
	defer rows.Close()
	page = []Account{}
	var last uint64
	for rows.Next() {
		var a Account
		var place uint64
		err := rows.Scan(&a.Account, &a.Site, &a.Track, &a.Name, &a.Domains, &a.People, &a.ActivePeople, &a.Score, &a.Engagement, &a.Fit, &a.Grade,
			&a.Best.ID, &a.Best.Name, &a.Best.Score, &a.LastSeen, &a.News.Count, &a.News.Kinds, &a.News.Title, &a.News.At, &place)
		if err != nil {
			return nil, "", fmt.Errorf("list accounts: %w", err)
		}
		if len(page) == p.Limit {
			end := page[len(page)-1]
			return page, seal(accountPosition{p.AsOf.UnixMilli(), math.Float64bits(end.Score), end.LastSeen.UnixMilli(), last, mark}), nil
		}
		page, last = append(page, a), place
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list accounts: %w", err)
	}
	return page, "", nil
}

func (s *Service) getAccounts(w http.ResponseWriter, r *http.Request) {
	p, faults := parseAccounts(r.URL.Query(), now())
	if len(faults) > 0 {
		badParameters(w, faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	page, next, err := s.accounts(ctx, p, filterMark(r.URL.Query()))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.metrics.rows.WithLabelValues("GET /v1/accounts").Add(float64(len(page)))
	writeJSON(w, http.StatusOK, struct {
		AsOf       time.Time `json:"as_of"`
		Accounts   []Account `json:"accounts"`
		NextCursor string    `json:"next_cursor"`
	}{p.AsOf, page, next})
}
