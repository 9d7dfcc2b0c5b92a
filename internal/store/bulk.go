package store

import (
	"strconv"
	"strings"
)

// bulkSizes are the numbers of rows that one statement inserts, largest first: few, so that few statements are prepared.
var bulkSizes = [...]int{64, 16, 4, 1}

// bulk is an INSERT of many rows: one text for each size.
type bulk struct {
	columns int
	texts   [len(bulkSizes)]string
}

// newBulk makes the texts: head ends before VALUES, tail follows the rows. Parameters are numbered in the order in which they appear,
// which is how SQLite counts.
func newBulk(head string, columns int, tail string) bulk {
	return newTypedBulk(head, make([]string, columns), tail)
}

// newTypedBulk makes the texts of a statement in which the rows stand for a table: PostgreSQL must be told the types of its columns.
func newTypedBulk(head string, types []string, tail string) bulk {
	columns := len(types)
	b := bulk{columns: columns}
	for i, size := range bulkSizes {
		var text strings.Builder
		text.WriteString(head)
		text.WriteString(" VALUES ")
		for n := range size * columns {
			switch {
			case n == 0:
				text.WriteString("(")
			case n%columns == 0:
				text.WriteString("), (")
			default:
				text.WriteString(", ")
			}
			parameter := "$" + strconv.Itoa(n+1)
			if n < columns && types[n] != "" {
				parameter = "CAST(" + parameter + " AS " + types[n] + ")"
			}
			text.WriteString(parameter)
		}
		text.WriteString(") ")
		text.WriteString(tail)
		b.texts[i] = text.String()
	}
	return b
}

// each calls run with a text and its arguments until all rows are done. args appends the arguments of row i.
func (b bulk) each(rows int, args func(to []any, i int) []any, run func(text string, args []any) error) error {
	to := make([]any, 0, min(rows, bulkSizes[0])*b.columns)
	for start := 0; start < rows; {
		s := 0
		for bulkSizes[s] > rows-start {
			s++
		}
		to = to[:0]
		for i := start; i < start+bulkSizes[s]; i++ {
			to = args(to, i)
		}
		if err := run(b.texts[s], to); err != nil {
			return err
		}
		start += bulkSizes[s]
	}
	return nil
}
