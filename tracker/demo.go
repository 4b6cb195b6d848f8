package tracker

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed demo
var demo embed.FS

// Demo is the demo site's files: a small company's marketing site that carries the tracker with key "demo".
func Demo() fs.FS {
	files, err := fs.Sub(demo, "demo")
	if err != nil {
		panic("tracker: " + err.Error()) // the folder is embedded under this very name
	}
	return files
}

// DemoHandler serves the demo site under /demo/.
func DemoHandler() http.Handler {
	files := http.StripPrefix("/demo/", http.FileServerFS(Demo()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Embedded files have no date: without this a browser may keep last release's page for ever.
		w.Header().Set("Cache-Control", "no-cache")
		// The tag's address is relative, so its requests stay on this host; nothing else is loaded from anywhere.
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'")
		files.ServeHTTP(w, r)
	})
}
