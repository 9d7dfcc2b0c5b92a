package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/export"
)

var update = flag.Bool("update", false, "rewrite testdata/focus.csv; the difference is for a human to read")

// overNewYear are the hours of a cluster that ran over the end of a month: whole ones, pieces, and one that is free.
func overNewYear() []bill.ProcessHour {
	midnight := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	c := cluster.Cluster{ID: "cl_1", Name: "flights", Options: cluster.Options{Workers: 2, Threads: 2, MemoryBytes: 4e9}}
	owner := identity.User{ID: "us_1", Name: `Ana "=A1", of Lab 7`}
	processes := []cluster.Process{
		cluster.NewScheduler(c, card, midnight), cluster.NewWorker(c, card, "w-0", 1, midnight), cluster.NewWorker(c, card, "w-1", 1, midnight),
	}
	processes[0].StartedAt = midnight.Add(-90 * time.Minute)
	processes[1].StartedAt = midnight.Add(-90*time.Minute + 1234567*time.Microsecond)
	processes[1].EndedAt = midnight.Add(time.Hour)
	processes[2].StartedAt, processes[2].Rate.NanosPerHour = midnight, 0
	var hours []bill.ProcessHour
	for _, p := range processes {
		for h := range bill.ProcessHours(p, midnight.Add(-24*time.Hour), midnight.Add(61*time.Minute)) {
			h.Cluster, h.Owner = c, owner
			hours = append(hours, h)
		}
	}
	return hours
}

func writeFocus(t fataler, organisation string, hours []bill.ProcessHour) []byte {
	var out bytes.Buffer
	file, err := export.NewFocus(&out, organisation, "USD")
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	for i, h := range hours {
		if err := file.Write(h, trueUpOf(i)); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
	if err := file.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
	return out.Bytes()
}

// trueUpOf is what an invoice adds to an hour: to some more, to some less, to most nothing.
func trueUpOf(i int) cost.Nanos { return map[int]cost.Nanos{2: 1_234_567, 5: -1_000_001}[i] }

// TestFocusFileIsTheOneThatWasValidated pins a file; scripts/check-focus.sh shows it to the FinOps Foundation's validator.
func TestFocusFileIsTheOneThatWasValidated(t *testing.T) {
	t.Parallel()
	const path = "testdata/focus.csv"
	hours := overNewYear()
	got := writeFocus(t, "Acme", hours)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./internal/export -update, then run scripts/check-focus.sh", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the file differs (-want +got); if that is right: go test ./internal/export -update, then run scripts/check-focus.sh\n%s", diff)
	}
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var sum, total cost.Nanos
	for i, row := range rows[1:] {
		h := hours[i]
		cell := func(name string) string { return row[column[name]] }
		sum += exactly(t, cell("ListCost"))
		total += h.Cost
		for name, want := range map[string]cost.Nanos{"BilledCost": h.Cost + trueUpOf(i), "EffectiveCost": h.Cost + trueUpOf(i), "ContractedCost": h.Cost, "ListCost": h.Cost} {
			if exactly(t, cell(name)) != want {
				t.Errorf("%s is %s, want %d nano-units", name, cell(name), want)
			}
		}
		if cell("x_CostNanos") != fmt.Sprint(int64(h.Cost)) || cell("x_TrueUpNanos") != fmt.Sprint(int64(trueUpOf(i))) {
			t.Errorf("%s metered and %s trued up", cell("x_CostNanos"), cell("x_TrueUpNanos"))
		}
		// The validator does not see offsets.
		for _, name := range []string{"ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"} {
			if !strings.HasSuffix(cell(name), "Z") {
				t.Errorf("%s %s is not in UTC", name, cell(name))
			}
		}
		var tags map[string]string
		if err := json.Unmarshal([]byte(cell("Tags")), &tags); err != nil || tags["user"] != h.Owner.Name || tags["role"] != string(h.Process.Role) {
			t.Errorf("tags %q: %v", cell("Tags"), err)
		}
	}
	if len(rows) != 1+4+3+2 || sum != total || sum == 0 {
		t.Errorf("%d rows sum to %d, want 9 and %d", len(rows)-1, sum, total)
	}
	if last := rows[len(rows)-1]; last[column["BillingPeriodStart"]] != "2027-01-01T00:00:00Z" || last[column["BillingPeriodEnd"]] != "2027-02-01T00:00:00Z" ||
		last[column["BilledCost"]] != "0.0" || last[column["ConsumedQuantity"]] != "0.016666666" {
		t.Errorf("the last row is %v", last)
	}
}

// exactly reads a decimal; FOCUS has no whole ones.
func exactly(t fataler, s string) cost.Nanos {
	units, rest, ok := strings.Cut(s, ".")
	if !ok || rest == "" || len(rest) > 9 {
		t.Fatalf("%q is no decimal of up to nine digits", s)
	}
	return cost.Nanos(number(t, units)*1e9 + number(t, (rest + "000000000")[:9]))
}

// FuzzFocusNames lets people, clusters and organisations have any names.
func FuzzFocusNames(f *testing.F) {
	f.Add("Acme", "ana", "flights")
	f.Add("", "=cmd()", "a\n\"b\"\r\n,c")
	f.Add("\xff", "", "-")
	f.Fuzz(func(t *testing.T, organisation, user, name string) {
		h := overNewYear()[0]
		h.Owner.Name, h.Cluster.Name = user, name
		rows, err := csv.NewReader(bytes.NewReader(writeFocus(t, organisation, []bill.ProcessHour{h}))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, cell := range rows[1] {
			if cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
				t.Errorf("%s is a formula: %q", rows[0][i], cell)
			}
			switch rows[0][i] {
			case "BillingAccountId", "BillingAccountName":
				if cell == "" {
					t.Errorf("%s is empty", rows[0][i])
				}
			case "Tags":
				var tags map[string]string
				if err := json.Unmarshal([]byte(cell), &tags); err != nil || tags["user"] != valid(user) || tags["cluster"] != valid(name) {
					t.Errorf("tags %q of %q and %q: %v", cell, user, name, err)
				}
			}
		}
	})
}
