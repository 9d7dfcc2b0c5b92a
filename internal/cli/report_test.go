package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/mail/mailtest"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// A cluster runs for a day of the first week; in the second, its owner reads and orders reports.
func TestReport(t *testing.T) {
	t.Parallel()
	m := mailtest.Start(t)
	s := servertest.New(t, func(c *config.Config) {
		c.SMTPAddress, c.SMTPFrom, c.SMTPSecurity = m.Address, "lineitem@example.org", config.SMTPNone
	})
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 2, Threads: 2, MemoryBytes: 2e9}})
	s.Clock.Advance(24 * time.Hour)
	if _, err := s.User.StopCluster(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	s.Clock.Advance(6 * 24 * time.Hour)
	user := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	admin := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken)

	if got := user.must(t, "report"); !strings.HasPrefix(got, "Clusters of ana, week 2, 5 to 11 January 2026\n\nSpent $5.") || !strings.Contains(got, "Not observed") {
		t.Errorf("report prints %q", got)
	}
	if got := admin.must(t, "report", "--week", "2026-W02", "-o", "html"); !strings.HasPrefix(got, "<!doctype html>") || !strings.Contains(got, "Everything") {
		t.Errorf("html begins %.100q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(user.must(t, "report", "-o", "csv"))).ReadAll()
	if err != nil || len(rows) < 3 || rows[1][0] != "total" || rows[1][2] != "2026-W02" {
		t.Errorf("csv is %v, %v", rows, err)
	}
	var report sdk.Report
	if err := json.Unmarshal([]byte(user.must(t, "report", "-o", "json")), &report); err != nil || report.Week != "2026-W02" || report.Overview.TotalNanos == 0 {
		t.Errorf("json is %+v, %v", report, err)
	}

	if _, err := s.Admin.CreateGroup(t.Context(), sdk.CreateGroupRequest{Name: "research"}); err != nil {
		t.Fatal(err)
	}
	if got := admin.must(t, "report", "--group", "research"); !strings.HasPrefix(got, "Group /research, week 2, 5 to 11 January 2026\nWhat this group and those below it paid for.\n\nSpent $0.00") {
		t.Errorf("a group's report prints %q", got)
	}
	if got := admin.must(t, "report", "--group", "/research", "--send-test", "ruth@example.org"); !strings.Contains(got, "ruth@example.org") || !strings.Contains(m.Messages()[0].Data, "Spend of /research in") {
		t.Errorf("a test of a group's report prints %q", got)
	}
	sent := len(m.Messages())

	if got := user.must(t, "report", "--subscribe", "ana@example.org"); got != "Reports are mailed to ana@example.org on Mondays at seven.\n" {
		t.Errorf("subscribing prints %q", got)
	}
	if got := user.must(t, "report", "--send-test", "ana@example.org"); got != "The mail server has taken the report to ana@example.org.\n" || len(m.Messages()) != sent+1 {
		t.Errorf("a test prints %q", got)
	}
	if got := user.must(t, "report", "--unsubscribe"); got != "No more reports are mailed to you.\n" {
		t.Errorf("unsubscribing prints %q", got)
	}
	for _, wrong := range [][]string{{"-o", "pdf"}, {"--unsubscribe", "--subscribe", "ana@example.org"}, {"--send-test", "ana@example.org", "--week", "2026-W02"}, {"last"}, {"--group", "a", "--scope", "own"}, {"--unsubscribe", "--group", "a"}} {
		if result := user.enter(t, append([]string{"report"}, wrong...)...); result.status != 2 {
			t.Errorf("%v ends with %+v", wrong, result)
		}
	}
	for _, refused := range []struct {
		args []string
		want string
	}{
		{[]string{"--week", "last week"}, "is no week, such as 2026-W47"},
		{[]string{"--scope", "all"}, "is for administrators"},
		{[]string{"--group", "research"}, `There is no group "research" that you may see`},
		{[]string{"--subscribe", "ana"}, "is no mail address"},
		{[]string{"--send-test", "stranger@example.org"}, "Only administrators"},
	} {
		if result := user.enter(t, append([]string{"report"}, refused.args...)...); result.status != 1 || !strings.Contains(result.stderr, refused.want) {
			t.Errorf("%v ends with %+v, want %q", refused.args, result, refused.want)
		}
	}
}
