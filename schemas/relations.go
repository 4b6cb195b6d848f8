package schemas

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Relations are the names of all that the migrations make, in order: tables whose rows are a site's, views of them, and tables
// that are of no site.
func Relations() (tables, views, common []string) {
	made := regexp.MustCompile(`(?m)^CREATE (TABLE|VIEW|OR REPLACE VIEW) (?:IF NOT EXISTS )?([a-z_]+)\s*(?:\(\s*(\w+))?`)
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
			switch {
			case m[1] != "TABLE":
				views = append(views, m[2])
			case m[3] == "site": // the first column of each
				tables = append(tables, m[2])
			default:
				common = append(common, m[2])
			}
		}
	}
	slices.Sort(tables)
	slices.Sort(views)
	slices.Sort(common)
	return tables, views, common
}
