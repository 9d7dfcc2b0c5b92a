package console

import (
	"errors"
	"strings"
	"testing"
)

func FuzzTakeApart(f *testing.F) {
	for _, text := range []string{"select 1", "explain select 1; -- x", "/* /* */ */ from 'a;b'", "e'\\'' ; $x$;$x$ ;;", "select $1; \"", "$", "'", "/*", "--", "EXPLAIN (", ";"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := takeApart(text)
		var r *refusal
		if err != nil {
			if !errors.As(err, &r) || r.sentence == "" {
				t.Fatalf("%q fails without a sentence: %v", text, err)
			}
			return
		}
		if s.body == "" || !strings.Contains(text, s.body) {
			t.Fatalf("the body of %q is %q", text, s.body)
		}
		// What was taken apart needs no more of it, unless EXPLAIN is the name of something in it.
		again, err := takeApart(s.body)
		if err != nil || (again.body != s.body && !again.explain) {
			t.Fatalf("%q, then %q, %v", s.body, again.body, err)
		}
	})
}

func FuzzExamine(f *testing.F) {
	f.Add(`{"error":false,"statements":[{"node":{"type":"SELECT_NODE","cte_map":{"map":[]},"from_table":{"type":"BASE_TABLE","table_name":"lines"}}}]}`)
	f.Add(`{"error":true,"error_message":"x"}`)
	f.Add(`{"statements":[{"node":{"type":"SELECT_NODE","cte_map":{"map":[{"key":"a","value":{}}]},"x":[{"class":"FUNCTION","function_name":"lower"}]}}]}`)
	f.Add(`{"statements":[{"node":7}]}`)
	f.Fuzz(func(t *testing.T, tree string) {
		tables, err := examine([]byte(tree), []string{"lines", "usage"})
		for _, name := range tables {
			if name != "lines" && name != "usage" {
				t.Fatalf("%s names %q", tree, name)
			}
		}
		if err == nil && len(tables) > 0 && !strings.Contains(tree, "BASE_TABLE") && !strings.Contains(tree, `\u00`) {
			t.Fatalf("%s names %v", tree, tables)
		}
	})
}
