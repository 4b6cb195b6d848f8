package schemas

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Relations are the names of all tables, and of all views, that the migrations make, in order of name.
func Relations() (tables, views []string) {
	made := regexp.MustCompile(`(?m)^CREATE (TABLE|VIEW|OR REPLACE VIEW) (?:IF NOT EXISTS )?([a-z_]+)`)
	seen := map[string]bool{}
	files := Tables()
	names, _ := fs.Glob(files, "*.sql") // the pattern is good, and the files are in the binary
	for _, name := range names {
		text, _ := fs.ReadFile(files, name)
		for _, m := range made.FindAllStringSubmatch(string(text), -1) {
			if seen[m[2]] || strings.HasSuffix(m[2], "_new") { // a table under construction takes another's name
				continue
			}
			seen[m[2]] = true
			if m[1] == "TABLE" {
				tables = append(tables, m[2])
			} else {
				views = append(views, m[2])
			}
		}
	}
	slices.Sort(tables)
	slices.Sort(views)
	return tables, views
}
