package format

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Align says at which edge the cells of a column stand.
type Align int

// The two edges.
const (
	Left Align = iota
	Right
)

// Header names a column.
type Header struct {
	Name  string
	Align Align
	// Max is how many characters of a cell are shown at most; 0 for all.
	Max int
}

// Table is text in columns, as wide as its widest cell, two spaces apart.
type Table struct {
	headers []Header
	rows    [][]string
}

// NewTable returns a table with the given columns and no rows.
func NewTable(headers ...Header) *Table {
	return &Table{headers: headers}
}

// Row adds a row; missing cells are empty.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.headers))
	copy(row, cells)
	for i, h := range t.headers {
		row[i] = shorten(oneLine(row[i]), h.Max)
	}
	t.rows = append(t.rows, row)
}

// Rule adds a line across the table, as stands above a total.
func (t *Table) Rule() {
	t.rows = append(t.rows, nil)
}

// WriteTo writes the table.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	widths := make([]int, len(t.headers))
	named := false
	for i, h := range t.headers {
		widths[i] = utf8.RuneCountInString(h.Name)
		named = named || h.Name != ""
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	whole := -2
	for _, width := range widths {
		if width > 0 {
			whole += width + 2
		}
	}
	var text strings.Builder
	if named {
		names := make([]string, len(t.headers))
		for i, h := range t.headers {
			names[i] = h.Name
		}
		t.line(&text, names, widths)
	}
	for _, row := range t.rows {
		if row == nil {
			text.WriteString(strings.Repeat("─", max(whole, 1)) + "\n")
			continue
		}
		t.line(&text, row, widths)
	}
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

func (t *Table) line(text *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	first := true
	for i, cell := range cells {
		if widths[i] == 0 {
			continue // A column without any text takes no room.
		}
		if !first {
			line.WriteString("  ")
		}
		first = false
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.headers[i].Align == Right {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// oneLine keeps a cell from breaking its row, or the terminal: names and source text come from users.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0:
			return -1
		default:
			return r
		}
	}, s)
}

func shorten(s string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}
