package leads

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// accountsAnswer is GET /v1/accounts, as a client reads it.
type accountsAnswer struct {
	AsOf       time.Time `json:"as_of"`
	Accounts   []Account `json:"accounts"`
	NextCursor string    `json:"next_cursor"`
}

// spaces are what the key makes one of.
var spaces = regexp.MustCompile(`[\s\pZ]+`)

// oracleKey is the account of a lead, by the documented words and not by the view's.
func oracleKey(r *pb.LeadRecord) (key, domain string) {
	if name, host, found := strings.Cut(strings.ToLower(r.GetEmail()), "@"); found && name != "" && !slices.Contains([]string{"gmail.com", "qq.com", "hotmail.co.uk", "vip.163.com"}, host) {
		domain = host
	}
	if key = strings.ToLower(strings.TrimSpace(spaces.ReplaceAllString(r.GetCompany(), " "))); key == "" {
		key = domain
	}
	return key, domain
}

// oracle adds up accounts in Go, from the records: research d4, "engagement = clamp(sum of positive scores * 0.5^(rank-1))".
func oracle(all []*pb.LeadRecord, at time.Time) []Account {
	people := map[[3]string][]*pb.LeadRecord{}
	for _, r := range all {
		if key, _ := oracleKey(r); key != "" && r.GetFit() != "X" {
			people[[3]string{r.GetSite(), r.GetTrack(), key}] = append(people[[3]string{r.GetSite(), r.GetTrack(), key}], r)
		}
	}
	var list []Account
	for key, group := range people {
		score := func(r *pb.LeadRecord) float64 { return newFade(r).score(float64(at.UnixMilli())) }
		slices.SortFunc(group, func(a, b *pb.LeadRecord) int {
			if sa, sb := score(a), score(b); sa != sb {
				return int(math.Copysign(1, sb-sa))
			}
			return int(b.GetLastSeen() - a.GetLastSeen())
		})
		best := group[0]
		a := Account{Site: key[0], Track: key[1], Account: key[2], Fit: "?", People: uint64(len(group)), Domains: []string{}}
		a.Best = BestPerson{schemas.LeadID(best.GetLeadId()).String(), best.GetName(), score(best)}
		fits, domains, weight := map[string]int{}, map[string]bool{}, 1.0
		for _, r := range group {
			a.Score += weight * max(0, score(r))
			weight /= 2
			if r.GetLastSeen() > at.Add(-14*24*time.Hour).UnixMilli() {
				a.ActivePeople++
			}
			if seen := instant(r.GetLastSeen()); seen.After(a.LastSeen) {
				a.LastSeen = seen
			}
			fits[r.GetFit()]++
			if _, domain := oracleKey(r); domain != "" {
				domains[domain] = true
			}
		}
		a.Score = min(100, a.Score)
		most := 0
		for _, fit := range []string{"A", "B", "C", "D"} {
			if fits[fit] > most {
				a.Fit, most = fit, fits[fit]
			}
		}
		a.Engagement = newFade(best).band(a.Score)
		a.Grade, a.Domains = gradeOf(a.Fit, a.Engagement), append(a.Domains, slices.Sorted(maps.Keys(domains))...)
		list = append(list, a)
	}
	return list
}

// manyPeople are leads of few companies, spelt and known in many ways.
func (w *world) manyPeople(n int) (all []*pb.LeadRecord) {
	rng := rand.New(rand.NewPCG(4, 4))
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	for i := range n {
		all = append(all, w.lead(fmt.Sprint(i), 70*rng.Float64()-15, func(r *pb.LeadRecord) {
			r.Site, r.Track, r.Fit, r.Name = one("demo", "shop"), one("main", "partners"), one("A", "B", "C", "D", "?", "X"), fmt.Sprintf("person %d", i)
			r.Company = one("", "", "", "Acme", " ACME\u3000 ", "Acme  Ltd", "acme\tLtd", "环球 贸易", "Œuvre")
			r.Email = one("", fmt.Sprintf("p%d@Initech.example", i), "x@gmail.com", "x@QQ.com", "x@hotmail.co.uk", "x@vip.163.com", "x@acme.example", "sha256:0123", "x@sub.initech.example")
			r.LastSeen = w.ago(time.Duration(rng.IntN(40*24)) * time.Hour)
			r.Terms[0].HalfLife, r.Terms[0].Anchor = float64(rng.IntN(3)*10), w.ago(time.Duration(rng.IntN(900))*time.Hour)
		}))
	}
	return all
}

func TestAccountsAreWhatTheOracleSays(t *testing.T) {
	w := newWorld(t)
	all := w.manyPeople(600)
	w.store(all...)
	var got accountsAnswer
	w.read("/v1/accounts?limit=1000", &got)
	want := oracle(all, got.AsOf)
	require.Greater(t, len(want), 20)
	require.Len(t, got.Accounts, len(want))
	place := func(a Account) string { return a.Site + "/" + a.Track + "/" + a.Account }
	byPlace := map[string]Account{}
	for i, a := range got.Accounts {
		byPlace[place(a)] = a
		require.True(t, i == 0 || got.Accounts[i-1].Score >= a.Score, "hottest first")
	}
	for _, a := range want {
		b, found := byPlace[place(a)]
		require.True(t, found, place(a))
		require.InDelta(t, a.Score, b.Score, 1e-9, place(a))
		require.InDelta(t, a.Best.Score, b.Best.Score, 1e-9, place(a))
		a.Score, a.Best.Score, a.Name, a.News, a.LastSeen = b.Score, b.Best.Score, b.Name, b.News, a.LastSeen.UTC()
		b.LastSeen = b.LastSeen.UTC()
		require.Equal(t, a, b)
		require.Zero(t, b.News.Count)
		require.Nil(t, b.News.At)
	}
}

