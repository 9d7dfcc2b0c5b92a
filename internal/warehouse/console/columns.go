package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	core "github.com/lineitem/lineitem/internal/core/console"
)

// Which columns a statement reads is guessed from its tree, so that no others need be copied for it. It need not be right: a column that was left out ends whoever
// reads it, and the statement is run again over all of them.
const (
	notLoaded   = "Lineitem has not loaded this column"
	codeColumns = "sql_columns"
)

// columnsRead returns for each of some tables the columns that a statement, as json_serialize_sql writes it, seems to read. Tables of which it may read all are
// left out.
func columnsRead(tree []byte, tables []string) map[string][]string {
	var parsed any
	decoder := json.NewDecoder(bytes.NewReader(tree))
	decoder.UseNumber()
	if err := decoder.Decode(&parsed); err != nil {
		return nil
	}
	out := map[string][]string{}
	for _, t := range core.Tables() {
		if !slices.Contains(tables, t.Name) {
			continue
		}
		r := reader{table: t.Name, words: map[string]bool{}, rows: map[string]bool{t.Name: true}}
		r.collect(parsed)
		if r.look(parsed, false); r.all {
			continue
		}
		read := []string{}
		for _, c := range t.Columns {
			if r.words[c.Name] {
				read = append(read, c.Name)
			}
		}
		if len(read) == 0 { // count(*) reads none, but rows there must be
			read = append(read, t.Columns[0].Name)
		}
		out[t.Name] = read
	}
	return out
}

// reader looks for what a statement reads of a table.
type reader struct {
	table string
	// words are all texts in the statement: whatever is a column's name counts as the column. Rows are the names under which whole rows of the table go.
	words, rows map[string]bool
	// all tells that columns may be read that the statement does not name.
	all bool
}

// collect gathers words and the names of rows.
func (r *reader) collect(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			r.collect(item)
		}
	case object:
		if r.is(v) && word(v, "alias") != "" {
			r.rows[strings.ToLower(word(v, "alias"))] = true
		}
		for key, part := range v {
			if _, ok := part.(string); ok && (key == "class" || key == "type") {
				continue // words of the tree, not of the statement
			}
			r.collect(part)
		}
	case string:
		r.words[strings.ToLower(v)] = true
	}
}

// is tells whether a part is the table.
func (r *reader) is(o object) bool {
	return word(o, "type") == "BASE_TABLE" && strings.EqualFold(word(o, "table_name"), r.table)
}

// look finds what stands for columns without naming them. Direct says that the query around it reads from the table itself, not from another query that does.
func (r *reader) look(v any, direct bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			r.look(item, direct)
		}
	case object:
		if query(v) {
			direct = r.within(v["from_table"])
		}
		switch {
		case word(v, "class") == "STAR", word(v, "class") == "POSITIONAL_REFERENCE":
			r.all = r.all || direct
		case word(v, "class") == "COLUMN_REF":
			if names, _ := v["column_names"].([]any); len(names) == 1 {
				name, _ := names[0].(string)
				r.all = r.all || r.rows[strings.ToLower(name)]
			}
		case r.is(v):
			renamed, _ := v["column_name_alias"].([]any)
			r.all = r.all || len(renamed) > 0
		case word(v, "type") == "PIVOT", word(v, "type") == "SHOW_REF", word(v, "ref_type") == "NATURAL":
			r.all = true
		case word(v, "type") == "ORDER_MODIFIER": // ORDER BY ALL means what is selected
			orders, _ := v["orders"].([]any)
			for _, o := range orders {
				if o, _ := o.(object); o == nil || !plainStar(o["expression"]) {
					r.look(o, direct)
				}
			}
			return
		}
		for _, part := range v {
			r.look(part, direct)
		}
	}
}

// query tells whether a part is a query: it has a FROM of its own.
func query(o object) bool { _, ok := o["cte_map"]; return ok }

// within tells whether a FROM has the table itself.
func (r *reader) within(from any) bool {
	switch from := from.(type) {
	case []any:
		return slices.ContainsFunc(from, r.within)
	case object:
		if query(from) {
			return false
		}
		if r.is(from) {
			return true
		}
		for _, part := range from {
			if r.within(part) {
				return true
			}
		}
	}
	return false
}

// plainStar tells whether an expression is a star without anything to it.
func plainStar(v any) bool {
	o, _ := v.(object)
	return word(o, "class") == "STAR" && o["expr"] == nil
}
