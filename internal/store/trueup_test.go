package store_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

// An invoice makes the month sum to it, group by group; the same again changes nothing; rows of others are told apart; a closed month refuses.
func TestTrueUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBooks(t, db, time.UTC)
		a, c := b.cluster(t, "a", 2), b.cluster(t, "b", 1)
		b.now = time.Date(2026, 2, 1, 1, 0, 0, 0, time.UTC)
		b.post(t)
		invoice := focusFile(t,
			[]string{"BilledCost", "BillingCurrency", "BillingPeriodStart", "ResourceId", "ServiceName", "ProviderName", "Tags"},
			[]string{"0.1234567891", "USD", "2026-01-01T00:00:00Z", string(a[1].ID), "EC2", "AWS", ""},
			[]string{"1e-10", "USD", "2026-01-01 00:00:00", string(a[1].ID), "EC2", "AWS", "NULL"},
			[]string{"5", "USD", "2026-01-01T00:00:00Z", "i-1", "EC2", "AWS", `{"lineitem_cluster":"` + string(c[0].ClusterID) + `"}`},
			[]string{"7.5", "USD", "2026-01-01T00:00:00Z", "bucket", "S3", "AWS", `{"team":"x"}`},
			[]string{"-2", "USD", "2026-01-01T00:00:00Z", "", "Credit", "AWS", ""},
			[]string{"1000", "USD", "2025-12-01T00:00:00Z", string(a[1].ID), "EC2", "AWS", ""})
		in := func(file string, dry bool) ledger.ImportInput {
			return ledger.ImportInput{Month: "2026-01", File: strings.NewReader(file), Source: "invoice.csv", CostColumn: "BilledCost", DryRun: dry}
		}
		dry, err := b.service.Import(ctx, b.now, b.admin, in(invoice, true))
		must(t, err)
		metered := a[1].Cost(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
		if dry.Rows != 5 || dry.OtherMonths != 1 || dry.Invoiced != 5_123_456_789 || dry.NotOursRows != 2 || dry.NotOursCost != 5_500_000_000 || dry.NotInvoicedProcesses != 2 ||
			dry.Groups != 2 || dry.Factors[1].Target != "process "+string(a[1].ID) || dry.Factors[1].Metered != metered || dry.Booked != dry.Invoiced-dry.Metered {
			t.Errorf("dry run: %+v", dry)
		}
		equal(t, dry.NotOurs, []ledger.NotOurs{
			{Provider: "AWS", Service: "S3", Reason: dry.NotOurs[0].Reason, Rows: 1, Cost: 7_500_000_000},
			{Provider: "AWS", Service: "Credit", Reason: dry.NotOurs[0].Reason, Rows: 1, Cost: -2_000_000_000},
		})
		if imports := getBy(t, ctx, db.Imports, ledger.Month("2026-01")); len(imports) != 0 {
			t.Errorf("a dry run wrote %+v", imports)
		}
		done, err := b.service.Import(ctx, b.now, b.admin, in(invoice, false))
		must(t, err)
		dry.DryRun = false
		equal(t, done, dry)
		again, err := b.service.Import(ctx, b.now.Add(time.Hour), b.admin, in(invoice, false))
		must(t, err)
		if !again.Unchanged || again.Entries != 0 || again.Booked != 0 || again.Factors[0].TruedUp != done.Factors[0].Booked {
			t.Errorf("again: %+v", again)
		}
		sums := map[cluster.ID]cost.Nanos{}
		for _, e := range getBy(t, ctx, db.Entries, ledger.Filter{Scope: everything, Month: "2026-01", Limit: 1000}) {
			if e.Cluster == c[0].ClusterID || e.Process == a[1].ID {
				sums[e.Cluster] += e.Cost
			}
		}
		equal(t, sums, map[cluster.ID]cost.Nanos{a[1].ClusterID: 123_456_789, c[0].ClusterID: 5_000_000_000})

		// Another invoice for the same takes the place of the first; rules lead other rows to a backend.
		ruled := in(focusFile(t, []string{"BilledCost", "BillingCurrency", "BillingPeriodStart", "ServiceName", "RegionId"},
			[]string{"3", "USD", "2026-01-01T00:00:00Z", "Amazon Elastic Compute Cloud", "eu"}, []string{"9", "USD", "2026-01-01T00:00:00Z", "Amazon S3", "eu"}), false)
		ruled.Rules = []string{"ServiceName=Amazon S3 -> none", "ServiceName=Amazon*,RegionId=eu -> backend=local"}
		third, err := b.service.Import(ctx, b.now, b.admin, ruled)
		must(t, err)
		statements, err := b.service.Months(ctx, b.admin)
		must(t, err)
		if third.NotOursCost != 9e9 || third.NotInvoicedProcesses != 0 || statements[0].Closing != 3e9 {
			t.Errorf("by a rule: %+v, the month closes with %d", third, statements[0].Closing)
		}
		if d, err := b.service.Month(ctx, b.now, b.admin, "2026-01"); err != nil || len(d.Imports) != 2 || !d.Check.Balanced() {
			t.Errorf("month: %+v, %v", d, err)
		}
		for name, tc := range map[string]struct {
			change func(*ledger.ImportInput)
			want   string
		}{
			"other month":    {func(in *ledger.ImportInput) { in.Month = "2025-11" }, "None of the 6 rows"},
			"not over":       {func(in *ledger.ImportInput) { in.Month = "2026-02" }, "2026-02 can be trued up from"},
			"no such column": {func(in *ledger.ImportInput) { in.CostColumn = "EffectiveCost" }, "no column EffectiveCost"},
			"wrong column":   {func(in *ledger.ImportInput) { in.CostColumn = "Tags" }, "cannot say what a row costs"},
			"no rule":        {func(in *ledger.ImportInput) { in.Rules = []string{"A=B"} }, "is no rule"},
			"no target":      {func(in *ledger.ImportInput) { in.Rules = []string{"A=B -> team=x"} }, "it must lead to"},
			"rule's column":  {func(in *ledger.ImportInput) { in.Rules = []string{"Team=B -> backend=local"} }, "no column Team"},
			"currency":       {func(in *ledger.ImportInput) { in.File = strings.NewReader(strings.Replace(invoice, "USD", "EUR", 1)) }, "Line 2: its currency is EUR"},
			"amount":         {func(in *ledger.ImportInput) { in.File = strings.NewReader(strings.Replace(invoice, "7.5", "much", 1)) }, `Line 5: BilledCost is "much"`},
			"time": {func(in *ledger.ImportInput) {
				in.File = strings.NewReader(strings.Replace(invoice, "2026-01-01 00:00:00", "January", 1))
			}, `Line 3: BillingPeriodStart is "January"`},
		} {
			input := in(invoice, false)
			tc.change(&input)
			_, err := b.service.Import(ctx, b.now, b.admin, input)
			var e *errs.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, tc.want) || !strings.Contains(e.Message, "Nothing was imported.") {
				t.Errorf("%s: %v, want %q", name, err, tc.want)
			}
		}
		_, err = b.service.Import(ctx, b.now, identity.Actor{User: identity.User{Role: identity.RoleUser}}, in(invoice, false))
		wantKind(t, err, errs.Forbidden)
		_, err = b.service.Close(ctx, b.now, b.admin, "2026-01")
		must(t, err)
		_, err = b.service.Import(ctx, b.now, b.admin, in(invoice, false))
		wantCode(t, err, "month_closed")
	})
}

