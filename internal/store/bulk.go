package store

import (
	"strconv"
	"strings"
)

// bulkSizes are the numbers of rows that one statement inserts, largest first: few, so that few statements are prepared.
var bulkSizes = [...]int{64, 16, 4, 1}

// bulk is an INSERT of many rows: one text for each size, on each engine.
type bulk struct {
	columns          int
	sqlite, postgres [len(bulkSizes)]string
}

// newBulk makes the texts: head ends before VALUES, tail follows the rows and holds no parameters. PostgreSQL knows parameters by their numbers. To SQLite
// a number with a dollar is a name, which the driver looks up among all others for each value: with a thousand values, that took a quarter of the server's
// time. There they are question marks.
func newBulk(head string, columns int, tail string) bulk {
	return newTypedBulk(head, make([]string, columns), tail)
}

// newTypedBulk makes the texts of a statement in which the rows stand for a table: PostgreSQL must be told the types of its columns.
func newTypedBulk(head string, types []string, tail string) bulk {
	columns := len(types)
	b := bulk{columns: columns}
	for i, size := range bulkSizes {
		b.sqlite[i] = bulkText(head, size, types, tail, func(int) string { return "?" })
		b.postgres[i] = bulkText(head, size, types, tail, func(n int) string { return "$" + strconv.Itoa(n) })
	}
	return b
}

func bulkText(head string, rows int, types []string, tail string, parameter func(n int) string) string {
	columns := len(types)
	var text strings.Builder
	text.WriteString(head)
	text.WriteString(" VALUES ")
	for n := range rows * columns {
		switch {
		case n == 0:
			text.WriteString("(")
		case n%columns == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		value := parameter(n + 1)
		if n < columns && types[n] != "" {
			value = "CAST(" + value + " AS " + types[n] + ")"
		}
		text.WriteString(value)
	}
	text.WriteString(") ")
	text.WriteString(tail)
	return text.String()
}

// each calls run with a text and its arguments until all rows are done. args appends the arguments of row i.
func (b bulk) each(engine Engine, rows int, args func(to []any, i int) []any, run func(text string, args []any) error) error {
	texts := b.sqlite
	if engine == Postgres {
		texts = b.postgres
	}
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
		if err := run(texts[s], to); err != nil {
			return err
		}
		start += bulkSizes[s]
	}
	return nil
}
