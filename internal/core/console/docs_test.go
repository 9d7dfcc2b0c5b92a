package console_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/console"
)

// docs/sql.md promises the tables word for word.
func TestDocs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(data), "\n## Tables\n")
	page, _, _ = strings.Cut(page, "\n## Functions\n")
	var want strings.Builder
	for _, table := range console.Tables() {
		fmt.Fprintf(&want, "### %s\n\n%s.\n\n| column | type | what it is |\n|---|---|---|\n", table.Name, table.About)
		for _, c := range table.Columns {
			fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.Name, c.Type, c.About)
		}
		want.WriteString("\n")
	}
	if !strings.HasSuffix(page, strings.TrimSuffix(want.String(), "\n")) {
		t.Errorf("docs/sql.md does not list the tables as they are:\n%s", want.String())
	}
}
