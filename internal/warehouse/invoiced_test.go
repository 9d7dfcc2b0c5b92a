package warehouse_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// invoices are books in which each hour of a cluster has a true-up that its name decides, so that it is the same however it is asked for.
type invoices struct {
	truth     facts
	home      *time.Location
	byCluster bool
	// asked is what was asked for last.
	asked *spend.Booked
	cells *map[spend.Cell][]warehouse.Pair
}

// of is the true-up of a pair: of what cost nothing too, but never less than nothing is left.
func (b invoices) of(p warehouse.Pair) cost.Nanos {
	if len(b.truth[p]) == 0 {
		return 0
	}
	var metered cost.Nanos
	for _, f := range b.truth[p] {
		metered += f.Cost
	}
	h := fnv.New64a()
	fmt.Fprint(h, p.Cluster, p.Hour.Unix())
	return cost.Nanos(h.Sum64()%uint64(2*metered+7)) - metered
}

func (b invoices) TrueUps(_ context.Context, _ time.Time, _ identity.Actor, since, until time.Time, per []spend.Slice, byCluster bool) (spend.Booked, error) {
	out := spend.Booked{ByCluster: byCluster || b.byCluster}
	add := func(slices []spend.Slice, of map[spend.Cell][]warehouse.Pair) (cells []spend.Cell) {
		for p, fs := range b.truth {
			for _, s := range slices {
				if !p.Hour.Before(s.Since) && p.Hour.Before(s.Until) && len(fs) > 0 {
					c := spend.Cell{Month: spend.PeriodOf("month", p.Hour, b.home), At: s.At}
					if out.ByCluster {
						c.Cluster = p.Cluster
					} else {
						c.UserID, c.Group, c.Backend = fs[0].UserID, fs[0].Group, fs[0].Backend
					}
					of[c] = append(of[c], p)
				}
			}
		}
		for c, pairs := range of {
			for _, p := range pairs {
				c.Nanos += b.of(p)
			}
			if c.Nanos != 0 {
				cells = append(cells, c)
			}
		}
		return cells
	}
	*b.cells = map[spend.Cell][]warehouse.Pair{}
	out.Per = add(per, *b.cells)
	out.All = add([]spend.Slice{{Since: since, Until: until}}, map[spend.Cell][]warehouse.Pair{})
	*b.asked = out
	return out, nil
}

// TestInvoicedAnswersSumToTheBooks holds answers in invoiced figures against sums over hours in plain Go: whatever is asked and whatever rollup answers, a window's cost is
// what was metered and trued up in its hours, to the nano-unit; of what is grouped by time alone each row is; and each row has its part of each true-up, rounded.
func TestInvoicedAnswersSumToTheBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		home := pick(t, "home", zones...)
		w := open(t, home)
		settled, now := someFacts(t, "settled"), someFacts(t, "delta")
		c, err := w.Replace(t.Context(), nil, settled.pairs(), slices.Values(settled.all()))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Refresh(t.Context(), warehouse.View{Segments: apply(t, nil, c), Pairs: now.pairs(), Facts: now.all(), AsOf: begin}); err != nil {
			t.Fatal(err)
		}
		truth := facts{}
		maps.Copy(truth, settled)
		maps.Copy(truth, now)
		books := invoices{truth, zone(t, home), rapid.Bool().Draw(t, "by cluster"), new(spend.Booked), new(map[spend.Cell][]warehouse.Pair)}
		service := spend.NewService(w, "NOK").WithBooks(books)
		admin := identity.Actor{User: identity.User{Role: identity.RoleAdmin}}
		for range 5 {
			q := someQuery(t, home)
			q.Figures = spend.Invoiced
			got, err := service.Answer(t.Context(), begin.AddDate(1, 0, 0), admin, q)
			if err != nil {
				t.Fatalf("%v\n%s", err, got.SQL)
			}
			checkInvoiced(t, got, books)
		}
	})
}

