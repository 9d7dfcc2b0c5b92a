package export_test

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/export"
)

func groupReport() report.Report {
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	week := report.Week{Year: 2026, Number: 47}
	return report.Report{
		Week: week, Scope: "/research", Reader: "lea", Prices: "settings", URL: "https://lineitem.example/reports/2026-W47?group=%2Fresearch",
		Weeks: []report.WeekSpend{{Week: week.Before().Before(), Cost: 20e9}, {Week: week.Before(), Cost: 40e9}},
		Overview: outlook.Overview{
			Period: outlook.Period{Since: monday, End: monday.AddDate(0, 0, 7), Zone: time.UTC}, Until: monday.AddDate(0, 0, 7), Currency: "USD",
			Total: 60e9, Before: 40e9, Waste: 12e9, By: "user", Clusters: 3,
			Split: []outlook.Part{
				{Kind: "work", Name: "read.csv", Cost: 48e9, Before: 40e9},
				{Kind: "idle", Name: "idle.no_work", Cost: 9e9, Owners: []outlook.Owner{{User: "ana", Cost: 5e9}, {User: "ben", Cost: 2e9}, {User: "=cmd", Cost: 1e9}}, MoreOwners: 2},
				{Kind: "idle", Name: "idle.holding", Cost: 2e9, Owners: []outlook.Owner{{User: "ana", Cost: 2e9}}},
				{Kind: "overhead", Name: "overhead.scheduler", Cost: 1e9},
			},
			Payers: []outlook.Payer{{Key: "ana", Cost: 50e9, Before: 40e9}, {Key: "ben", Cost: 10e9}},
		},
	}
}

// TestReportsOfGroups looks at what is particular about them: the weeks before, and the names of who can mend what.
func TestReportsOfGroups(t *testing.T) {
	t.Parallel()
	r := groupReport()
	m, err := export.ReportMail(r, "lea@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if want := "Spend of /research in 2026-W47: $60.00, $12.00 of it waste"; m.Subject != want {
		t.Errorf("the subject is %q, want %q", m.Subject, want)
	}
	for _, want := range []string{
		"Group /research, week 47, 16 to 22 November 2026\nWhat this group and those below it paid for.\n",
		"2026-W47                                $60.00\n2026-W46                                $40.00\n2026-W45                                $20.00\n",
		"The mean of the 2 weeks before is $30.00; this week against it: +100",
		"For the owners: ana $5.00, ben $2.00, =cmd $1.00 and 2 others.",
		"For the owner: ana $2.00.",
		"For the platform.",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "because you lead") {
		t.Error("who reads a report that was not mailed is told why it was")
	}
	r.UnsubscribeURL = "https://lineitem.example/reports/unsubscribe?token=t"
	if m, err = export.ReportMail(r, "lea@example.org"); err != nil || !strings.Contains(m.Text, "because you lead the group.") || !strings.Contains(m.HTML, "because you lead the group.") {
		t.Errorf("a mail does not say why it comes: %v\n%s", err, m.Text)
	}
	r.Overview.Until = r.Overview.Until.Add(-time.Hour)
	if m, err = export.ReportMail(r, "lea@example.org"); err != nil || strings.Contains(m.Text, "The mean of") {
		t.Errorf("a week that runs is held against whole ones: %v\n%s", err, m.Text)
	}

	var table strings.Builder
	if err := export.ReportCSV(&table, groupReport()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		if row[0] == "week" || row[0] == "owner" {
			got = append(got, strings.Join(row[:4], " "))
		}
	}
	want := "week  2026-W45 20000000000, week  2026-W46 40000000000, owner idle.no_work ana 5000000000, owner idle.no_work ben 2000000000, " +
		"owner idle.no_work '=cmd 1000000000, owner idle.holding ana 2000000000"
	if strings.Join(got, ", ") != want {
		t.Errorf("the table holds %s, want %s", strings.Join(got, ", "), want)
	}
}

// TestReportsHoldAnything: whatever was spent on whatever is named how, a report is written in every form, and the table's sections sum to the total.
func TestReportsHoldAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := groupReport()
		r.Scope = report.Scope(rapid.SampledFrom([]string{"own", "all", "/research", "/a-b/c"}).Draw(t, "scope"))
		o := &r.Overview
		o.Total, o.Split, o.Payers = 0, nil, nil
		for range rapid.IntRange(0, 12).Draw(t, "parts") {
			c := cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "cost"))
			p := outlook.Part{Kind: rapid.SampledFrom([]string{"work", "idle", "overhead", "lost", "unknown"}).Draw(t, "kind"), Name: rapid.String().Draw(t, "name"), Cost: c}
			for range rapid.IntRange(0, 3).Draw(t, "owners") {
				p.Owners = append(p.Owners, outlook.Owner{User: rapid.String().Draw(t, "user"), Cost: c / 4})
			}
			o.Split = append(o.Split, p)
			o.Payers = append(o.Payers, outlook.Payer{Key: rapid.String().Draw(t, "payer"), Cost: c})
			o.Total += c
		}
		r.Weeks = r.Weeks[:rapid.IntRange(0, 2).Draw(t, "weeks")]
		m, err := export.ReportMail(r, "lea@example.org")
		if err != nil || strings.Contains(m.HTML, "ZgotmplZ") || strings.Contains(m.HTML, "<script") || strings.ContainsAny(m.Subject, "\r\n") {
			t.Fatalf("%q, %v: %s", m.Subject, err, m.HTML)
		}
		var table strings.Builder
		if err := export.ReportCSV(&table, r); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string]cost.Nanos{}
		for _, row := range rows[1:] {
			n, err := strconv.ParseInt(row[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sums[row[0]] += cost.Nanos(n)
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+@") {
					t.Fatalf("%q would be run", cell)
				}
			}
		}
		if sums["total"] != o.Total || sums["split"] != o.Total || sums["payer"] != o.Total {
			t.Fatalf("sections sum to %v, want %d", sums, o.Total)
		}
	})
}
