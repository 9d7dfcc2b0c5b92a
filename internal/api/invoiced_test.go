package api_test

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// payers are people who spent money in January 2026, and those who may look at it: ben's cluster is paid by nobody's group, ana's by one that lea leads.
type payers struct {
	*servertest.Server
	clients  map[string]*sdk.Client
	clusters []string
}

// january has people run clusters from the fifth of January to the first of February and beyond, some for minutes and some for weeks, at prices that change.
func january(t *testing.T) *payers {
	t.Helper()
	s := servertest.New(t)
	p := &payers{Server: s, clients: map[string]*sdk.Client{"admin": s.Admin, "ana": s.User}}
	for _, name := range []string{"lea", "ben", "carl"} {
		p.clients[name], _ = s.AddUser(t, name)
	}
	makeGroups(t, s)
	p.clusters = append(p.clusters, watchedWork(t, s))
	run := func(who, name string, workers int) string {
		c := s.RunCluster(t, p.clients[who], sdk.CreateClusterRequest{Name: name, Options: sdk.ClusterOptions{Workers: workers}})
		p.clusters = append(p.clusters, c.ID)
		return c.ID
	}
	short := run("ana", "flights", 2)
	run("ben", "rides", 1)
	s.Clock.Advance(3*time.Hour + 17*time.Minute + 1234567*time.Microsecond)
	if _, err := s.Admin.ImportPrices(t.Context(), []byte("provider,unit,price\nfake,core_hour,0.0512345\nfake,gb_hour,0.00177\n"), sdk.ImportPricesOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(9 * time.Hour)
	if _, err := s.User.StopCluster(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	run("lea", "own", 1)
	s.Clock.Advance(8 * 24 * time.Hour)
	run("ana", "later", 3)
	s.Clock.Advance(20 * 24 * time.Hour)
	s.Tick(t)
	return p
}

var (
	monthBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	monthEnd   = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
)

// booked adds up what somebody sees in the ledger of January, by cluster.
func (p *payers) booked(t testing.TB, client *sdk.Client) (sum int64, byCluster map[string]int64) {
	t.Helper()
	byCluster = map[string]int64{}
	o := sdk.LedgerEntriesOptions{Month: "2026-01", Limit: 5000}
	for {
		list, err := client.LedgerEntries(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Items {
			sum += e.CostNanos
			byCluster[e.ClusterID] += e.CostNanos
		}
		if o.Before = list.Next; list.Next == 0 {
			return sum, byCluster
		}
	}
}

// billed adds up a column of money of a FOCUS file.
func billed(t *testing.T, data []byte, column string) int64 {
	t.Helper()
	rows, _ := focusSum(t, data)
	sum := new(big.Rat)
	for _, row := range rows {
		amount, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Fatalf("%s is %q", column, row[column])
		}
		sum.Add(sum, amount)
	}
	nanos := sum.Mul(sum, big.NewRat(1e9, 1))
	if !nanos.IsInt() {
		t.Fatalf("%s sums to %s", column, nanos)
	}
	return nanos.Num().Int64()
}

// ask asks for invoiced figures, and checks that rows and rest are the total.
func ask(t testing.TB, client *sdk.Client, since, until time.Time, where []string, by ...string) sdk.CostBreakdown {
	t.Helper()
	b, err := client.CostBreakdown(t.Context(), sdk.BreakdownOptions{By: by, Where: where, Since: since, Until: until, Figures: sdk.FiguresInvoiced, Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	sum := b.RestNanos
	for _, r := range b.Rows {
		sum += r.CostNanos
	}
	if sum != b.TotalNanos || len(where) == 0 && b.TotalNanos != b.AllNanos || b.Figures != sdk.FiguresInvoiced || b.UnplacedNanos != 0 {
		t.Fatalf("by %v where %v rows sum to %d of %d, of all %d, unplaced %d", by, where, sum, b.TotalNanos, b.AllNanos, b.UnplacedNanos)
	}
	return b
}

// TestInvoicedFiguresAreTheBooks imports invoices at random, for backends, clusters and single processes, one over the other, and asks for the same money in every way there
// is: by any dimensions, in any window of whole hours, of everyone. Whatever is asked is what the ledger says and what the FOCUS file bills, to the nano-unit, and where no
// invoice was imported all of it is what was metered.
func TestInvoicedFiguresAreTheBooks(t *testing.T) {
	t.Parallel()
	p := january(t)
	ctx := t.Context()
	dimensions := []string{"user", "group", "cluster", "name", "backend", "kind", "category", "operation", "library", "file", "line", "function", "leaf", "task", "project", "hour", "day", "week", "month"}
	agreeOnMonth := func(rt *rapid.T) {
		for _, who := range []string{"admin", rapid.SampledFrom([]string{"ana", "ben", "carl", "lea"}).Draw(rt, "who")} {
			client := p.clients[who]
			sum, byCluster := p.booked(t, client)
			by := rapid.SliceOfNDistinct(rapid.SampledFrom(dimensions), 1, 3, rapid.ID).Draw(rt, "by")
			b := ask(t, client, monthBegin, monthEnd, nil, by...)
			file, err := client.CostFocus(ctx, "", sdk.CostOptions{Since: monthBegin, Until: monthEnd})
			if err != nil {
				rt.Fatal(err)
			}
			months, err := client.LedgerMonths(ctx)
			if err != nil {
				rt.Fatal(err)
			}
			statement := int64(0)
			if len(months.Items) > 0 {
				statement = months.Items[0].ClosingNanos
			}
			if b.TotalNanos != sum || billed(t, file, "BilledCost") != sum || statement != sum || billed(t, file, "ListCost") != b.MeteredTotalNanos {
				rt.Fatalf("%s by %v: the breakdown says %d, the ledger %d, its statement %d, FOCUS %d; metered %d, FOCUS %d", who, by, b.TotalNanos, sum, statement,
					billed(t, file, "BilledCost"), b.MeteredTotalNanos, billed(t, file, "ListCost"))
			}
			for _, r := range ask(t, client, monthBegin, monthEnd, nil, "cluster").Rows {
				if r.CostNanos != byCluster[r.Keys[0]] {
					rt.Fatalf("%s: cluster %s is %d, the ledger says %d", who, r.Keys[0], r.CostNanos, byCluster[r.Keys[0]])
				}
			}
		}
		for _, r := range ask(t, p.Admin, monthBegin, monthEnd, nil, "user").Rows {
			if own := ask(t, p.clients[r.Keys[0]], monthBegin, monthEnd, []string{"user=" + r.Keys[0]}, "kind"); own.TotalNanos != r.CostNanos {
				rt.Fatalf("%s is %d to the admin and %d to themselves", r.Keys[0], r.CostNanos, own.TotalNanos)
			}
		}
	}
	agreeOnWindows := func(rt *rapid.T) {
		hour := func(name string) int { return rapid.IntRange(0, 32*24).Draw(rt, name) }
		cuts := []int{hour("a"), hour("b"), hour("c")}
		slices.Sort(cuts)
		total := func(from, to int, by ...string) int64 {
			if from == to {
				return 0
			}
			since, until := monthBegin.Add(time.Duration(from)*time.Hour), monthBegin.Add(time.Duration(to)*time.Hour)
			b := ask(t, p.Admin, since, until, nil, by...)
			if b.End.After(p.Clock.Now()) { // FOCUS stops at this second
				return b.TotalNanos
			}
			file, err := p.Admin.CostFocus(ctx, "", sdk.CostOptions{Since: since, Until: until})
			if err != nil {
				rt.Fatal(err)
			}
			if sum := billed(t, file, "BilledCost"); sum != b.TotalNanos {
				rt.Fatalf("%s to %s by %v is %d, FOCUS bills %d", since, until, by, b.TotalNanos, sum)
			}
			return b.TotalNanos
		}
		one := rapid.SampledFrom(dimensions)
		first, second, both := total(cuts[0], cuts[1], one.Draw(rt, "by one")), total(cuts[1], cuts[2], one.Draw(rt, "by another")), total(cuts[0], cuts[2], one.Draw(rt, "by a third"))
		if first+second != both {
			rt.Fatalf("%d and %d make %d", first, second, both)
		}
		day := monthBegin.AddDate(0, 0, rapid.IntRange(4, 31).Draw(rt, "day"))
		for _, r := range ask(t, p.Admin, monthBegin, monthEnd.AddDate(0, 0, 2), []string{"day=" + day.Format(time.DateOnly)}, "day").Rows {
			if alone := ask(t, p.Admin, day, day.AddDate(0, 0, 1), nil, "kind").TotalNanos; alone != r.CostNanos {
				rt.Fatalf("%s is %d of the month, and %d alone", r.Keys[0], r.CostNanos, alone)
			}
		}
	}
	metered := ask(t, p.Admin, monthBegin, monthEnd, nil, "user")
	if metered.TotalNanos != metered.MeteredTotalNanos || metered.Invoices[0].Status != "none" || metered.Invoices[0].Month != "2026-01" {
		t.Fatalf("before any invoice: %+v", metered)
	}
	processes := map[string]bool{}
	list, err := p.Admin.LedgerEntries(ctx, sdk.LedgerEntriesOptions{Month: "2026-01", Limit: 5000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Items {
		processes[e.ProcessID] = true
	}
	ids := make([]string, 0, len(processes))
	for id := range processes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 5 { // each round goes on with the same books
			return
		}
		file := "BilledCost,BillingCurrency,BillingPeriodStart,ResourceId,x_ClusterId,SkuId\n"
		for range rapid.IntRange(1, 4).Draw(rt, "rows") {
			target := []string{"", "", "backend"}
			switch rapid.SampledFrom([]string{"backend", "backend", "cluster", "process"}).Draw(rt, "target") {
			case "cluster":
				target = []string{"", rapid.SampledFrom(p.clusters).Draw(rt, "cluster"), ""}
			case "process":
				target = []string{rapid.SampledFrom(ids).Draw(rt, "process"), "", ""}
			}
			if rounds <= 2 { // whole backends first: those are read from other rollups
				target = []string{"", "", "backend"}
			}
			file += fmt.Sprintf("%d.%09d,USD,2026-01-01T00:00:00Z,%s\n", rapid.IntRange(0, 300).Draw(rt, "units"), rapid.IntRange(0, 999_999_999).Draw(rt, "nanos"), strings.Join(target, ","))
		}
		if _, err := p.Admin.ImportFocus(ctx, "2026-01", strings.NewReader(file), sdk.ImportFocusOptions{Rules: []string{"SkuId=backend -> backend=fake"}, Source: "random.csv"}); err != nil {
			rt.Fatal(err)
		}
		agreeOnMonth(rt)
		agreeOnWindows(rt)
		agreeOnWindows(rt)
	})
	now := ask(t, p.Admin, monthBegin, p.Clock.Now(), nil, "user")
	if n := len(now.Invoices); n != 2 || now.Invoices[0].Status != "invoiced" || now.Invoices[1].Status != "running" || now.Invoices[0].TrueUpNanos != now.TotalNanos-now.MeteredTotalNanos ||
		len(now.Invoices[0].Imports) == 0 || now.Invoices[0].Imports[0].Source != "random.csv" || now.Invoices[0].Imports[0].Factors[0].Target != "backend fake" {
		t.Errorf("invoices: %+v", now.Invoices)
	}
	for _, i := range ask(t, p.User, monthBegin, monthEnd, nil, "user").Invoices[0].Imports {
		if slices.ContainsFunc(i.Factors, func(f sdk.InvoiceFactor) bool { return !strings.HasPrefix(f.Target, "backend ") }) {
			t.Errorf("a user sees factors of single clusters: %+v", i)
		}
	}
	// What we export says what was invoiced, so as an invoice it changes nothing.
	file, err := p.Admin.CostFocus(ctx, "", sdk.CostOptions{Since: monthBegin, Until: monthEnd})
	if err != nil {
		t.Fatal(err)
	}
	same, err := p.Admin.ImportFocus(ctx, "2026-01", bytes.NewReader(file), sdk.ImportFocusOptions{Source: "our own"})
	if err != nil || same.BookedNanos != 0 || same.Entries != 0 || same.NotOursRows != 0 {
		t.Errorf("our own export books %+v, %v", same, err)
	}
	// Files hold the same figures.
	csv, err := p.Admin.CostFile(ctx, sdk.BreakdownOptions{By: []string{"month"}, Since: monthBegin, Until: monthEnd, Figures: sdk.FiguresInvoiced}, sdk.FileCSV)
	if want := fmt.Sprintf("2026-01,%d,", ask(t, p.Admin, monthBegin, monthEnd, nil, "user").TotalNanos); err != nil || !strings.Contains(string(csv), want) {
		t.Errorf("the table is %s, %v; want %s", csv, err, want)
	}
	if _, err := p.Admin.CloseLedgerMonth(ctx, "2026-01"); err != nil {
		t.Fatal(err)
	}
	rounds = 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds <= 1 {
			agreeOnMonth(rt)
			agreeOnWindows(rt)
		}
	})
}

// Leads see the books of what their groups pay for, users their own, admins all: months, one month with its totals and check, entries and the summary. Before and after the
// month is closed.
func TestWhoSeesTheBooks(t *testing.T) {
	t.Parallel()
	p := january(t)
	ctx := t.Context()
	invoice := "BilledCost,BillingCurrency,BillingPeriodStart\n77.7,USD,2026-01-01T00:00:00Z\n"
	if _, err := p.Admin.ImportFocus(ctx, "2026-01", strings.NewReader(invoice), sdk.ImportFocusOptions{Rules: []string{"-> backend=fake"}}); err != nil {
		t.Fatal(err)
	}
	look := func() map[string]int64 {
		closing := map[string]int64{}
		for who, want := range map[string][]string{"admin": {"ana", "ben", "lea"}, "ana": {"ana"}, "ben": {"ben"}, "lea": {"ana", "lea"}, "carl": nil} {
			client := p.clients[who]
			sum, _ := p.booked(t, client)
			months, err := client.LedgerMonths(ctx)
			if err != nil {
				t.Fatal(err)
			}
			d, err := client.LedgerMonth(ctx, "2026-01")
			if want == nil {
				if sum != 0 || len(months.Items) > 0 && months.Items[0].Entries != 0 {
					t.Errorf("%s sees %d, %+v", who, sum, months.Items)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", who, err)
			}
			var users []string
			total := int64(0)
			for _, row := range d.Totals {
				if !slices.Contains(users, row.User) {
					users = append(users, row.User)
				}
				if group := map[string]string{"ana": "/research/genomics", "lea": "/research"}[row.User]; row.Group != group {
					t.Errorf("%s pays from %q, want %q", row.User, row.Group, group)
				}
				total += row.CostNanos
			}
			slices.Sort(users)
			summary, err := client.LedgerSummary(ctx, sdk.CostOptions{Since: monthBegin, Until: monthEnd})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(users, want) || total != sum || months.Items[0].ClosingNanos != sum || !d.Check.Balanced || d.Check.PostedNanos != summary.AllocatedNanos || sum == 0 {
				t.Errorf("%s sees %v, want %v: totals %d, entries %d, statement %d, check %+v, allocated %d", who, users, want, total, sum, months.Items[0].ClosingNanos, d.Check, summary.AllocatedNanos)
			}
			if (len(d.Imports) > 0) != (who == "admin") {
				t.Errorf("%s sees %d invoices", who, len(d.Imports))
			}
			closing[who] = sum
		}
		return closing
	}
	before := look()
	if before["lea"] <= before["ana"] || before["admin"] != before["lea"]+before["ben"] {
		t.Errorf("the books: %v", before)
	}
	if _, err := p.Admin.CloseLedgerMonth(ctx, "2026-01"); err != nil {
		t.Fatal(err)
	}
	after := look()
	for who, sum := range before {
		if after[who] != sum {
			t.Errorf("%s saw %d, and %d since the month is closed", who, sum, after[who])
		}
	}
}
