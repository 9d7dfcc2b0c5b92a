package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/export"
)

type breakdownFileInput struct {
	CostQuestion
	Limit int `query:"limit" minimum:"1" maximum:"1000000" default:"1000000" doc:"How many rows to write; what the others cost is in the last row"`
}

// breakdownFileRoutes answer the questions of GET /cost/breakdown with files for other tools.
func (s *server) breakdownFileRoutes(a huma.API) {
	for _, f := range []struct {
		ending, id, summary, contentType string
		write                            func(io.Writer, export.Breakdown) error
	}{
		{"csv", "get-cost-breakdown-csv", "Save what was spent, grouped by anything, as a table", "text/csv; charset=utf-8", export.BreakdownCSV},
		{"parquet", "get-cost-breakdown-parquet", "Save what was spent, grouped by anything, as Parquet", "application/vnd.apache.parquet", export.BreakdownParquet},
		{"arrow", "get-cost-breakdown-arrow", "Save what was spent, grouped by anything, as an Arrow file", "application/vnd.apache.arrow.file", export.BreakdownArrow},
	} {
		op := download(operation(http.MethodGet, "/cost/breakdown."+f.ending, f.id, tagCost, f.summary), f.contentType)
		register(s, a, op, func(ctx context.Context, in *breakdownFileInput) (*stream, error) {
			now := s.Now()
			q, err := in.query(now, s.TimeZone, in.Limit)
			if err != nil {
				return nil, err
			}
			answer, err := s.Spend.Answer(ctx, now, actorOf(ctx), q)
			if err != nil {
				return nil, err
			}
			b := export.Breakdown{Answer: answer, Prices: s.Card(now).Source}
			return s.streamed(ctx, f.contentType, breakdownFileName(b)+"."+f.ending, func(w io.Writer) error { return f.write(w, b) }), nil
		})
	}
}

// breakdownFileName says what is in the file, in letters that a header takes: only the dimensions, which are ours, and dates.
func breakdownFileName(b export.Breakdown) string {
	by := make([]string, 0, len(b.By))
	for _, name := range b.By {
		by = append(by, string(name))
	}
	since, until := b.Since.In(b.Zone), b.Until.In(b.Zone)
	return "lineitem-cost-" + strings.Join(by, "-") + "-" + since.Format(time.DateOnly) + "-" + until.Format(time.DateOnly)
}
