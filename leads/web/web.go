// Package web is the look of the leads app: templates, styles, script and the words on them in English and Chinese. It knows
// nothing of leads, queries or the network; leads hands it what to show.
//
// Pages work without the script; the script makes them live. Neither has a line of code or style inside the HTML, so that the
// content security policy can forbid both.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
)

//go:embed templates static
var files embed.FS

// Languages are those that the app speaks; the first is the default.
var Languages = []string{"en", "zh"}

// View is one page to be rendered.
type View struct {
	Lang    string
	Active  string // the tab of the navigation that is on
	Path    string
	Query   url.Values
	Guarded bool
	Data    any
}

// Switch is the same page in a language.
func (v View) Switch(lang string) string {
	query := url.Values{}
	for name, all := range v.Query {
		if name != "token" {
			query[name] = all
		}
	}
	query.Set("lang", lang)
	return v.Path + "?" + query.Encode()
}

// Pages are the parsed templates, one set a language.
type Pages struct {
	sets   map[string]map[string]*template.Template
	static map[string]asset
}

type asset struct {
	body        []byte
	contentType string
	mark        string // of its content, for its address and its ETag
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// New parses everything, so that a broken template stops the start and not a reader.
func New() (*Pages, error) {
	p := &Pages{sets: map[string]map[string]*template.Template{}, static: map[string]asset{}}
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(files, path.Join("static", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		sum := sha256.Sum256(body)
		p.static[entry.Name()] = asset{body, contentTypes[path.Ext(entry.Name())], hex.EncodeToString(sum[:6])}
	}
	for _, lang := range Languages {
		if p.sets[lang], err = p.parse(lang); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parse makes one set: layout and parts with each page.
func (p *Pages) parse(lang string) (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(p.funcs(lang)).ParseFS(files, "templates/layout.html", "templates/part_*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	names, err := fs.Glob(files, "templates/page_*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	set := map[string]*template.Template{}
	for _, file := range names {
		page, err := template.Must(base.Clone()).ParseFS(files, file)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "page_"), ".html")
		set[name] = page
	}
	return set, nil
}

// Render writes a page.
func (p *Pages) Render(w io.Writer, name string, view View) error {
	set, ok := p.sets[view.Lang]
	if !ok {
		set = p.sets[Languages[0]]
	}
	page, ok := set[name]
	if !ok {
		return fmt.Errorf("web: no page %q", name)
	}
	if err := page.Execute(w, view); err != nil {
		return fmt.Errorf("web: page %s: %w", name, err)
	}
	return nil
}

// Static serves styles, script and icon. Their addresses carry their content's mark, so they may be kept for ever.
func (p *Pages) Static(w http.ResponseWriter, r *http.Request) {
	file, ok := p.static[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == file.mark {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("ETag", `"`+file.mark+`"`)
	if r.Header.Get("If-None-Match") == `"`+file.mark+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(file.body)
}

// asset is a static file's address.
func (p *Pages) asset(name string) (string, error) {
	file, ok := p.static[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + name + "?v=" + file.mark, nil
}
