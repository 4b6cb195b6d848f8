package web

import (
	"net/http"
	"slices"
	"strings"
)

const langCookie = "leadstream_lang"

// Choose finds the reader's language: ?lang=, which is remembered, then the cookie, then what the browser asks for.
func Choose(w http.ResponseWriter, r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); slices.Contains(Languages, lang) {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return lang
	}
	if cookie, err := r.Cookie(langCookie); err == nil && slices.Contains(Languages, cookie.Value) {
		return cookie.Value
	}
	// The first language of the header that we speak. Browsers send them in order of preference.
	for one := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(one)), ";")
		main, _, _ := strings.Cut(tag, "-")
		if slices.Contains(Languages, main) {
			return main
		}
	}
	return Languages[0]
}
