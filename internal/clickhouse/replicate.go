package clickhouse

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// The same numbered files serve one server and many. In a database of engine Replicated the server itself carries
// every DDL statement to all replicas, so only two things of a file differ there: the engines that keep the rows, and
// the setting that bounds the memory of insert_deduplication_token.
var (
	engineOf = regexp.MustCompile(`(?i)\bENGINE\s*=\s*([A-Za-z]+)`)
	windowOf = regexp.MustCompile(`(?i)\bnon_replicated_deduplication_window\s*=\s*([0-9]+)`)
)

// replicatedWeek keeps the tokens by number alone, as one server does: the server's default forgets them after an hour.
const replicatedWeek = "replicated_deduplication_window_seconds = 604800"

// replicate writes one statement for a database of engine Replicated. Strings, quoted names and comments stay as they
// are. An engine whose rows would lie on one node only is refused.
func replicate(sql string) (string, error) {
	plain := mask(sql)
	type edit struct {
		from, to int
		text     string
	}
	var edits []edit
	for _, at := range engineOf.FindAllStringSubmatchIndex(plain, -1) {
		engine := plain[at[2]:at[3]]
		switch {
		case strings.HasPrefix(engine, "Replicated"), engine == "Null":
		case strings.HasSuffix(engine, "MergeTree"):
			edits = append(edits, edit{at[2], at[2], "Replicated"})
		default:
			return "", fmt.Errorf("engine %s keeps its rows on one node: a file that shall serve a cluster needs one of the MergeTree family", engine)
		}
	}
	for _, at := range windowOf.FindAllStringSubmatchIndex(plain, -1) {
		edits = append(edits, edit{at[0], at[1], "replicated_deduplication_window = " + plain[at[2]:at[3]] + ", " + replicatedWeek})
	}
	sort.Slice(edits, func(i, j int) bool { return edits[i].from < edits[j].from })
	var out strings.Builder
	end := 0
	for _, e := range edits {
		out.WriteString(sql[end:e.from] + e.text)
		end = e.to
	}
	return out.String() + sql[end:], nil
}

// mask is the statement with blanks in place of its strings, quoted names, heredocs and comments; the same length.
// split has seen the statement before: nothing in it is left open.
func mask(sql string) string {
	out := []byte(sql)
	for pos := 0; pos < len(sql); {
		length := hiddenLength(sql[pos:])
		for i := range length {
			out[pos+i] = ' '
		}
		pos += max(length, 1)
	}
	return string(out)
}

// hiddenLength is the length of the string, quoted name, heredoc or comment at the start; 0 when there is none.
func hiddenLength(rest string) int {
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
		return upTo(rest, "\n")
	case strings.HasPrefix(rest, "/*"):
		return 2 + upTo(rest[2:], "*/")
	case c == '\'' || c == '"' || c == '`':
		if length := quotedLength(rest); length > 0 {
			return length
		}
		return len(rest)
	case c == '$' && heredocTag(rest) != "":
		tag := heredocTag(rest)
		return len(tag) + upTo(rest[len(tag):], tag)
	}
	return 0
}

// upTo is the length of the text up to and with end, or all of it.
func upTo(text, end string) int {
	if at := strings.Index(text, end); at >= 0 {
		return at + len(end)
	}
	return len(text)
}
