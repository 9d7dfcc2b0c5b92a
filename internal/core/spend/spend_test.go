package spend_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
)

var begin = time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC) // a few hours before Europe's clocks go back

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// hours draws what a cluster spent.
func hours(t *rapid.T) []bill.Hour {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) bill.Hour {
		h := bill.Hour{
			Start: begin.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hour")) * time.Hour),
			Kind:  rapid.SampledFrom([]string{bill.KindWork, bill.KindIdle, bill.KindUnknown, bill.KindLost}).Draw(t, "kind"),
			Cost:  cost.Nanos(rapid.Int64Range(0, 1e12).Draw(t, "cost")), ThreadMicros: rapid.Int64Range(0, 1e9).Draw(t, "us"),
		}
		h.Category = h.Kind
		if h.Kind == bill.KindWork {
			h.Operation = rapid.SampledFrom([]string{"read.csv", "read.parquet", "merge"}).Draw(t, "operation")
			h.Origin = usage.Line{File: rapid.SampledFrom([]string{"a.py", "b.py"}).Draw(t, "file"), Line: rapid.IntRange(1, 3).Draw(t, "line")}
		}
		return h
	}), 0, 30).Draw(t, "hours")
}

// TestAllGroupingsAgree is the promise: whatever the money is grouped by and however many rows are listed, it is the same money.
func TestAllGroupingsAgree(t *testing.T) {
	t.Parallel()
	names, _ := spend.Dimensions()
	oslo := zone(t, "Europe/Oslo")
	rapid.Check(t, func(t *rapid.T) {
		var all [][]bill.Hour
		var want cost.Nanos
		for range rapid.IntRange(0, 4).Draw(t, "clusters") {
			of := hours(t)
			all = append(all, of)
			for _, h := range of {
				want += h.Cost
			}
		}
		ask := func(limit int, where []spend.Filter, by ...spend.Dimension) spend.Answer {
			q := spend.Query{By: by, Where: where, Since: begin, Until: begin.Add(72 * time.Hour), Zone: oslo, Limit: limit}
			if err := q.Check(); err != nil {
				t.Fatal(err)
			}
			g := spend.NewGrouping(q, "USD")
			for i, of := range all {
				g.Add(spend.Of{Cluster: cluster.ID("cl_" + string(rune('a'+i))), User: []string{"ana", "ben"}[i%2]}, of)
			}
			return g.Answer()
		}
		by := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "by"))))
		a := ask(rapid.IntRange(1, 20).Draw(t, "limit"), nil, by...)
		got := a.Rest
		for _, row := range a.Rows {
			got += row.Cost
			if len(row.Keys) != len(by) {
				t.Fatalf("row %v has not %d keys", row.Keys, len(by))
			}
		}
		if got != want || a.Total != want || a.All != want || (a.RestRows == 0 && a.Rest != 0) {
			t.Fatalf("rows and rest hold %d, total %d, all %d; want %d", got, a.Total, a.All, want)
		}
		// Filters by each value of a dimension divide the same money.
		divided := cost.Nanos(0)
		for _, row := range ask(spend.MaxRows, nil, by[0]).Rows {
			part := ask(1, []spend.Filter{{Dimension: by[0], Values: []string{row.Keys[0]}}}, "kind")
			if part.Total != row.Cost || part.All != want {
				t.Fatalf("%s=%q: %d by filter, %d by group", by[0], row.Keys[0], part.Total, row.Cost)
			}
			divided += part.Total
		}
		if divided != want {
			t.Fatalf("filters hold %d of %d", divided, want)
		}
	})
}

func TestDaysBeginInTheZone(t *testing.T) {
	t.Parallel()
	q := spend.Query{By: []spend.Dimension{"day"}, Since: begin, Until: begin.Add(48 * time.Hour), Zone: zone(t, "Europe/Oslo"), Limit: 10}
	g := spend.NewGrouping(q, "NOK")
	var of []bill.Hour
	for i := range 48 { // 20:00 UTC is 22:00 in Oslo; the 25th has 25 hours there
		of = append(of, bill.Hour{Start: begin.Add(time.Duration(i) * time.Hour), Kind: bill.KindIdle, Category: "idle.no_work", Cost: 1})
	}
	g.Add(spend.Of{Cluster: "cl_a", Name: "a", User: "ana"}, of)
	var got []string
	for _, row := range g.Answer().Rows {
		got = append(got, row.Keys[0]+" "+string(rune('0'+row.Cost/10))+string(rune('0'+row.Cost%10)))
	}
	if want := []string{"2026-10-24 02", "2026-10-25 25", "2026-10-26 21"}; !slices.Equal(got, want) {
		t.Errorf("days %v, want %v", got, want)
	}
}

func TestWhatCannotBeAskedIsExplained(t *testing.T) {
	t.Parallel()
	good := spend.Query{By: []spend.Dimension{"user"}, Since: begin, Until: begin.Add(time.Hour), Zone: time.UTC, Limit: 1}
	for name, c := range map[string]struct {
		change func(q *spend.Query)
		want   string
	}{
		"nothing to group by": {func(q *spend.Query) { q.By = nil }, "Group by 1 to"},
		"unknown dimension":   {func(q *spend.Query) { q.By = []spend.Dimension{"colour"} }, `"colour" is nothing to group by`},
		"twice":               {func(q *spend.Query) { q.By = []spend.Dimension{"user", "user"} }, "user is there twice"},
		"window":              {func(q *spend.Query) { q.Until = q.Since }, "must start before it ends"},
		"limit":               {func(q *spend.Query) { q.Limit = spend.MaxExportRows + 1 }, "1000001"},
		"filters":             {func(q *spend.Query) { q.Where = make([]spend.Filter, 21) }, "There are 21 filters"},
	} {
		q := good
		c.change(&q)
		err := q.Check()
		if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{"operation=read.csv,read.*", "user=", "line=a.py:3", "=", "colour=red", "file"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := spend.ParseFilter(text)
		if err != nil {
			return
		}
		names, _ := spend.Dimensions()
		if !slices.Contains(names, filter.Dimension) || len(filter.Values) == 0 {
			t.Errorf("%q parsed as %+v", text, filter)
		}
	})
}

