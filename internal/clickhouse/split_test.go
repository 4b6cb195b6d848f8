package clickhouse

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// texts is what the server would be sent.
func texts(t *testing.T, sql string) []string {
	t.Helper()
	statements, err := split(sql)
	require.NoError(t, err)
	var out []string
	for _, one := range statements {
		out = append(out, one.text)
	}
	return out
}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		sql  string
		want []string
	}{
		"nothing":                        {"", nil},
		"comments alone":                 {"-- a;\n/* b; */ # c;\n;;", nil},
		"one without a semicolon":        {"SELECT 1", []string{"SELECT 1"}},
		"two":                            {"SELECT 1;\nSELECT 2;\n", []string{"SELECT 1", "SELECT 2"}},
		"two on a line":                  {"SELECT 1; SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		"in a string":                    {"SELECT 'a;b'; SELECT 2", []string{"SELECT 'a;b'", "SELECT 2"}},
		"after a doubled quote":          {"SELECT 'it''s;'; SELECT 2", []string{"SELECT 'it''s;'", "SELECT 2"}},
		"after a backslashed quote":      {`SELECT 'it\'s;'; SELECT 2`, []string{`SELECT 'it\'s;'`, "SELECT 2"}},
		"after a backslash at the end":   {`SELECT '\\'; SELECT 2`, []string{`SELECT '\\'`, "SELECT 2"}},
		"in a quoted name":               {"SELECT `a;b`, \"c;d\"; SELECT 2", []string{"SELECT `a;b`, \"c;d\"", "SELECT 2"}},
		"in a line comment":              {"SELECT 1 -- it's; fine\n, 2; SELECT 3", []string{"SELECT 1 -- it's; fine\n, 2", "SELECT 3"}},
		"in a block comment":             {"SELECT 1 /* it's; fine */, 2; SELECT 3", []string{"SELECT 1 /* it's; fine */, 2", "SELECT 3"}},
		"in a heredoc":                   {"SELECT $x$ a;'b $y$ $x$; SELECT 2", []string{"SELECT $x$ a;'b $y$ $x$", "SELECT 2"}},
		"a dash that is no comment":      {"SELECT 3 - 1; SELECT 2", []string{"SELECT 3 - 1", "SELECT 2"}},
		"a comment marker in a string":   {"SELECT '--', '/*'; SELECT 2", []string{"SELECT '--', '/*'", "SELECT 2"}},
		"a comment before the statement": {"-- why;\nSELECT 1;", []string{"SELECT 1"}},
		"a parameter":                    {"SELECT {at:DateTime64(3)}; SELECT 2", []string{"SELECT {at:DateTime64(3)}", "SELECT 2"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, texts(t, tc.sql)) })
	}
}

func TestSplitTellsTheLine(t *testing.T) {
	statements, err := split("-- one\n\nSELECT 'a\nb';\n\n/* x\n */ SELECT 2;")
	require.NoError(t, err)
	require.Len(t, statements, 2)
	require.Equal(t, 3, statements[0].line)
	require.Equal(t, 7, statements[1].line)
}

func TestSplitRefusesWhatIsNotClosed(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1;\nSELECT 'abc;": "line 2: ' is not closed",
		"SELECT `abc":             "line 1: ` is not closed",
		"\n\n/* abc":              "line 3: comment is not closed",
		"SELECT $x$ abc":          "line 1: $x$ is not closed",
	} {
		_, err := split(sql)
		require.EqualError(t, err, want, "%q", sql)
	}
}

// A better comment is no drift; a changed word, and a changed blank inside a string, is.
func TestCanonicalForgetsCommentsAndBlanksOnly(t *testing.T) {
	canonical := func(sql string) string {
		statements, err := split(sql)
		require.NoError(t, err)
		require.Len(t, statements, 1)
		return statements[0].canonical
	}
	base := canonical("SELECT 'a b', 2")
	require.Equal(t, base, canonical("-- why\nSELECT  'a b', -- this\r\n\t2\n;"))
	require.Equal(t, base, canonical("SELECT/* x */'a b', 2 ;"))
	require.NotEqual(t, base, canonical("SELECT 'a  b', 2"))
	require.NotEqual(t, base, canonical("SELECT 'a b', 3"))
}

// Whatever a file holds, the splitter ends, and gives back nothing that the file does not say.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"SELECT 1; -- x\nSELECT 'a;''b\\'';", "/* ; */ $a$;$a$ `;`", "'", "$", "--"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		statements, err := split(sql)
		if err != nil {
			return
		}
		for _, one := range statements {
			require.Contains(t, sql, one.text)
			again, err := split(one.text)
			require.NoError(t, err)
			require.Len(t, again, 1, "a statement is one statement")
			require.Equal(t, one.canonical, again[0].canonical)
		}
	})
}
