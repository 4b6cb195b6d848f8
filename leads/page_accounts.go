package leads

import (
	"context"
	"net/http"
	"net/url"
)

// accountsPage is what the page of accounts shows.
type accountsPage struct {
	Accounts      []Account
	Sites, Tracks []string
	Several       bool
	Form          url.Values
	Faults        []string
	Next          string
}

func (s *Service) pageAccounts(w http.ResponseWriter, r *http.Request) {
	form := formOf(r.URL.Query())
	p, faults := parseAccounts(form, now())
	p.Limit = min(p.Limit, 200) // as the hot list
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	crowds, err := s.crowds(ctx)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	var choices hotPage
	choices.gather(crowds, nil, s.trackNames())
	page := accountsPage{Sites: choices.Sites, Tracks: choices.Tracks, Several: choices.Several, Form: form, Faults: faults}
	status := http.StatusBadRequest
	if len(faults) == 0 {
		status = http.StatusOK
		var next string
		if page.Accounts, next, err = s.accounts(ctx, p, filterMark(form)); err != nil {
			s.failPage(w, r, err)
			return
		}
		if next != "" {
			page.Next = address("/accounts", form, "cursor", next)
		}
	}
	s.metrics.rows.WithLabelValues("GET /accounts").Add(float64(len(page.Accounts)))
	s.show(w, r, status, "accounts", "accounts", page)
}