func focusFile(t testing.TB, rows ...[]string) string {
	t.Helper()
	var file bytes.Buffer
	out := csv.NewWriter(&file)
	must(t, out.WriteAll(rows))
	return file.String()
}

// TestTrueUpHitsTheInvoice imports invoices at random, one after the other: each time every group of processes that was matched sums to what was invoiced for it, and nothing
// else changes.
func TestTrueUpHitsTheInvoice(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	b := newBooks(t, db, time.UTC)
	var processes []cluster.Process
	for n := range 3 {
		processes = append(processes, b.cluster(t, fmt.Sprintf("c%d", n), 3)...)
	}
	b.now = time.Date(2026, 2, 1, 1, 0, 0, 0, time.UTC)
	b.post(t)
	sums := func() map[cluster.ProcessID]cost.Nanos {
		out := map[cluster.ProcessID]cost.Nanos{}
		for _, e := range getBy(t, t.Context(), db.Entries, ledger.Filter{Scope: everything, Month: "2026-01", Limit: 100_000}) {
			out[e.Process] += e.Cost
		}
		return out
	}
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 30 {
			return
		}
		rows := [][]string{{"BilledCost", "BillingCurrency", "BillingPeriodStart", "ResourceId", "x_ClusterId"}}
		invoiced := map[string]cost.Nanos{}
		for range rapid.IntRange(1, 12).Draw(rt, "rows") {
			p := processes[rapid.IntRange(0, len(processes)-1).Draw(rt, "process")]
			amount := cost.Nanos(rapid.Int64Range(0, 1e12).Draw(rt, "amount"))
			resource, id := string(p.ID), ""
			if rapid.Bool().Draw(rt, "whole cluster") {
				resource, id = "i-1", string(p.ClusterID)
			}
			invoiced[resource+id] += amount
			rows = append(rows, []string{fmt.Sprintf("%d.%09d", amount/1e9, amount%1e9), "USD", "2026-01-01T00:00:00Z", resource, id})
		}
		before := sums()
		result, err := b.service.Import(t.Context(), b.now, b.admin, ledger.ImportInput{Month: "2026-01", File: strings.NewReader(focusFile(t, rows...)), CostColumn: "BilledCost"})
		if err != nil {
			rt.Fatal(err)
		}
		after := sums()
		groups, want := map[string]cost.Nanos{}, maps.Clone(invoiced)
		for _, p := range processes {
			switch {
			case has(invoiced, string(p.ID)):
				groups[string(p.ID)] += after[p.ID]
			case has(invoiced, "i-1"+string(p.ClusterID)):
				groups["i-1"+string(p.ClusterID)] += after[p.ID]
			case before[p.ID] != after[p.ID]:
				rt.Fatalf("%s is on no row and changed by %d", p.ID, after[p.ID]-before[p.ID])
			}
		}
		for key, amount := range want { // a cluster all of whose processes are on rows of their own
			if _, any := groups[key]; !any {
				delete(want, key)
				if amount > 0 && !slices.ContainsFunc(result.NotOurs, func(n ledger.NotOurs) bool { return n.Cost == amount }) {
					rt.Fatalf("%s is neither booked nor listed", key)
				}
			}
		}
		if diff := cmp.Diff(want, groups); diff != "" {
			rt.Fatalf("not what was invoiced: %s", diff)
		}
	})
}

func has(m map[string]cost.Nanos, key string) bool {
	_, ok := m[key]
	return ok
}
