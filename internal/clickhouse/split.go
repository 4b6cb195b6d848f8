package clickhouse

import (
	"fmt"
	"strings"
)

// statement is one SQL statement of a file.
type statement struct {
	text      string // as written, without the semicolon
	line      int    // where its first word stands
	canonical string // without comments, blanks folded: what the checksum is taken of, so that a better comment is no drift
	comments  string // what its comments say
}

// copies tells a statement that reads rows to write them.
func (s statement) copies() bool {
	return strings.HasPrefix(strings.ToUpper(s.canonical), "INSERT ")
}

// blanks separate words. Every other byte belongs to one, so that nothing else is ever trimmed.
const blanks = " \t\r\n\v\f"

// splitter walks a file once; quotes and comments hide semicolons.
type splitter struct {
	sql       string
	pos       int
	line      int
	out       []statement
	start     int // of the current statement's text, -1 before its first word
	startLine int
	stop      int // behind its last word so far: what trails is not sent
	canonical strings.Builder
	comments  strings.Builder
}

// split cuts a file into statements at each semicolon that is not inside a string, a quoted name, a
// heredoc or a comment. Statements of comments alone are dropped.
func split(sql string) ([]statement, error) {
	s := &splitter{sql: sql, line: 1, start: -1}
	for s.pos < len(s.sql) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.end()
	return s.out, nil
}

// step consumes one token.
func (s *splitter) step() error {
	rest := s.sql[s.pos:]
	switch c := rest[0]; {
	case c == ';':
		s.end()
		s.pos++
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
		length := strings.IndexByte(rest, '\n')
		if length < 0 {
			length = len(rest)
		}
		s.comment(rest[:length])
	case strings.HasPrefix(rest, "/*"):
		length := strings.Index(rest[2:], "*/")
		if length < 0 {
			return fmt.Errorf("line %d: comment is not closed", s.line)
		}
		s.comment(rest[:length+4])
	case c == '\'' || c == '"' || c == '`':
		length := quotedLength(rest)
		if length < 0 {
			return fmt.Errorf("line %d: %c is not closed", s.line, c)
		}
		s.word(rest[:length])
	case c == '$' && heredocTag(rest) != "":
		tag := heredocTag(rest)
		length := strings.Index(rest[len(tag):], tag)
		if length < 0 {
			return fmt.Errorf("line %d: %s is not closed", s.line, tag)
		}
		s.word(rest[:length+2*len(tag)])
	case strings.IndexByte(blanks, c) >= 0:
		s.blank()
		s.advance(rest[:1])
	default:
		s.word(rest[:1])
	}
	return nil
}

// word takes text that belongs to the statement.
func (s *splitter) word(text string) {
	if s.start < 0 {
		s.start, s.startLine = s.pos, s.line
	}
	s.canonical.WriteString(text)
	s.advance(text)
	s.stop = s.pos
}

// comment counts as a blank, as it does for the server.
func (s *splitter) comment(text string) {
	s.comments.WriteString(text + "\n")
	s.blank()
	s.advance(text)
}

// blank folds runs of blanks and comments into one space.
func (s *splitter) blank() {
	if done := s.canonical.String(); done != "" && done[len(done)-1] != ' ' {
		s.canonical.WriteByte(' ')
	}
}

func (s *splitter) advance(text string) {
	s.line += strings.Count(text, "\n")
	s.pos += len(text)
}

// end closes the current statement.
func (s *splitter) end() {
	if s.start >= 0 {
		s.out = append(s.out, statement{
			text:      s.sql[s.start:s.stop],
			line:      s.startLine,
			canonical: strings.TrimSuffix(s.canonical.String(), " "),
			comments:  s.comments.String(),
		})
	}
	s.start = -1
	s.canonical.Reset()
	s.comments.Reset()
}

// quotedLength is the length of the quoted text at the start, -1 when it has no end. Both of
// ClickHouse's escapes count: the backslash, and the quote doubled.
func quotedLength(text string) int {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// heredocTag is the opening $tag$ at the start, or nothing.
func heredocTag(text string) string {
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '$':
			return text[:i+1]
		case c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z'):
			return ""
		}
	}
	return ""
}
