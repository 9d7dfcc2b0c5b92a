package console

import (
	"slices"
	"strings"
	"testing"

	core "github.com/lineitem/lineitem/internal/core/console"
)

// FuzzColumnsRead holds that whatever a tree is, what is read of a table are columns of it, some of them, in their order.
func FuzzColumnsRead(f *testing.F) {
	f.Add(`{"statements":[{"node":{"type":"SELECT_NODE","cte_map":{"map":[]},"select_list":[{"class":"COLUMN_REF","type":"COLUMN_REF","column_names":["line"]}],"from_table":{"type":"BASE_TABLE","table_name":"lines"}}}]}`)
	f.Add(`{"cte_map":0,"from_table":[{"type":"BASE_TABLE","table_name":"LINES","alias":7}],"x":{"class":"STAR"}}`)
	f.Add(`[{"class":"COLUMN_REF","column_names":[null]},{"type":"ORDER_MODIFIER","orders":[0,{"expression":{"class":"STAR"}}]},{"ref_type":"NATURAL"}]`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, tree string) {
		for name, read := range columnsRead([]byte(tree), []string{core.Lines, "nope"}) {
			at := slices.IndexFunc(core.Tables(), func(t core.Table) bool { return t.Name == name })
			if name != core.Lines || at < 0 || len(read) == 0 {
				t.Fatalf("%s reads %v of %s", tree, read, name)
			}
			all := ""
			for _, c := range core.Tables()[at].Columns {
				all += c.Name + "\n"
			}
			for _, c := range read {
				_, rest, found := strings.Cut(all, c+"\n")
				if all = rest; !found {
					t.Fatalf("%s reads %v of %s", tree, read, name)
				}
			}
		}
	})
}
