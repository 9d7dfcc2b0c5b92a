package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// A month passes: it is shown, trued up to an invoice, closed and corrected.
func TestLedger(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	admin := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken)
	user := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	if got := user.must(t, "ledger"); !strings.HasPrefix(got, "Nothing is in the books yet") {
		t.Errorf("empty books print %q", got)
	}
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 1, Threads: 2, MemoryBytes: 4e9}})
	s.Clock.Advance(36*time.Hour + 30*time.Minute)
	s.Tick(t)
	got := user.must(t, "ledger", "summary", "--since", "2026-01-05T00:00:00Z", "--until", "2026-01-06T00:00:00Z")
	for _, want := range []string{"From 2026-01-05 to 2026-01-06", "used", "idle", "overhead", "unknown", "allocated  100.0"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the summary:\n%s", want, got)
		}
	}
	if got = user.must(t, "ledger"); !strings.Contains(got, "2026-01  open") || !strings.Contains(got, "to the nano-unit; $0.073 more was spent that is not posted yet.") {
		t.Errorf("an open month prints:\n%s", got)
	}
	if result := admin.enter(t, "ledger", "close", "2026-01"); result.status != 1 || !strings.Contains(result.stderr, "can be closed from 2026-02-01T00:10:00Z on") {
		t.Errorf("closing too early ends with %+v", result)
	}
	s.Clock.Advance(26 * 24 * time.Hour)
	s.Tick(t)

	file := filepath.Join(t.TempDir(), "invoice.csv")
	if err := os.WriteFile(file, []byte("BilledCost,BillingCurrency,BillingPeriodStart,ServiceName,ProviderName\n120,USD,2026-01-01T00:00:00Z,Machines,Colo\n5,USD,2026-01-01T00:00:00Z,Coffee,Colo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"ledger", "import-focus", file, "--month", "2026-01", "--map", "ServiceName=Machines -> backend=fake"}
	got = admin.must(t, append(arguments, "--dry-run")...)
	for _, want := range []string{"This would book $", "backend fake     1", "$120.00", "Not ours: 1 rows, $5.00.", "$5.00  Colo Coffee (1 rows; no rule leads to anything"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the dry run:\n%s", want, got)
		}
	}
	if got = admin.must(t, arguments...); !strings.HasPrefix(got, "Booked $") {
		t.Errorf("import prints:\n%s", got)
	}
	if got = admin.must(t, arguments...); !strings.HasPrefix(got, "The books have all of it: booked $0.00 of true-ups in 2026-01, in 0 entries: $120.00 invoiced") {
		t.Errorf("the same again prints:\n%s", got)
	}
	got = user.must(t, "cost", "--by", "month", "--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--figures", "invoiced")
	for _, want := range []string{"2026-01", "$120.00", "Invoiced figures: by the prices in force these rows were metered at $", "2026-01: trued up by $", "(invoice.csv), backend fake at "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the invoiced costs:\n%s", want, got)
		}
	}
	got = user.must(t, "cost", "--by", "user", "--since", "2025-12-01T00:00:00Z", "--figures", "invoiced")
	if !strings.Contains(got, "Not over yet, so metered: 2026-02.") || strings.Contains(got, "No invoice was imported") { // nothing is booked before January
		t.Errorf("the invoiced costs since December print:\n%s", got)
	}
	if result := user.enter(t, "cost", "--figures", "invoiced"); result.status != 2 || !strings.Contains(result.stderr, "need --by") {
		t.Errorf("invoiced costs by nothing end with %+v", result)
	}
	if result := user.enter(t, "ledger", "close", "2026-01"); result.status != 1 || !strings.Contains(result.stderr, "Only admins close months") {
		t.Errorf("a user's close ends with %+v", result)
	}
	got = admin.must(t, "ledger", "close", "2026-01")
	for _, want := range []string{"2026-01  closed", "$120.00", "ana", "true-up", "Trued up to invoice.csv, imported", "Check: the entries for its hours sum to what the bills of 2 processes say, to the nano-unit."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the closed month:\n%s", want, got)
		}
	}
	if _, err := s.User.StopCluster(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	s.Tick(t)
	got = user.must(t, "ledger", "entries", "--month", "2026-01", "--kind", "true_up")
	if !strings.Contains(got, "true-up") || !strings.Contains(got, "backend fake was invoiced at") || strings.Count(got, "\n") != 3 {
		t.Errorf("entries print:\n%s", got)
	}
	if got = user.must(t, "ledger", "entries", "-o", "csv", "--limit", "1"); strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "id,kind,hour,month,process_id") {
		t.Errorf("entries as CSV print:\n%s", got)
	}
	if got = user.must(t, "ledger", "entries", "--limit", "1"); !strings.Contains(got, "There are more: --before ") {
		t.Errorf("one entry prints:\n%s", got)
	}
	for _, wrong := range [][]string{{"close"}, {"import-focus", file}, {"summary", "--since", "x"}, {"wrong"}} {
		if result := admin.enter(t, append([]string{"ledger"}, wrong...)...); result.status != 2 {
			t.Errorf("%v ends with %+v", wrong, result)
		}
	}
}
