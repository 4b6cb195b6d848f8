package leads

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"strings"

	"leadstream/internal/config"
)

// door decides who comes in.
type door struct {
	tokens   []string
	sessions []string // what a cookie carries in a token's place
}

const sessionCookie = "leadstream_session"

func newDoor(tokens []config.Secret) *door {
	d := &door{}
	for _, token := range tokens {
		d.tokens = append(d.tokens, token.Reveal())
		d.sessions = append(d.sessions, session(token.Reveal()))
	}
	return d
}

// session is derived from the token, so that it outlives a restart without being kept, ends when the token is withdrawn, and
// does not give the token away to whoever reads the cookie jar.
func session(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("leadstream web session 1"))
	return hex.EncodeToString(mac.Sum(nil))
}

// guarded tells whether a token is asked for.
func (d *door) guarded() bool { return len(d.tokens) > 0 }

// knows compares against all tokens, always, in constant time.
func knows(all []string, given string) bool {
	found := 0
	sum := sha256.Sum256([]byte(given))
	for _, one := range all {
		want := sha256.Sum256([]byte(one))
		found |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return found == 1
}

// admits tells whether a request may pass.
//
// Without tokens the address is loopback, and the Host header must be too: a web page that points its own name at 127.0.0.1
// (DNS rebinding) would otherwise read all leads through the visitor's browser. A request that came through a proxy is not
// from this machine, whatever address the proxy calls us by.
func (d *door) admits(r *http.Request) bool {
	if !d.guarded() {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return loopback(host) && !proxied(r.Header)
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && knows(d.tokens, token) {
		return true
	}
	if token := r.URL.Query().Get("token"); token != "" && knows(d.tokens, token) {
		return true
	}
	cookie, err := r.Cookie(sessionCookie)
	return err == nil && knows(d.sessions, cookie.Value)
}

// proxied tells whether the request says that somebody handed it on.
func proxied(h http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// greet sets the cookie for a token that was given in the URL or the login form.
func (d *door) greet(w http.ResponseWriter, r *http.Request, token string) bool {
	if !knows(d.tokens, token) {
		return false
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: session(token), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
		MaxAge: 30 * 24 * 3600,
	})
	return true
}

// withoutToken is the same address without the secret in it.
func withoutToken(u *url.URL) string {
	query := u.Query()
	query.Del("token")
	clean := url.URL{Path: u.Path, RawQuery: query.Encode()}
	return clean.String()
}

// localPath keeps a login from sending people to another site: only a path on this one is a place to go on to.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return next
}
