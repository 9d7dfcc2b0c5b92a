package console_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/console"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/segment"
)

var now = time.Date(2026, 11, 19, 10, 20, 0, 0, time.UTC)

// engine loads one table and answers how many rows it has.
type engine struct {
	table string
	job   console.Job
	// begun and end, where they are there, hold it up.
	begun, end chan struct{}
}

func (e *engine) Run(ctx context.Context, job console.Job) (console.Answer, error) {
	e.job = job
	if e.begun != nil {
		e.begun <- struct{}{}
		<-e.end
	}
	var a console.Answer
	if e.table == "" {
		return a, errs.New(errs.Invalid, "sql_refused", "No.")
	}
	for _, t := range console.Tables() {
		if t.Name != e.table {
			continue
		}
		content, err := job.Load(ctx, t, nil, "")
		if err != nil {
			return a, err
		}
		for row, err := range content.Rows {
			if err != nil {
				return a, err
			}
			if len(row) != len(t.Columns) {
				return a, fmt.Errorf("%s has %d columns and a row of %d", t.Name, len(t.Columns), len(row))
			}
			a.RowCount++
		}
	}
	return a, nil
}

// book is a price book of so many entries.
type book struct {
	console.Rows
	entries int
}

func (b book) Prices(context.Context, price.Filter) ([]price.Entry, error) {
	return make([]price.Entry, b.entries), nil
}

type ledger struct{ asOf time.Time }

func (l ledger) Lines(_ context.Context, _ time.Time, _ identity.Actor, since, until time.Time, _ []string, _ string) (console.Content, error) {
	var none iter.Seq2[[]any, error] = func(func([]any, error) bool) {}
	return console.Content{Rows: none, AsOf: l.asOf, Since: since, Until: until}, nil
}

type audit struct{ entries []console.Entry }

func (a *audit) RecordStatement(_ context.Context, e console.Entry) { a.entries = append(a.entries, e) }

func actor(id identity.UserID) identity.Actor {
	return identity.Actor{User: identity.User{ID: id}, TokenID: "tk_1"}
}

func TestEveryStatementIsRecorded(t *testing.T) {
	t.Parallel()
	seen := &audit{}
	e := &engine{table: "prices"}
	s := console.NewService(console.Config{Engine: e, Sources: console.Sources{Rows: book{entries: 3}, Ledger: ledger{asOf: now.Add(-time.Minute)}}, Audit: seen, PerUser: 1, Overall: 1})
	a, err := s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "from prices"})
	if err != nil || a.RowCount != 3 || a.Loaded != 3 || len(a.Tables) != 1 || !a.AsOf.Equal(now) {
		t.Errorf("answer %+v, %v", a, err)
	}
	if e.job.Limit != console.DefaultRows {
		t.Errorf("the limit is %d", e.job.Limit)
	}
	e.table = console.Lines
	if a, err = s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "from lines", Parquet: true}); err != nil || !a.AsOf.Equal(now.Add(-time.Minute)) || e.job.Limit != console.MaxFileRows {
		t.Errorf("answer %+v, %v, limit %d", a, err, e.job.Limit)
	}
	e.table = ""
	if _, err = s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "copy"}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a refusal is %v", err)
	}
	e.table = "prices"
	s = console.NewService(console.Config{Engine: e, Sources: console.Sources{Rows: book{entries: console.MaxTableRows + 1}}, Audit: seen, PerUser: 1, Overall: 1})
	_, err = s.Answer(t.Context(), now, actor("us_2"), console.Question{SQL: "from prices"})
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "more than 1000000 rows") {
		t.Errorf("a table that is too long gives %v", err)
	}
	want := []string{"us_1 tk_1 from prices prices 3 answered", "us_1 tk_1 from lines lines 0 answered", "us_1 tk_1 copy  0 refused", "us_2 tk_1 from prices prices 1000000 refused"}
	for i, e := range seen.entries {
		if got := fmt.Sprintf("%s %s %s %s %d %s", e.User, e.TokenID, e.Statement, strings.Join(e.Tables, ","), e.Rows, e.Outcome); got != want[i] {
			t.Errorf("recorded is %q, want %q", got, want[i])
		}
	}
	if len(seen.entries) != len(want) {
		t.Errorf("%d statements are recorded, not %d", len(seen.entries), len(want))
	}
}

