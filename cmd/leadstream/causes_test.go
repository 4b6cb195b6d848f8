package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

var (
	stageRowCause = regexp.MustCompile(`\.row\(([^)]*)\)|row\.(?:\w+, row\.)*Cause\b[^=\n]*=([^\n]*)`)
	causeName     = regexp.MustCompile(`schemas\.Cause(\w+)`)
)

// What the model writes as a stage row's cause is a name of schemas, each name is written, and whoever reads rows is told of each:
// in the schema of the API, in the column's comment and in docs/sql.md. (That the app has words for each is its own test.)
func TestCausesOfStagesAreTold(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "scoring/model/*.go"))
	require.NoError(t, err)
	written := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range stageRowCause.FindAllString(string(text), -1) {
			if strings.Contains(m, "= cause, a.ev") { // row() itself
				continue
			}
			named := causeName.FindStringSubmatch(m)
			require.NotNil(t, named, "%s: %s: a cause needs a name in schemas/cause.go", file, m)
			written[strings.ToLower(named[1])] = true
		}
	}
	require.ElementsMatch(t, schemas.StageCauses, keys(written))

	_, spec, found := strings.Cut(document(t, "schemas/openapi.yaml"), "cause: {type: string, enum: [")
	require.True(t, found)
	spec, _, _ = strings.Cut(spec, "]")
	require.Equal(t, schemas.StageCauses, strings.Split(spec, ", "))

	comment := document(t, "schemas/clickhouse/0025_stage_causes.sql")
	_, comment, _ = strings.Cut(comment, "COMMENT COLUMN")
	_, docs, found := strings.Cut(document(t, "docs/sql.md"), "\n`cause` is ")
	require.True(t, found)
	docs, _, _ = strings.Cut(docs, "\n\n")
	for _, cause := range schemas.StageCauses {
		require.Regexp(t, `\b`+cause+`\b`, comment)
		require.True(t, slices.Contains(ticks(docs), cause), "docs/sql.md does not say what %s is", cause)
	}
}
