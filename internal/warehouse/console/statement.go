package console

import (
	"fmt"
	"strings"
)

// statement is a text taken apart as far as that is possible without a parser.
type statement struct {
	explain bool
	// body is the text without EXPLAIN before it, and without semicolons and comments after it.
	body string
}

// takeApart finds the body of a statement. It need not be right about every text: what is run is looked at again as it is run.
func takeApart(text string) (statement, error) {
	s := statement{}
	start, end, first := -1, 0, ""
	over := false
	for rest := text; rest != ""; {
		n, blank := token(rest)
		at := len(text) - len(rest)
		switch piece := rest[:n]; {
		case blank:
		case piece == ";":
			over = start >= 0
		case over:
			return s, refuse("There is more than one statement; give one.")
		case start < 0 && !s.explain && strings.EqualFold(piece, "explain"):
			s.explain = true
		default:
			if start < 0 {
				start, first = at, piece
			}
			end = at + n
		}
		rest = rest[n:]
	}
	if start < 0 {
		return s, &refusal{code: "sql_wrong", sentence: "There is no statement."}
	}
	if s.explain && (strings.EqualFold(first, "analyze") || first == "(") {
		return s, refuse("Of EXPLAIN only the plain form is allowed: EXPLAIN SELECT …")
	}
	s.body = text[start:end]
	return s, nil
}

// prefix stands before the body on a line of its own: lines in messages are one too high.
const prefix = "SELECT * FROM ("

// bounded is the statement with a bound on its rows: one more than the limit shows that there were more.
func (s statement) bounded(limit int) string {
	return fmt.Sprintf("%s\n%s\n) AS answer LIMIT %d", prefix, s.body, limit+1)
}

// token measures what a text begins with, and says whether that is nothing but blanks or a comment.
func token(s string) (n int, blank bool) {
	switch c := s[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return 1, true
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i + 1, true
		}
		return len(s), true
	case strings.HasPrefix(s, "/*"):
		return comment(s), true
	case c == '\'' || c == '"':
		return quoted(s, 0, false), false
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return quoted(s, 1, true), false
	case c == '$':
		return dollars(s), false
	case letter(c):
		n := 1
		for n < len(s) && (letter(s[n]) || s[n] == '$') {
			n++
		}
		return n, false
	default:
		return 1, false
	}
}

func letter(c byte) bool {
	return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}

// comment measures a comment; comments may hold comments.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// quoted measures a text or a name whose quote is at an index. A quote within is written twice, or after a backslash.
func quoted(s string, at int, backslash bool) int {
	q := s[at]
	for i := at + 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// dollars measures $tag$ … $tag$, or a dollar alone.
func dollars(s string) int {
	n := 1
	for n < len(s) && letter(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' || (n > 1 && s[1] >= '0' && s[1] <= '9') {
		return 1
	}
	tag := s[:n+1]
	if end := strings.Index(s[n+1:], tag); end >= 0 {
		return n + 1 + end + len(tag)
	}
	return len(s)
}
