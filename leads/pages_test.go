package leads

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas/pb"
)

// inline is what the content security policy forbids: a page that has any is broken in the browser.
var inline = regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son[a-z]+=|\sstyle=|<style|javascript:`)

// page reads a page in a language and checks what must hold for each.
func (w *world) page(path, lang string, status int) string {
	w.t.Helper()
	resp, body := w.get(path, "Accept", "text/html", "Accept-Language", lang)
	require.Equal(w.t, status, resp.StatusCode, body)
	require.Equal(w.t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	require.True(w.t, strings.HasPrefix(body, "<!doctype html>"))
	require.Contains(w.t, body, "</html>", "rendered to the end")
	require.NotRegexp(w.t, inline, body)
	require.NotContains(w.t, body, "&lt;no value&gt;")
	require.NotContains(w.t, body, "ZgotmplZ", "the template engine found a value that it could not make safe")
	require.NotContains(w.t, body, "%!", "a broken format")
	return body
}

func TestPagesInBothLanguages(t *testing.T) {
	w := storied(t)
	w.store(w.lead("staff", 90, func(r *pb.LeadRecord) { r.Fit, r.Flags = "X", []string{"employee"} }),
		w.lead("done", 95, func(r *pb.LeadRecord) { r.Stage = "won" }))
	for lang, say := range map[string][]string{
		"en-GB,en;q=0.9":    {"Hot list", "Looked at prices", "Why this score", "Because of &lt;b&gt;prices&lt;/b&gt;.", "Timeline", "Sent form", "Expected wins", "aware", "Judge leads after", "There is no such lead"},
		"fr,zh-CN;q=0.9,en": {"热线索", "查看价格", "为什么是这个分数", "因为看了价格。", "时间线", "提交表单", "预计成交", "认知", "评估窗口", "没有这条线索"},
	} {
		hot := w.page("/", lang, http.StatusOK)
		require.Contains(t, hot, say[0])
		require.Contains(t, hot, say[1])
		require.Contains(t, hot, say[7])
		require.NotContains(t, hot, w.id("staff"), "nobody calls an employee")
		require.NotContains(t, hot, w.id("done"), "nobody calls a customer")
		lead := w.page("/leads/"+w.id("ada"), lang, http.StatusOK)
		for _, text := range []string{say[2], say[3], say[4], say[5], "42.00", "CTO", "120"} {
			require.Contains(t, lead, text)
		}
		funnel := w.page("/funnel", lang, http.StatusOK)
		require.Contains(t, funnel, say[6])
		require.Contains(t, funnel, say[8])
		require.Contains(t, w.page("/leads/"+w.id("nobody"), lang, http.StatusNotFound), say[9])
		w.page("/nothing", lang, http.StatusNotFound)
	}
	require.Contains(t, w.page("/?grade=X", "en", http.StatusOK), w.id("staff"))
	require.Contains(t, w.page("/?stage=won", "en", http.StatusOK), w.id("done"))
	require.Contains(t, w.page("/leads/"+w.id("done"), "en", http.StatusOK), `aria-current="step"><span>won</span>`)
}

func TestWhatVisitorsTypeIsText(t *testing.T) {
	w := storied(t)
	for _, path := range []string{"/", "/leads/" + w.id("ada")} {
		body := w.page(path, "en", http.StatusOK)
		require.NotContains(t, body, `<script>alert`)
		require.Contains(t, body, `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;`)
	}
	body := w.page(`/?q=%22%3E%3Cimg+src%3Dx%3E`, "en", http.StatusOK)
	require.NotContains(t, body, "<img src=x>")
}

func TestANewcomerIsToldWhatToDo(t *testing.T) {
	w := newWorld(t)
	body := w.page("/", "en", http.StatusOK)
	require.Contains(t, body, "No leads yet")
	require.Contains(t, body, `href="http://localhost:8080/demo/"`)
	require.Contains(t, w.page("/funnel", "en", http.StatusOK), "No lead has been seen yet.")
	require.Contains(t, w.page("/?min_score=99", "en", http.StatusOK), "No leads yet")
	bare := serveWorld(t, w.db, func(_ *Config, d *Deps) { d.DemoURL = "" })
	require.Contains(t, bare.page("/", "en", http.StatusOK), "tracker.js")
	w.store(w.lead("a", 1))
	require.Contains(t, w.page("/?min_score=99", "en", http.StatusOK), "No lead matches")
}

func TestBadFiltersAreShownNotSwallowed(t *testing.T) {
	w := storied(t)
	body := w.page("/?min_score=hot&q=x", "en", http.StatusBadRequest)
	require.Contains(t, body, "min_score: must be a number")
	require.Contains(t, body, `value="hot"`, "what was typed is still there to be mended")
	require.Contains(t, w.page("/funnel?window=x", "en", http.StatusOK), "window: must be a time")
}

func TestPagesLeadOn(t *testing.T) {
	w := newWorld(t)
	var many []*pb.LeadRecord
	for i := range 130 {
		many = append(many, w.lead(strings.Repeat("x", i+1), float64(i)/2))
	}
	w.store(many...)
	body := w.page("/?site=demo", "en", http.StatusOK)
	require.Equal(t, 100, strings.Count(body, "data-fade="))
	next := regexp.MustCompile(`href="(/\?cursor=[^"]+)"`).FindStringSubmatch(body)
	require.NotNil(t, next)
	second := w.page(strings.ReplaceAll(next[1], "&amp;", "&"), "en", http.StatusOK)
	require.Equal(t, 30, strings.Count(second, "data-fade="))
	require.Contains(t, second, `data-frozen="yes"`)
	require.Contains(t, body, `href="/v1/leads?format=csv&amp;site=demo"`)
}

func TestTheLanguageIsRemembered(t *testing.T) {
	w := newWorld(t)
	resp, body := w.get("/?lang=zh", "Accept-Language", "en")
	require.Contains(t, body, `lang="zh-CN"`)
	require.Equal(t, "zh", resp.Cookies()[0].Value)
	_, body = w.get("/funnel", "Cookie", resp.Cookies()[0].String(), "Accept-Language", "en")
	require.Contains(t, body, "漏斗")
	_, body = w.get("/funnel?lang=klingon", "Accept-Language", "en")
	require.Contains(t, body, "Funnel")
	require.Contains(t, body, `href="/funnel?lang=zh"`)
}

func TestStaticFilesAreKeptByTheirMark(t *testing.T) {
	w := newWorld(t, withToken)
	_, login := w.get("/", "Accept", "text/html")
	for _, file := range []string{"app.css", "app.js", "icon.svg"} {
		address := regexp.MustCompile(`/static/` + regexp.QuoteMeta(file) + `\?v=[0-9a-f]+`).FindString(login)
		require.NotEmpty(t, address, file)
		resp, body := w.get(address)
		require.Equal(t, http.StatusOK, resp.StatusCode, "the login page needs it before there is a token")
		require.NotEmpty(t, body)
		require.Contains(t, resp.Header.Get("Cache-Control"), "immutable")
		again, _ := w.get("/static/"+file, "If-None-Match", resp.Header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Contains(t, again.Header.Get("Cache-Control"), "no-cache")
	}
	resp, _ := w.get("/static/..%2f..%2fweb.go")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
