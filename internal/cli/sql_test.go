package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	user := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	const statement = "select 'a\tb' as word, 2 as number, null as nothing union all select 'c', 10, null order by number"
	if got := user.must(t, "sql", statement); !strings.HasPrefix(got, "word  number  nothing\n") || !strings.Contains(got, "c         10  NULL") && !strings.Contains(got, "c         10     NULL") ||
		!strings.Contains(got, "2 rows in ") || !strings.Contains(got, "as of 2026-01-05 09:00:00 UTC") {
		t.Errorf("a table prints\n%s", got)
	}
	if got := user.must(t, "sql", statement, "-o", "csv"); got != "word,number,nothing\na\tb,2,\nc,10,\n" {
		t.Errorf("CSV prints %q", got)
	}
	var result sdk.SQLResult
	if got := user.must(t, "sql", statement, "-o", "json"); json.Unmarshal([]byte(got), &result) != nil || result.RowCount != 2 || result.Columns[1].Type != "INTEGER" {
		t.Errorf("JSON prints %q", got)
	}
	if got := user.must(t, "sql", statement, "-o", "parquet"); !strings.HasPrefix(got, "PAR1") || !strings.HasSuffix(got, "PAR1") {
		t.Errorf("Parquet prints %q", got)
	}
	if got := user.must(t, "sql", "explain from range(3)"); !strings.Contains(got, "RANGE") || strings.Contains(got, "explain_key") {
		t.Errorf("EXPLAIN prints %q", got)
	}
	file := filepath.Join(t.TempDir(), "q.sql")
	if err := os.WriteFile(file, []byte("-- a report\nselect 1 as one;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := user.must(t, "sql", "-f", file, "-o", "csv"); got != "one\n1\n" {
		t.Errorf("a file prints %q", got)
	}
	for _, args := range [][]string{{"sql", "-o", "csv"}, {"sql", "-f", "-", "-o", "csv"}} {
		if result := user.pipe(t, "select 2 as two", args...); result.status != 0 || result.stdout != "two\n2\n" {
			t.Errorf("%v ends with %+v", args, result)
		}
	}
	if got := user.enter(t, "sql", "from range(5)", "--limit", "2", "-o", "csv"); got.stdout != "range\n0\n1\n" || !strings.Contains(got.stderr, "more rows than the limit") {
		t.Errorf("a limit prints %+v", got)
	}
	if got := user.must(t, "sql", "--tables"); !strings.Contains(got, "lines") || !strings.Contains(got, "cost_nanos") {
		t.Errorf("--tables prints\n%s", got)
	}
	if got := user.enter(t, "sql", "copy lines to 'x'"); got.status != 1 || !strings.Contains(got.stderr, "Only SELECT") || !strings.Contains(got.stderr, "The statement was not run.") {
		t.Errorf("a refusal prints %+v", got)
	}
	for _, wrong := range [][]string{{"sql", "a", "b"}, {"sql", "select 1", "-f", file}, {"sql", "select 1", "--since", "soon"}, {"sql", "select 1", "-o", "xml"}} {
		if got := user.enter(t, wrong...); got.status != 2 {
			t.Errorf("%v ends with %+v", wrong, got)
		}
	}
}