// What is wrong with a question is said before anything runs.
func TestQuestions(t *testing.T) {
	t.Parallel()
	s := console.NewService(console.Config{Engine: &engine{table: console.Lines}, Sources: console.Sources{Ledger: ledger{}}, Audit: &audit{}, PerUser: 1, Overall: 1})
	for name, q := range map[string]console.Question{
		"sql":    {SQL: " \n"},
		"sql ":   {SQL: strings.Repeat("x", console.MaxStatement+1)},
		"sql  ":  {SQL: "select '\xff'"},
		"since":  {SQL: "x", Since: now, Until: now.Add(-2 * time.Hour)},
		"limit":  {SQL: "x", Limit: console.MaxRows + 1},
		"limit ": {SQL: "x", Limit: -1},
	} {
		_, err := s.Answer(t.Context(), now, actor("us_1"), q)
		var wrong *errs.Error
		if !errors.As(err, &wrong) || len(wrong.Fields) != 1 || wrong.Fields[0].Name != strings.TrimSpace(name) || !strings.HasSuffix(wrong.Message, ".") {
			t.Errorf("%+.80v gives %v", q, err)
		}
	}
	// What is asked of the future is asked up to now; hours count whole.
	if _, err := s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "x", Since: now, Until: now.AddDate(1, 0, 0)}); err != nil {
		t.Error(err)
	}
}

// So many run at a time, and no more: for one user, and for all.
func TestTurns(t *testing.T) {
	t.Parallel()
	e := &engine{table: console.Lines, begun: make(chan struct{}), end: make(chan struct{})}
	s := console.NewService(console.Config{Engine: e, Sources: console.Sources{Ledger: ledger{}}, Audit: &audit{}, PerUser: 1, Overall: 2})
	done := make(chan error)
	ask := func(user identity.UserID) {
		_, err := s.Answer(t.Context(), now, actor(user), console.Question{SQL: "x"})
		done <- err
	}
	go ask("us_1")
	<-e.begun
	if _, err := s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "x"}); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "of yours") {
		t.Errorf("a second statement of one user gives %v", err)
	}
	go ask("us_2")
	<-e.begun
	if _, err := s.Answer(t.Context(), now, actor("us_3"), console.Question{SQL: "x"}); errs.KindOf(err) != errs.Unavailable || strings.Contains(err.Error(), "of yours") {
		t.Errorf("a third statement gives %v", err)
	}
	for range 2 {
		e.end <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	go ask("us_1")
	<-e.begun
	e.end <- struct{}{}
	if err := <-done; err != nil {
		t.Errorf("after that: %v", err)
	}
}

// bills note the window that they are asked for.
type bills struct {
	console.Bills
	since, until time.Time
}

func (b *bills) ProcessHours(_ context.Context, _ time.Time, _ identity.Actor, _ string, since, until time.Time) (iter.Seq2[bill.ProcessHour, error], error) {
	b.since, b.until = since, until
	return func(func(bill.ProcessHour, error) bool) {}, nil
}

func (b *bills) Visible(_ context.Context, _ identity.Actor, since, until time.Time) ([]cluster.Cluster, error) {
	b.since, b.until = since, until
	return nil, nil
}

// No table shows what is past its retention, whether or not it has been dropped.
func TestTablesBeginWithTheirRetention(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{
		"usage": "2026-10-01", "reads": "2026-09-01", "packages": "2026-08-01", "gpu": "2026-07-01", "events": "2026-06-01", "clusters": "0001-01-01",
	} {
		seen := &bills{}
		s := console.NewService(console.Config{
			Engine: &engine{table: table}, Audit: &audit{}, PerUser: 1, Overall: 1,
			Sources: console.Sources{Bills: seen, Retain: segment.Retainer{Retention: segment.Retention{Lines: 9, Usage: 1, Reads: 2, Packages: 3, GPU: 4, Events: 5}}},
		})
		if _, err := s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "x"}); err != nil || seen.since.Format(time.DateOnly) != want {
			t.Errorf("%s is shown since %v, want %s; %v", table, seen.since, want, err)
		}
		// A window that is wholly before it holds nothing, one that is wholly after it is as asked.
		q := console.Question{SQL: "x", Since: now.AddDate(0, -10, 0), Until: now.AddDate(0, -8, 0)}
		if _, err := s.Answer(t.Context(), now, actor("us_1"), q); err != nil || (table != "clusters" && !seen.since.Equal(seen.until)) {
			t.Errorf("%s is shown from %v to %v, want nothing; %v", table, seen.since, seen.until, err)
		}
		since := now.Truncate(time.Hour).Add(-time.Hour)
		if _, err := s.Answer(t.Context(), now, actor("us_1"), console.Question{SQL: "x", Since: since}); err != nil || !seen.since.Equal(since) {
			t.Errorf("%s is shown since %v, want %v; %v", table, seen.since, since, err)
		}
	}
}
