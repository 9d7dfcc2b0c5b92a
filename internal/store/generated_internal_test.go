package store

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// generatedQueries returns the texts that sqlc has generated, by name.
func generatedQueries(t *testing.T) map[string]string {
	t.Helper()
	query := regexp.MustCompile("(?s)= `-- name: (\\w+) :\\w+\n(.*?)`")
	files, err := os.ReadDir("sqlcgen")
	if err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile("sqlcgen/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range query.FindAllStringSubmatch(string(text), -1) {
			queries[q[1]] = q[2]
		}
	}
	if len(queries) < 40 {
		t.Errorf("found only %d queries", len(queries))
	}
	return queries
}

// TestParametersAppearInOrder guards against SQLite's way of counting parameters: by their first appearance, not by their number.
func TestParametersAppearInOrder(t *testing.T) {
	t.Parallel()
	texts := generatedQueries(t)
	for i, b := range map[string]bulk{
		"batches": insertBatches, "unfolded": insertUnfolded, "lines": addLineUsage, "categories": addCategoryUsage, "prices": addPrices,
		"marks": markDirty, "clean": deleteDirty, "neighbours": neighbours, "submissions": changedSubmissions, "origins": changedOrigins,
	} {
		for j, text := range b.texts {
			texts[fmt.Sprintf("%s %d", i, bulkSizes[j])] = text
		}
	}
	parameter := regexp.MustCompile(`\$(\d+)`)
	for name, text := range texts {
		next := 1
		for _, p := range parameter.FindAllStringSubmatch(text, -1) {
			var n int
			if _, err := fmt.Sscan(p[1], &n); err != nil {
				t.Fatal(err)
			}
			if n > next {
				t.Errorf("%s: $%d appears before $%d, so SQLite would swap them", name, n, next)
			}
			next = max(next, n+1)
		}
		// What one engine has and the other has not, or reads otherwise.
		for _, word := range []string{"::", "ILIKE", "FOR UPDATE", "GREATEST", "ANY(", "now()"} {
			if strings.Contains(text, word) {
				t.Errorf("%s uses %s, which only one engine understands", name, word)
			}
		}
	}
}
