package tracker

import (
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
)

// A page of the demo that lacks the tag would silently miss from the newcomer's first impression.
func TestEveryDemoPageCarriesTheTracker(t *testing.T) {
	for name, html := range pages(t) {
		want := strings.Repeat("../", strings.Count(name, "/")+1) + "tracker.js"
		if !strings.Contains(html, `src="`+want+`" data-key="demo"`) {
			t.Errorf("%s does not load %s with key demo", name, want)
		}
	}
}

var reference = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)

// Nothing is loaded from elsewhere, and no link of the site is broken.
func TestDemoLinksStayInside(t *testing.T) {
	for name, html := range pages(t) {
		for _, match := range reference.FindAllStringSubmatch(html, -1) {
			target, err := url.Parse(match[1])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			switch {
			case target.Scheme == "mailto", match[1] == "#", strings.HasSuffix(target.Path, "/tracker.js"):
			case target.Scheme != "":
				if !strings.Contains(html, `<a href="`+match[1]+`" data-leads`) {
					t.Errorf("%s points outside the site: %s", name, match[1])
				}
			default:
				file := path.Join(path.Dir(name), target.Path)
				if _, err := fs.Stat(Demo(), file); err != nil {
					t.Errorf("%s links to %s, which is not there", name, match[1])
				}
			}
		}
		if strings.Contains(html, "<style") || strings.Contains(html, " style=") || regexp.MustCompile(`<script>|\son\w+="`).MatchString(html) {
			t.Errorf("%s has inline style or script, which the site's own policy forbids", name)
		}
	}
}

func TestDemoHandler(t *testing.T) {
	cases := map[string]struct {
		status int
		kind   string
	}{
		"/demo/":                        {200, "text/html; charset=utf-8"},
		"/demo/pricing.html":            {200, "text/html; charset=utf-8"},
		"/demo/docs/":                   {200, "text/html; charset=utf-8"},
		"/demo/site.css":                {200, "text/css; charset=utf-8"},
		"/demo/emberline-datasheet.pdf": {200, "application/pdf"},
		"/demo/none.html":               {404, "text/plain; charset=utf-8"},
		"/demo/../script.go":            {404, "text/plain; charset=utf-8"},
		"/demo/%2e%2e/dist/tracker.js":  {404, "text/plain; charset=utf-8"},
	}
	for path, want := range cases {
		got := serve(DemoHandler(), "GET", path, nil)
		if got.StatusCode != want.status || got.Header.Get("Content-Type") != want.kind {
			t.Errorf("GET %s: %d %q, want %d %q", path, got.StatusCode, got.Header.Get("Content-Type"), want.status, want.kind)
		}
		if !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("GET %s has no policy", path)
		}
	}
}

func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(Demo(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".html") {
			return err
		}
		bytes, err := fs.ReadFile(Demo(), name)
		found[name] = string(bytes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d pages are embedded", len(found))
	}
	return found
}
