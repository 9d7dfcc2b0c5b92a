package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxRetention is a century.
const maxRetention = 1200

// Retention is for how many whole months each table of SQL keeps what is older than the current month; 0 for ever.
type Retention struct {
	Lines, Usage, Reads, Packages, GPU, Events int
}

// retained are the tables in their order.
var retained = []string{"lines", "usage", "reads", "packages", "gpu", "events"}

// of is the place of a table's months.
func (r *Retention) of(table string) *int {
	return []*int{&r.Lines, &r.Usage, &r.Reads, &r.Packages, &r.GPU, &r.Events}[slices.Index(retained, table)]
}

// String is how the setting is written.
func (r Retention) String() string {
	parts := make([]string, len(retained))
	for i, table := range retained {
		parts[i] = fmt.Sprintf("%s=%d", table, *r.of(table))
	}
	return strings.Join(parts, ",")
}

func (r Retention) check() error {
	for _, table := range retained {
		if n := *r.of(table); n < 0 || n > maxRetention {
			return fmt.Errorf("keeps %s for %d months: give 0 (for ever) to %d", table, n, maxRetention)
		}
	}
	return nil
}

// parseRetention reads "24" or "lines=24,gpu=6". Tables that it does not name stay as they are.
func parseRetention(text string, r *Retention) error {
	out := *r
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		table, months, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			if table, months = "lines", table; strings.Contains(text, ",") {
				return fmt.Errorf("has the part %q: give each as table=months, like lines=24,gpu=6", part)
			}
		}
		table, months = strings.TrimSpace(table), strings.TrimSpace(months)
		switch {
		case table == "prices" || table == "clusters":
			return fmt.Errorf("names %s, which the books stand on: it is kept for ever, so leave it out", table)
		case !slices.Contains(retained, table):
			return fmt.Errorf("names the table %q: choose %s", table, strings.Join(retained, ", "))
		case seen[table]:
			return fmt.Errorf("names %s twice", table)
		}
		seen[table] = true
		n, err := strconv.Atoi(months)
		switch {
		case errors.Is(err, strconv.ErrRange), err == nil && (n < 0 || n > maxRetention):
			return fmt.Errorf("keeps %s for %s months: give 0 (for ever) to %d", table, months, maxRetention)
		case err != nil:
			return fmt.Errorf("keeps %s for %q months: give a whole number, 0 for ever", table, months)
		}
		*out.of(table) = n
	}
	*r = out
	return nil
}
