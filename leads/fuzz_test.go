package leads

import (
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzCursor(f *testing.F) {
	good := position{1_700_000_000_000, "score", math.Float64bits(61.5), 1_700_000_000_000, "0f5cbd2a-7e1b-8c3d-9a4e-5b6c7d8e9f00", "main", "f00"}
	f.Add(good.encode())
	f.Add("")
	f.Add("e30")
	f.Add("eyJhdCI6MX0")
	f.Add(strings.Repeat("A", maxCursor+1))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decodeCursor(text)
		if err != nil {
			return
		}
		// What was let in is a place that a query can be asked about, and it survives the way out and back.
		again, err := decodeCursor(p.encode())
		if len(p.encode()) <= maxCursor && (err != nil || again != p) {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
		text, args := listQuery{listParams{Sort: p.Sort, Limit: 1, After: &p, AsOf: instant(p.AsOf)}}.sql()
		if strings.Contains(text, p.Lead) || len(args) == 0 {
			t.Fatal("a value of the cursor is part of the SQL")
		}
	})
}

func FuzzListParams(f *testing.F) {
	for _, query := range []string{
		"", "stage=intent,aware&grade=A,B1&min_score=50&since=7d&q=ada&sort=last_seen&limit=10&format=csv", "grade=%3F1,X", "since=2026-01-31T09:00:00+08:00",
		"since=1e308d", "min_score=nan", "min_score=0x1p-1074", "stage=&stage=,,,", "limit=-0", "cursor=e30", "q=%ff", "a=b&a=c", "since=-1d",
	} {
		f.Add(query)
	}
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		p, faults := parseList(values, path, now)
		most := maxLimit
		if p.CSV {
			most = maxLimitCSV
		}
		if p.Limit < 1 || p.Limit > most || len(p.Search) > 4*maxText || len(p.Stages) > maxChoices+1 {
			t.Fatalf("%q became %+v", raw, p)
		}
		if p.MinScore != nil && !(*p.MinScore >= -100 && *p.MinScore <= 100) {
			t.Fatalf("min_score of %q became %v", raw, *p.MinScore)
		}
		if !p.Since.IsZero() && (p.Since.Year() < 1900 || p.Since.Year() > 2200) {
			t.Fatalf("since of %q became %v", raw, p.Since)
		}
		if len(faults) == 0 {
			again, _ := parseList(values, path, now)
			text, _ := listQuery{p}.sql()
			twice, _ := listQuery{again}.sql()
			if text != twice {
				t.Fatal("one request, two questions")
			}
		}
		if formOf(values).Get("cursor") == "" && strings.Contains(csvLink(values), "cursor=") {
			t.Fatal("a file of a whole list begins at its beginning")
		}
	})
}

func FuzzLocalPath(f *testing.F) {
	for _, next := range []string{"/", "//evil", "/leads/x?a=b", `/\evil`, "http://evil", "/%2f%2fevil", "/a//b", "\t//evil"} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		here, _ := url.Parse("http://localhost:8090/login")
		to, err := here.Parse(localPath(next))
		if err != nil || to.Host != here.Host || to.Scheme != "http" {
			t.Fatalf("%q leads to %v, %v", next, to, err)
		}
	})
}
