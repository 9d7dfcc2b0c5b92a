package profile_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/profile"
)

// TestEveryOperationIsDocumented holds the rules against the table of docs/operations.md, and the table's families against Family.
func TestEveryOperationIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]string{} // of words in the table
	code := regexp.MustCompile("`([a-z0-9_.<>]+)`")
	table, _, _ := strings.Cut(string(page), "\n## ")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		first := ""
		for _, word := range code.FindAllStringSubmatch(cells[1], -1) {
			operation := word[1]
			if strings.HasPrefix(operation, ".") { // `read.excel`, `.feather`
				operation = first + operation
			}
			first, _, _ = strings.Cut(operation, ".")
			families[operation] = strings.TrimSpace(cells[3])
		}
	}
	if len(families) < 30 {
		t.Fatalf("the page names %d operations", len(families))
	}
	for operation, family := range families {
		if got := profile.Family(operation); got != family {
			t.Errorf("the page has %s in the family %q, Family says %q", operation, family, got)
		}
	}
	rules, err := os.ReadFile("rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rules)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(line, "#") || fields[0] == "version" || fields[0] == "own" || fields[0] == "level" {
			continue
		}
		operation := strings.ReplaceAll(fields[0], "{module}", "<library>")
		first, _, _ := strings.Cut(operation, ".")
		if families[operation] == "" && families[first+".<format>"] == "" && families[first+".<library>"] == "" {
			t.Errorf("the page does not name %s", operation)
		}
	}
}
