package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/spend"
)

// Extract writes the rows of the table lines that a scope sees now of the hours in [since, until) to a file, for another program: with these columns, or with all
// for nil. Nothing else gets into the file. It returns as of when the rows are.
func (w *Warehouse) Extract(ctx context.Context, path string, scope spend.Scope, since, until time.Time, columns []string) (time.Time, error) {
	all := lines.fileColumns()
	if len(columns) == 0 {
		columns = all
	}
	for _, c := range columns {
		if !slices.Contains(all, c) {
			return time.Time{}, fmt.Errorf("write rows of lines: there is no column %.100q", c)
		}
	}
	g := w.acquire()
	defer w.release(ctx, g)
	held := g.linesWithin(since, until)
	release, err := w.hold(ctx, held)
	if err != nil {
		return g.asOf, err
	}
	defer release()
	conditions := within(since, until) + " AND " + allowed(scope)
	parts := []string{fmt.Sprintf("SELECT %s FROM %s.delta WHERE %s > 0 AND %s", list(columns), g.schema, countColumn, conditions)}
	if len(held) > 0 {
		part := fmt.Sprintf("SELECT %s FROM %s AS kept WHERE %s", list(columns), w.read(held), conditions)
		if g.changed {
			part += fmt.Sprintf(" AND NOT EXISTS (SELECT 1 FROM %s.delta AS r WHERE r.%s < 0 AND r.cluster_id = kept.cluster_id AND r.hour = kept.hour)", g.schema, countColumn)
		}
		parts = append(parts, part)
	}
	_, err = w.db.ExecContext(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, PARQUET_VERSION v2)", strings.Join(parts, " UNION ALL "), quote(path)))
	if err != nil {
		return g.asOf, fmt.Errorf("write rows of lines: %w", w.blame(held, err))
	}
	return g.asOf, nil
}

// linesWithin are the segments of lines that touch a time.
func (g *generation) linesWithin(since, until time.Time) []Segment {
	return slices.DeleteFunc(slices.Clone(g.files[lines]), func(s Segment) bool {
		return !s.Day.Before(until) || !s.Day.Add(24*time.Hour).After(since)
	})
}