// TestFiltersAreReadAsWritten gives values any characters: commas belong to them where they say so.
func TestFiltersAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`file=a,b`:             {"a", "b"},
		`file=a\,b,c`:          {"a,b", "c"},
		`file=C:\jobs\f.py`:    {`C:\jobs\f.py`},
		`file=`:                {""},
		`file=,`:               {"", ""},
		`file=a\,`:             {"a,"},
		`file=x=y`:             {"x=y"},
		`file=\,\,`:            {",,"},
		`file=/home/*,cell:1*`: {"/home/*", "cell:1*"},
	} {
		f, err := spend.ParseFilter(text)
		if err != nil || f.Dimension != "file" || !slices.Equal(f.Values, want) {
			t.Errorf("%s is read as %q, %v; want %q", text, f.Values, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		// A value that ends in a backslash cannot stand before another one.
		f := spend.Filter{Dimension: "line", Values: rapid.SliceOfN(rapid.StringMatching(`([a-c,*\\=]*[a-c,*=])?`), 1, 4).Draw(t, "values")}
		back, err := spend.ParseFilter(f.String())
		if err != nil || !slices.Equal(back.Values, f.Values) {
			t.Fatalf("%q is written %s, read as %q, %v", f.Values, f, back.Values, err)
		}
	})
}

// The slices that a question is divided into are its hours that pass the filters by time, each once, and all hours of one have the same values.
func TestSlicesHoldTheHoursThatCount(t *testing.T) {
	t.Parallel()
	names := []spend.Dimension{"hour", "day", "week", "month", "user"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Oslo", "Asia/Kathmandu", "America/Havana"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		q := spend.Query{
			By: rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "by"), Zone: z, Limit: 1, Figures: spend.Invoiced,
			Since: begin.Add(time.Duration(rapid.IntRange(-900, 900).Draw(t, "since")) * time.Hour),
		}
		q.Until = q.Since.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "hours")) * time.Hour)
		if rapid.Bool().Draw(t, "filter") {
			q.Where = []spend.Filter{{Dimension: "day", Values: []string{rapid.SampledFrom([]string{"2026-10-2*", "2026-11*", "2027*"}).Draw(t, "days")}}, {Dimension: "user", Values: []string{"ana"}}}
		}
		var slices []spend.Slice
		engine := engineOf(func(q spend.Query) spend.Answer { return spend.Answer{Query: q} })
		books := booksOf(func(_, _ time.Time, per []spend.Slice) { slices = per })
		if _, err := spend.NewService(engine, "USD").WithBooks(books).Answer(t.Context(), q.Until, admin, q); err != nil {
			t.Fatal(err)
		}
		at := q.Since
		keys := func(hour time.Time) (out []string) {
			for _, by := range q.By {
				g := spend.NewGrouping(spend.Query{By: []spend.Dimension{by}, Zone: z, Limit: 1}, "USD")
				g.Add(spend.Of{Cluster: "c"}, []bill.Hour{{Start: hour}})
				out = append(out, g.Answer().Rows[0].Keys[0])
			}
			return out
		}
		counts := func(hour time.Time) bool { return len(q.Where) == 0 || q.Where[0].KeepsHour(hour, z) }
		for _, s := range slices {
			for ; at.Before(s.Since); at = at.Add(time.Hour) {
				if counts(at) {
					t.Fatalf("%s counts and is in no slice", at)
				}
			}
			want := strings.Join(keys(s.Since), " ")
			for ; at.Before(s.Until); at = at.Add(time.Hour) {
				if got := strings.Join(keys(at), " "); !counts(at) || got != want {
					t.Fatalf("%s is in the slice of %s, as %s", at, want, got)
				}
			}
		}
		for ; at.Before(q.Until); at = at.Add(time.Hour) {
			if counts(at) {
				t.Fatalf("%s counts and is in no slice", at)
			}
		}
	})
}

var admin = identity.Actor{User: identity.User{Role: identity.RoleAdmin}}

type engineOf func(q spend.Query) spend.Answer

func (e engineOf) Answer(_ context.Context, q spend.Query, _ spend.Scope) (spend.Answer, error) {
	return e(q), nil
}

type booksOf func(since, until time.Time, per []spend.Slice)

func (b booksOf) TrueUps(_ context.Context, _ time.Time, _ identity.Actor, since, until time.Time, per []spend.Slice, _ bool) (spend.Booked, error) {
	b(since, until, per)
	return spend.Booked{}, nil
}

// Without books there are no invoiced figures, and no figures by another name.
func TestFiguresThatThereAreNot(t *testing.T) {
	t.Parallel()
	service := spend.NewService(engineOf(func(q spend.Query) spend.Answer { return spend.Answer{Query: q} }), "USD")
	q := spend.Query{By: []spend.Dimension{"user"}, Since: begin, Until: begin.Add(time.Hour), Zone: time.UTC, Limit: 1, Figures: spend.Invoiced}
	if _, err := service.Answer(t.Context(), q.Until, admin, q); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("without books: %v", err)
	}
	q.Figures = "guessed"
	if _, err := service.Answer(t.Context(), q.Until, admin, q); errs.KindOf(err) != errs.Invalid {
		t.Errorf("guessed figures: %v", err)
	}
}
