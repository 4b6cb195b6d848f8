package model

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place maps a place inside a text, in characters from 0, to line and column of the file. YAML folds lines, cuts
// indentation and unescapes; what it never adds or takes away is a character that is no blank. So the n-th of those in
// the text is the n-th in the file, from where the text begins there.
func (v value) place(at int) (line, column int) {
	n, ok := v.node.(*ast.StringNode)
	block, isBlock := v.node.(*ast.LiteralNode)
	if !ok && !isBlock {
		return position(v.node)
	}
	src := source{lines: v.doc.lines}
	var text []rune
	if isBlock {
		text = []rune(block.Value.Value)
		src.line = block.Start.Position.Line // the line behind the one with | or >
	} else {
		text = []rune(n.Value)
		p := n.Token.Position
		src.line, src.column = p.Line-1, p.Column-1
		src.begin(n.Token.Type)
	}
	line, column = src.line+1, src.column+1
	blanks := 0
	for i := 0; i <= at && i < len(text); i++ {
		if unicode.IsSpace(text[i]) {
			blanks++
			continue
		}
		if line, column, ok = src.next(); !ok {
			return position(v.node)
		}
		blanks = 0
	}
	if at >= len(text) {
		blanks++ // just behind the last character
	}
	return line, column + blanks
}

// source reads characters of the file one after the other, unescaped.
type source struct {
	lines        [][]rune
	line, column int // from 0
	quote        rune
}

func (s *source) begin(kind token.Type) {
	switch kind {
	case token.DoubleQuoteType:
		s.quote = '"'
	case token.SingleQuoteType:
		s.quote = '\''
	default:
		return
	}
	s.column++
}

// next is where the next character that is no blank stands, from 1.
func (s *source) next() (line, column int, ok bool) {
	for s.line < len(s.lines) {
		row := s.lines[s.line]
		if s.column >= len(row) {
			s.line, s.column = s.line+1, 0
			continue
		}
		r, width := row[s.column], 1
		switch {
		case s.quote == '\'' && r == '\'':
			width = 2 // '' is one
		case s.quote == '"' && r == '\\':
			r, width = escaped(row[s.column:])
		}
		line, column = s.line+1, s.column+1
		s.column += width
		if !unicode.IsSpace(r) {
			return line, column, true
		}
	}
	return 0, 0, false
}

// escaped is the character of a \ sequence in double quotes, and how wide it stands there.
func escaped(row []rune) (r rune, width int) {
	if len(row) < 2 {
		return ' ', 1 // it joins two lines
	}
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[row[1]]
	if digits == 0 {
		if strings.ContainsRune("abtnvfr0eNLP _\t", row[1]) {
			return ' ', 2 // a blank, or as good as one in an expression
		}
		return row[1], 2
	}
	width = min(2+digits, len(row))
	code, err := strconv.ParseUint(string(row[2:width]), 16, 32)
	if err != nil {
		return '?', width
	}
	return rune(code), width
}
