package sink

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// DESCRIBE is the analyst's manual: nothing in the database may be without a word, whichever migration made it.
func TestEveryTableViewAndColumnSaysWhatItIs(t *testing.T) {
	r := newTables(t)
	require.Equal(t, "[]", r.value("SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND comment = ''"), "no COMMENT")
	require.Equal(t, "[]", r.value("SELECT groupArray(concat(table, '.', name)) FROM system.columns WHERE database = currentDatabase() AND comment = '' AND table NOT IN (SELECT name FROM system.dictionaries WHERE database = currentDatabase())"), "no COMMENT: for a view's column ALTER TABLE ... COMMENT COLUMN")
	// The server keeps no words for columns of a dictionary: its comment names the view that has them.
	require.Equal(t, "[]", r.value("SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'identity' AND name NOT IN (SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'lead_ids')"))
	require.Contains(t, r.value("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'identity'"), "The columns are those of view lead_ids")
	// The server keeps no columns of a view with parameters: its comment names them, or the view it looks like.
	for view, with := range parameters {
		rows, err := r.conn.Query(t.Context(), "SELECT * FROM "+view+with+" LIMIT 0")
		require.NoError(t, err)
		columns := rows.Columns()
		require.NoError(t, rows.Close())
		said := r.value("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = ?", view)
		_, like, alike := strings.Cut(said, "The columns are those of view ")
		like, _, _ = strings.Cut(like, ",")
		for _, column := range columns {
			if alike {
				require.Equal(t, "1", r.value("SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = ? AND name = ?", like, column), "%s.%s", view, column)
			} else {
				require.Contains(t, said, column, "the comment of view %s names every column", view)
			}
		}
	}
}
