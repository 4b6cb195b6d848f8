// Command build turns tracker/src into tracker/dist/tracker.js, the file the collector serves.
//
// Run it with `go generate ./tracker`. The result is committed, so that `go build` needs no tool and no
// network; a test builds it again and compares the bytes, so that it cannot drift from its source.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	folder := "."
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	if err := write(folder); err != nil {
		fmt.Fprintln(os.Stderr, "tracker:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	script, err := bundle(filepath.Join(folder, "src", "main.ts"))
	if err != nil {
		return err
	}
	out := filepath.Join(folder, "dist", "tracker.js")
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, script, 0o644)
}

// bundle makes one minified script of the source. es2018 is what every browser since 2018 reads; the try
// around everything keeps a browser that cannot start us from reporting an error of the page.
func bundle(entry string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{entry},
		Bundle:            true,
		Format:            api.FormatIIFE,
		Target:            api.ES2018,
		Charset:           api.CharsetUTF8,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		TsconfigRaw:       `{"compilerOptions":{"strict":true,"alwaysStrict":false}}`,
		Banner:            map[string]string{"js": "try{"},
		Footer:            map[string]string{"js": "}catch(e){}"},
	})
	if len(result.Errors) > 0 {
		messages := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return nil, fmt.Errorf("the tracker does not build:\n%s", messages)
	}
	if len(result.OutputFiles) != 1 {
		return nil, fmt.Errorf("esbuild made %d files of %s, 1 was expected", len(result.OutputFiles), entry)
	}
	return result.OutputFiles[0].Contents, nil
}
