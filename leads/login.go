package leads

import (
	"net/http"
)

// loginPage is the form that asks for a token.
type loginPage struct {
	Next  string
	Wrong bool
}

func (s *Service) showLogin(w http.ResponseWriter, r *http.Request, wrong bool, next string) {
	s.show(w, r, http.StatusUnauthorized, "login", "login", loginPage{Next: next, Wrong: wrong})
}

// maxForm bounds a login's body.
const maxForm = 8 << 10

func (s *Service) postLogin(w http.ResponseWriter, r *http.Request) {
	if !s.door.guarded() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		badParameters(w, []string{"the login form cannot be read"})
		return
	}
	next := localPath(r.PostForm.Get("next"))
	if !s.door.greet(w, r, r.PostForm.Get("token")) {
		s.showLogin(w, r, true, next)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// showProblem is an error as a page.
func (s *Service) showProblem(w http.ResponseWriter, r *http.Request, no refusal) {
	s.show(w, r, statusOf[no.Word], "problem", "", no)
}

// failPage answers a page's request whose handler failed.
func (s *Service) failPage(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	s.showProblem(w, r, s.refusalOf(r, err))
}
