package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// TestSpendIsMeasuredForAdminsOnly scrapes as everybody: only an admin learns who spends what.
func TestSpendIsMeasuredForAdminsOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, lead := s.AddUser(t, "lea")
	makeGroups(t, s)
	s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 1}})
	s.Clock.Advance(time.Hour)
	scrape := func(token string) (int, string) {
		r := newRequest(t, "GET", s.URL+"/metrics", "")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, body := s.Do(t, r)
		return response.StatusCode, string(body)
	}
	var full string
	for deadline := time.Now().Add(30 * time.Second); ; { // the first scrape asks for figures, a later one has them
		status, body := scrape(s.AdminToken)
		if status != 200 || time.Now().After(deadline) {
			t.Fatalf("the admin gets %d without the gauges:\n%s", status, body)
		}
		if strings.Contains(body, "lineitem_spend_as_of") {
			full = body
			break
		}
	}
	for _, want := range []string{
		`lineitem_spend_by_group{currency="USD",group="/research/genomics",period="today"} `, `lineitem_spend_by_user{currency="USD",period="month",user="ana"} `,
		`lineitem_waste{category="unknown",currency="USD",period="today"} `, `lineitem_prices_covered_ratio{period="today"} 1`, "lineitem_clusters{",
	} {
		if !strings.Contains(full, want) {
			t.Errorf("the admin does not see %s:\n%s", want, full)
		}
	}
	for who, token := range map[string]string{"nobody": "", "a user": s.UserToken, "a lead": lead} {
		status, body := scrape(token)
		if status != 200 || !strings.Contains(body, "lineitem_clusters{") || strings.Contains(body, "lineitem_spend") || strings.Contains(body, "lineitem_waste") {
			t.Errorf("%s gets %d:\n%s", who, status, body)
		}
	}
	if status, body := scrape("lit_wrong"); status != 401 || strings.Contains(body, "lineitem_") {
		t.Errorf("a wrong token gets %d: %s", status, body)
	}
}