func TestAccountsFilterAndPage(t *testing.T) {
	w := newWorld(t)
	w.store(w.manyPeople(600)...)
	var whole accountsAnswer
	w.read("/v1/accounts?limit=1000", &whole)
	count := func(keep func(Account) bool) (n int) {
		for _, a := range whole.Accounts {
			if keep(a) {
				n++
			}
		}
		return n
	}
	low := whole.Accounts[len(whole.Accounts)/2].Score - 0.01
	for query, keep := range map[string]func(Account) bool{
		"site=shop":                      func(a Account) bool { return a.Site == "shop" },
		"track=partners":                 func(a Account) bool { return a.Track == "partners" },
		fmt.Sprintf("min_score=%f", low): func(a Account) bool { return a.Score >= low },
		"q=ACME LTD":                     func(a Account) bool { return a.Account == "acme ltd" },
		"q=环球":                           func(a Account) bool { return a.Account == "环球 贸易" },
		"site=nowhere":                   func(Account) bool { return false },
		"q=%' OR 1=1 --":                 func(Account) bool { return false },
	} {
		name, value, _ := strings.Cut(query, "=")
		var got accountsAnswer
		w.read("/v1/accounts?"+url.Values{name: {value}}.Encode(), &got)
		require.Len(t, got.Accounts, count(keep), query)
		for _, a := range got.Accounts {
			require.True(t, keep(a), query)
		}
	}
	var paged []string
	for cursor := ""; ; {
		var page accountsAnswer
		w.read("/v1/accounts?limit=7"+cursor, &page)
		for _, a := range page.Accounts {
			paged = append(paged, a.Site+a.Track+a.Account)
		}
		if page.NextCursor == "" {
			break
		}
		require.Len(t, page.Accounts, 7)
		cursor = "&cursor=" + page.NextCursor
		no := w.refused("/v1/accounts?site=shop"+cursor, http.StatusBadRequest)
		require.Contains(t, no.Message, "other filters")
	}
	require.Len(t, paged, len(whole.Accounts))
	slices.Sort(paged)
	require.Len(t, slices.Compact(paged), len(whole.Accounts), "each on one page")
	no := w.refused("/v1/accounts?min_score=hot&limit=0&cursor=x!&stage=intent", http.StatusBadRequest)
	require.Len(t, no.Faults, 4)
}

// News counts for the account that it names by its key or by a domain of its people, once, and for 90 days.
func TestNewsOfAnAccount(t *testing.T) {
	w := newWorld(t)
	w.store(
		w.lead("a", 10, func(r *pb.LeadRecord) { r.Company, r.Email = "Acme Ltd", "a@acme.example" }),
		w.lead("b", 20, func(r *pb.LeadRecord) { r.Email = "b@globex.example" }),
		w.lead("c", 20, func(r *pb.LeadRecord) { r.Email, r.Site = "c@globex.example", "shop" }),
		// What the collectors make of news is nobody.
		w.lead("n", 20, func(r *pb.LeadRecord) { r.Company, r.UserId, r.AnonymousId = "Acme Ltd", "account:acme ltd", "" }),
	)
	for range 2 { // rows may stand twice
		w.exec(`INSERT INTO market_signals (site, account, event_id, at, kind, title) VALUES
			('demo', 'ACME  ltd', 'e1', now64(3) - INTERVAL 3 DAY, 'tender', 'Acme asks for kilns'), ('demo', 'acme.example', 'e2', now64(3) - INTERVAL 1 DAY, 'funding', 'Acme raises 5M'),
			('demo', 'acme.example', 'e3', now64(3) - INTERVAL 91 DAY, 'rival', 'old'), ('demo', 'acme', 'e4', now64(3), 'rival', 'another''s'), ('shop', 'globex.example', 'e5', now64(3) - INTERVAL 1 HOUR, 'funding', 'Globex')`)
	}
	var got accountsAnswer
	w.read("/v1/accounts?q=acme", &got)
	require.Len(t, got.Accounts, 1)
	require.EqualValues(t, 1, got.Accounts[0].People)
	require.Equal(t, "Acme Ltd", got.Accounts[0].Name)
	news := got.Accounts[0].News
	require.WithinDuration(t, time.Now().Add(-24*time.Hour), *news.At, time.Hour)
	news.At = nil
	require.Equal(t, News{2, []string{"funding", "tender"}, "Acme raises 5M", nil}, news)
	w.read("/v1/accounts?q=globex&site=demo", &got)
	require.Zero(t, got.Accounts[0].News.Count, "another site's news")

	for lang, say := range map[string][]string{"en": {"Companies by their people", "Best person", "Acme Ltd"}, "zh": {"按公司汇总", "最佳联系人", "globex.example"}} {
		page := w.page("/accounts", lang, http.StatusOK)
		for _, text := range append(say, w.id("a"), "Acme raises 5M", `href="/accounts" aria-current="page"`) {
			require.Contains(t, page, text)
		}
	}
	require.Contains(t, w.page("/accounts?min_score=x", "en", http.StatusBadRequest), "min_score: must be a number")
	require.Contains(t, w.page("/accounts?q=nobody", "en", http.StatusOK), "No company matches")
	require.Contains(t, w.page("/accounts?limit=1", "en", http.StatusOK), `href="/accounts?cursor=`)
}

func TestAccountsOfNobody(t *testing.T) {
	w := newWorld(t)
	var got accountsAnswer
	w.read("/v1/accounts", &got)
	require.Empty(t, got.Accounts)
	require.NotNil(t, got.Accounts)
	require.Contains(t, w.page("/accounts", "en", http.StatusOK), "No company yet")
}