func checkInvoiced(t *rapid.T, got spend.Answer, books invoices) {
	q := got.Query
	metered := oracle(q, spend.Everything, books.truth)
	all := metered.All
	for p := range books.truth {
		if !p.Hour.Before(q.Since) && p.Hour.Before(q.Until) {
			all += books.of(p)
		}
	}
	sum := got.Rest
	for _, r := range got.Rows {
		sum += r.Cost
	}
	if got.All != all || got.MeteredTotal != metered.Total || sum != got.Total || got.Clusters != metered.Clusters || len(got.Rows)+got.RestRows != len(metered.Rows)+metered.RestRows {
		t.Fatalf("%+v\nall %d, want %d; metered %d, want %d; rows sum to %d of %d; %d rows, want %d\n%s", q, got.All, all, got.MeteredTotal, metered.Total, sum, got.Total,
			len(got.Rows)+got.RestRows, len(metered.Rows)+metered.RestRows, got.SQL)
	}
	// What each cell's true-up adds to each row, exactly and not rounded.
	wide := q
	wide.Limit = spend.MaxRows
	want, off := map[string]*big.Rat{}, cost.Nanos(0)
	onlyTimes := !slices.ContainsFunc(q.Where, func(f spend.Filter) bool {
		return !slices.Contains([]spend.Dimension{"hour", "day", "week", "month"}, f.Dimension)
	})
	total := metered.Total
	for _, r := range oracle(wide, spend.Everything, books.truth).Rows {
		want[strings.Join(r.Keys, "\x00")] = new(big.Rat).SetInt64(int64(r.Cost))
	}
	for _, cell := range books.asked.Per {
		total += cell.Nanos
		of := facts{}
		var whole cost.Nanos
		for _, p := range (*books.cells)[spend.Cell{Cluster: cell.Cluster, UserID: cell.UserID, Group: cell.Group, Backend: cell.Backend, Month: cell.Month, At: cell.At}] {
			of[p] = books.truth[p]
			for _, f := range of[p] {
				whole += f.Cost
			}
		}
		off++
		if whole == 0 {
			off += max(cell.Nanos, -cell.Nanos)
			continue
		}
		for _, r := range oracle(wide, spend.Everything, of).Rows {
			part := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(cell.Nanos)), big.NewInt(int64(r.Cost))), big.NewInt(int64(whole)))
			want[strings.Join(r.Keys, "\x00")].Add(want[strings.Join(r.Keys, "\x00")], part)
		}
	}
	if onlyTimes && got.Total != total {
		t.Fatalf("%+v\nthe total is %d, want %d\n%s", q, got.Total, total, got.SQL)
	}
	for _, r := range got.Rows {
		gap := new(big.Rat).Sub(want[strings.Join(r.Keys, "\x00")], new(big.Rat).SetInt64(int64(r.Cost)))
		if gap.Abs(gap).Cmp(new(big.Rat).SetInt64(int64(off))) > 0 {
			t.Fatalf("%+v\n%v is %d, want %s\n%s", q, r.Keys, r.Cost, want[strings.Join(r.Keys, "\x00")].FloatString(2), got.SQL)
		}
	}
}

// Many true-ups are put into a table, few into the statement; both divide alike.
func TestManyTrueUpsAnswerAsFewDo(t *testing.T) {
	t.Parallel()
	w := open(t, "Europe/Oslo")
	truth := facts{}
	for n := range 700 {
		of := owners[n%2]
		hour := begin.Add(time.Duration(n) * time.Hour)
		truth[warehouse.Pair{Cluster: of.Cluster, Hour: hour}] = spend.Facts(of, []bill.Hour{
			{Start: hour, Kind: bill.KindIdle, Category: "idle.no_work", Cost: cost.Nanos(1000 + n)}, {Start: hour, Kind: bill.KindUnknown, Category: bill.KindUnknown, Cost: 7},
		})
	}
	c, err := w.Replace(t.Context(), nil, truth.pairs(), slices.Values(truth.all()))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Refresh(t.Context(), warehouse.View{Segments: apply(t, nil, c), AsOf: begin}); err != nil {
		t.Fatal(err)
	}
	books := invoices{truth, zone(t, "Europe/Oslo"), false, new(spend.Booked), new(map[spend.Cell][]warehouse.Pair)}
	service := spend.NewService(w, "NOK").WithBooks(books)
	ask := func(by ...spend.Dimension) spend.Answer {
		a, err := service.Answer(t.Context(), begin.AddDate(1, 0, 0), identity.Actor{User: identity.User{Role: identity.RoleAdmin}}, spend.Query{
			By: by, Since: begin, Until: begin.Add(700 * time.Hour), Zone: zone(t, "Europe/Oslo"), Limit: spend.MaxRows, Figures: spend.Invoiced,
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	few, many := ask("kind"), ask("hour", "kind")
	if len(books.asked.Per) < 600 || !strings.Contains(many.SQL, "rows of the ledger, by user_id, group_path, backend, month, hour") || strings.Contains(few.SQL, "rows of the ledger") {
		t.Fatalf("%d cells\n%s", len(books.asked.Per), many.SQL)
	}
	if few.Total != many.Total || few.Total != few.All || few.Total == few.MeteredTotal || few.Unseen >= few.All || len(many.Rows) != 1400 {
		t.Errorf("few %d of %d, many %d in %d rows, metered %d, unseen %d", few.Total, few.All, many.Total, len(many.Rows), few.MeteredTotal, few.Unseen)
	}
	for _, r := range few.Rows {
		if r.Keys[0] == bill.KindUnknown && r.Cost != few.Unseen {
			t.Errorf("unknown is %d, unseen %d", r.Cost, few.Unseen)
		}
	}
}
