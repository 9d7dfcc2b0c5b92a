package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/mail/mailtest"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func mailing(m *mailtest.Server) servertest.Option {
	return func(c *config.Config) {
		c.TimeZone, c.Organisation = "Europe/Oslo", "Fjordlight"
		c.SMTPAddress, c.SMTPFrom, c.SMTPSecurity = m.Address, "lineitem@example.org", config.SMTPNone
	}
}

// TestReportsAreMailedOnce lets two weeks pass, and looks at what arrives on the Mondays after them, across refusals and restarts.
func TestReportsAreMailedOnce(t *testing.T) {
	t.Parallel()
	m := mailtest.Start(t)
	s := servertest.New(t, mailing(m))
	ctx := t.Context()
	ben, _ := s.AddUser(t, "ben")
	idle, _ := s.AddUser(t, "idle")
	for address, client := range map[string]*sdk.Client{"ruth@example.org": s.Admin, "ana@example.org": s.User, "idle@example.org": idle} {
		got, err := client.SetReportSubscription(ctx, sdk.ReportSubscription{Address: address, Weekly: true})
		if err != nil || !got.Sends || got.Address != address {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	people := []person{{"ana", s.User, "/home/ana/etl.py", 3}, {"ben", ben, "/home/ben/train.py", 1}}
	live(t, s, people, 7, -1) // Monday 5 January to Sunday 11 January
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	until := func(day, hour, minute int) {
		s.Clock.Advance(time.Date(2026, 1, day, hour, minute, 0, 0, oslo).Sub(s.Clock.Now()))
		s.Tick(t)
	}
	until(12, 6, 59)
	if got := m.Messages(); len(got) != 0 {
		t.Fatalf("%d mails before Monday at seven", len(got))
	}
	m.Refuse(fmt.Errorf("not now"))
	until(12, 7, 0)
	m.Refuse(nil)
	until(12, 7, 5)
	if got := m.Messages(); len(got) != 0 {
		t.Fatalf("%d mails: what was refused has to rest", len(got))
	}
	s.Stop(t)
	s.Start(t)
	until(12, 7, 30)
	for range 3 {
		s.Tick(t)
		s.Stop(t)
		s.Start(t)
	}
	until(13, 12, 0)
	got := map[string]string{}
	for _, message := range m.Messages() {
		if got[message.To[0]] != "" {
			t.Errorf("%s got it twice", message.To[0])
		}
		got[message.To[0]] = message.Data
	}
	if len(got) != 2 || got["ruth@example.org"] == "" || got["ana@example.org"] == "" {
		t.Fatalf("mails to %d people, want to ruth and ana: who spent nothing gets none, nor who did not ask", len(got))
	}
	week, err := s.User.Report(ctx, sdk.ReportOptions{Week: "2026-W02"})
	if err != nil {
		t.Fatal(err)
	}
	if week.Scope != "own" || week.Reader != "ana" || week.Overview.TotalNanos == 0 || week.Overview.Start.In(oslo).Format(time.DateTime) != "2026-01-05 00:00:00" {
		t.Errorf("ana's report: %+v", week)
	}
	all, err := s.Admin.Report(ctx, sdk.ReportOptions{})
	if err != nil || all.Week != "2026-W02" || all.Scope != "all" || all.Overview.TotalNanos <= week.Overview.TotalNanos || !all.Overview.Whole {
		t.Errorf("the report of everything: %s %s %d, %v", all.Week, all.Scope, all.Overview.TotalNanos, err)
	}
	if strings.Contains(got["ana@example.org"], "train.py") || !strings.Contains(got["ruth@example.org"], "train.py") {
		t.Error("ana is told what ben spent, or ruth is not")
	}

	// The link of the mail asks, and then ends the mails.
	link := regexp.MustCompile(`List-Unsubscribe: <http://[^/]+(/reports/unsubscribe\?token=[\w-]+)>`).FindStringSubmatch(strings.ReplaceAll(got["ana@example.org"], "\r\n ", " "))
	if link == nil {
		t.Fatalf("no link in %.2000s", got["ana@example.org"])
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPost} {
		response, body := s.Do(t, newRequest(t, method, s.URL+link[1], ""))
		if response.StatusCode != http.StatusOK || strings.Contains(string(body), "<form") != (method == http.MethodGet) {
			t.Errorf("%s: %d %s", method, response.StatusCode, body)
		}
		sub, err := s.User.ReportSubscription(ctx)
		if err != nil || sub.Weekly != (method == http.MethodGet) {
			t.Errorf("after %s: %+v, %v", method, sub, err)
		}
	}
	if response, body := s.Do(t, newRequest(t, http.MethodPost, s.URL+"/reports/unsubscribe?token=guess", "")); response.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "ends nobody") {
		t.Errorf("a guess: %d %s", response.StatusCode, body)
	}
	until(19, 8, 0)
	if n := len(m.Messages()); n != 3 { // nothing was spent in the second week, but the first is worth a comparison
		t.Errorf("%d mails after two weeks, want 3: ana wanted none", n)
	}
	until(26, 8, 0)
	if n := len(m.Messages()); n != 3 {
		t.Errorf("%d mails after three weeks: there was nothing to say", n)
	}
}

// TestLeadsGetTheirGroupsReports lets people of two groups work in three weeks, and looks at what their leads are mailed and may ask for.
func TestLeadsGetTheirGroupsReports(t *testing.T) {
	t.Parallel()
	m := mailtest.Start(t)
	s := servertest.New(t, mailing(m))
	ctx := t.Context()
	lea, _ := s.AddUser(t, "lea")
	ben, _ := s.AddUser(t, "ben")
	makeGroups(t, s)
	for _, try := range []struct{ group, user, role string }{{"/office", "ben", "member"}, {"/empty", "lea", "lead"}, {"genomics", "lea", "lead"}} {
		if strings.HasPrefix(try.group, "/") {
			if _, err := s.Admin.CreateGroup(ctx, sdk.CreateGroupRequest{Name: try.group[1:]}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Admin.PutMember(ctx, try.group, try.user, sdk.PutMemberRequest{Role: try.role}); err != nil {
			t.Fatal(err)
		}
	}
	for address, client := range map[string]*sdk.Client{"lea@example.org": lea, "ben@example.org": ben} {
		if _, err := client.SetReportSubscription(ctx, sdk.ReportSubscription{Address: address, Weekly: true}); err != nil {
			t.Fatal(err)
		}
	}
	for week := range 3 { // a day in each, from Monday 5 January on
		monday := s.Clock.Now()
		liveADay(t, s, person{"ana", s.User, "/home/ana/etl.py", 3}, week, 3)
		liveADay(t, s, person{"ben", ben, "/home/ben/train.py", 1}, week, 1)
		s.Clock.Advance(6 * time.Minute)
		s.Tick(t)
		s.Clock.Advance(monday.AddDate(0, 0, 6).Sub(s.Clock.Now()))
		s.Tick(t)
		if week < 2 {
			s.Clock.Advance(24 * time.Hour)
		}
	}
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	until := func(day, hour int) {
		s.Clock.Advance(time.Date(2026, 1, day, hour, 0, 0, 0, oslo).Sub(s.Clock.Now()))
		s.Tick(t)
	}
	sent := len(m.Messages()) // of the Mondays in between
	until(26, 8)
	// Renamed in the hour in which it is reported, a group is not reported again.
	name := "genes"
	if _, err := s.Admin.ChangeGroup(ctx, "genomics", sdk.ChangeGroupRequest{Name: &name}); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	s.Start(t)
	until(27, 8)
	subjects := map[string][]string{}
	var mail string
	for _, message := range m.Messages()[sent:] {
		subject := regexp.MustCompile(`(?m)^Subject: (.*?)\r?$`).FindStringSubmatch(message.Data)
		subjects[message.To[0]] = append(subjects[message.To[0]], strings.SplitN(subject[1], ":", 2)[0])
		if strings.HasPrefix(subject[1], "Spend of /research in") {
			mail = strings.ReplaceAll(message.Data, "=\r\n", "")
		}
	}
	if want := []string{"Spend of /research in 2026-W04", "Spend of /research/genomics in 2026-W04"}; !slices.Equal(subjects["lea@example.org"], want) || len(subjects["ben@example.org"]) != 1 {
		t.Errorf("lea gets %q, want %q; ben gets %q, want one", subjects["lea@example.org"], want, subjects["ben@example.org"])
	}
	if !strings.Contains(mail, "etl.py") || strings.Contains(mail, "train.py") || !strings.Contains(mail, "because you lead the group") {
		t.Errorf("lea is told of others, or not of hers:\n%.3000s", mail)
	}

	week := sdk.ReportOptions{Week: "2026-W04"}
	of := func(client *sdk.Client, group string) sdk.Report {
		t.Helper()
		o := week
		o.Group = group
		r, err := client.Report(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	own, err := s.User.Report(ctx, week)
	if err != nil {
		t.Fatal(err)
	}
	// By its new name or an old path, a group is all that it ever paid for; ana is all of it.
	for _, group := range []string{"/research", "genes", "/research/genes", "/research/genomics"} {
		for who, client := range map[string]*sdk.Client{"lea": lea, "the admin": s.Admin} {
			r := of(client, group)
			if r.Overview.TotalNanos != own.Overview.TotalNanos || r.Overview.Clusters != own.Overview.Clusters || r.Overview.By != "group" {
				t.Errorf("%s reads %d of %d clusters by %s of %s, want %d of %d", who, r.Overview.TotalNanos, r.Overview.Clusters, r.Overview.By, group, own.Overview.TotalNanos, own.Overview.Clusters)
			}
			if strings.Contains(group, "gen") && r.Scope != "/research/genes" {
				t.Errorf("%s is reported as %s", group, r.Scope)
			}
			var weeks []string
			for _, w := range r.Weeks {
				weeks = append(weeks, w.Week)
			}
			if n := len(weeks); !slices.Equal(weeks, []string{"2026-W02", "2026-W03"}) || r.Weeks[n-1].CostNanos != r.Overview.BeforeNanos || r.Weeks[0].CostNanos == 0 {
				t.Errorf("the weeks before are %+v, the last cost %d", r.Weeks, r.Overview.BeforeNanos)
			}
			for _, p := range r.Overview.Split {
				if p.Fixer == "owner" && p.CostNanos > 0 && (len(p.Owners) != 1 || p.Owners[0].User != "ana" || p.Owners[0].CostNanos != p.CostNanos) {
					t.Errorf("%s of %d can be mended by %+v, want ana", p.Name, p.CostNanos, p.Owners)
				}
			}
		}
	}
	if r, err := lea.Report(ctx, week); err != nil || r.Overview.TotalNanos != 0 {
		t.Errorf("lea's own clusters cost %d, %v: she has none", r.Overview.TotalNanos, err)
	}
	text, err := lea.ReportFile(ctx, sdk.ReportOptions{Week: "2026-W04", Group: "/research"}, "txt")
	if err != nil || !strings.HasPrefix(string(text), "Group /research, week 4") || !strings.Contains(string(text), "AGAINST THE WEEKS BEFORE") || !strings.Contains(string(text), "For the owner: ana $") {
		t.Errorf("%v:\n%s", err, text)
	}
	for who, try := range map[string]struct {
		client *sdk.Client
		group  string
		code   string
	}{
		"a member":            {s.User, "genes", "not_lead"},
		"somebody else":       {ben, "/research", "not_found"},
		"a lead, of another":  {lea, "/office", "not_found"},
		"who asks for no one": {lea, "/nowhere", "not_found"},
	} {
		if r, err := try.client.Report(ctx, sdk.ReportOptions{Week: "2026-W04", Group: try.group}); !sdk.IsCode(err, try.code) {
			t.Errorf("%s gets %+v, %v of %s; want %s", who, r, err, try.group, try.code)
		}
	}

	// A mail of a group goes to who may read it.
	if err := lea.SendTestReport(ctx, sdk.TestReportRequest{To: "lea@example.org", Group: "/research"}); err != nil {
		t.Error(err)
	}
	if got := m.Messages(); !strings.Contains(got[len(got)-1].Data, "Subject: Test: Spend of /research in") {
		t.Errorf("the test mail is %.500s", got[len(got)-1].Data)
	}
	if err := ben.SendTestReport(ctx, sdk.TestReportRequest{To: "ben@example.org", Group: "/research"}); !sdk.IsCode(err, "not_found") {
		t.Errorf("ben is sent what /research paid for: %v", err)
	}

	// Who wants no more mails gets none of their groups either; a week without spend sends none.
	if _, err := lea.SetReportSubscription(ctx, sdk.ReportSubscription{Address: "lea@example.org"}); err != nil {
		t.Fatal(err)
	}
	sent = len(m.Messages())
	liveADay(t, s, person{"ana", s.User, "/home/ana/etl.py", 3}, 22, 3)
	until(28+5, 8)                             // Monday 2 February
	if n := len(m.Messages()) - sent; n != 1 { // ben's, for comparison with the week before
		t.Errorf("%d mails after lea ended hers, want ben's alone", n)
	}
	if _, err := lea.SetReportSubscription(ctx, sdk.ReportSubscription{Address: "lea@example.org", Weekly: true}); err != nil {
		t.Fatal(err)
	}
	sent = len(m.Messages())
	until(28+12, 8)
	if n := len(m.Messages()) - sent; n != 0 {
		t.Errorf("%d mails of a week in which nothing was spent", n)
	}
}

func TestReportsInAllForms(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	live(t, s, []person{{"ana", s.User, "/home/ana/<b>.py", 3}}, 8, -1)
	ctx := t.Context()
	report, err := s.User.Report(ctx, sdk.ReportOptions{Week: "2026-W02"})
	if err != nil {
		t.Fatal(err)
	}
	html, err := s.User.ReportFile(ctx, sdk.ReportOptions{Week: "2026-W02"}, "html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<!doctype html>", "Clusters of ana", "week 2, 5 to 11 January 2026", "&lt;b&gt;.py:3", "Idle, nothing submitted", "For the owner: ana $", "@page"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q:\n%s", want, html)
		}
	}
	for _, never := range []string{"<script", "<link", "src=", "url(", "<b>", "ZgotmplZ", "unsubscribe"} {
		if strings.Contains(string(html), never) {
			t.Errorf("the page holds %q", never)
		}
	}
	text, err := s.User.ReportFile(ctx, sdk.ReportOptions{Week: "2026-W02"}, "txt")
	if err != nil || !strings.Contains(string(text), "WASTE, AND WHO CAN MEND IT") || strings.Contains(string(text), "&lt;") {
		t.Errorf("%v:\n%s", err, text)
	}
	table, err := s.User.ReportFile(ctx, sdk.ReportOptions{}, "csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(table))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[row[0]] += n
	}
	if sums["total"] != report.Overview.TotalNanos || sums["split"] != sums["total"] || sums["payer"] != sums["total"] || sums["line"] == 0 {
		t.Errorf("sections sum to %v, want %d", sums, report.Overview.TotalNanos)
	}

	// As a page it is for those who are signed in, and loads nothing.
	page := newRequest(t, http.MethodGet, s.URL+"/reports/2026-W02", "")
	response, _ := s.Do(t, page)
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/signin?to=%2Freports%2F2026-W02" {
		t.Errorf("signed out: %d to %s", response.StatusCode, response.Header.Get("Location"))
	}
	page.Header.Set("Authorization", "Bearer "+s.UserToken)
	response, body := s.Do(t, page)
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") || string(body) != string(html) {
		t.Errorf("signed in: %d, %s", response.StatusCode, response.Header.Get("Content-Security-Policy"))
	}
	for path, want := range map[string]int{
		"/reports/2026-W99": http.StatusUnprocessableEntity, "/reports/last?scope=all": http.StatusForbidden, "/reports/last?scope=everything": http.StatusUnprocessableEntity,
		"/reports/last?scope=/research": http.StatusNotFound, "/reports/last?group=research": http.StatusNotFound, "/reports/last?scope=own": http.StatusOK,
		"/reports/last?scope=own&group=research": http.StatusUnprocessableEntity,
	} {
		r := newRequest(t, http.MethodGet, s.URL+path, "")
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		if response, body := s.Do(t, r); response.StatusCode != want {
			t.Errorf("%s: %d, want %d: %s", path, response.StatusCode, want, body)
		}
	}
}

func TestTestReports(t *testing.T) {
	t.Parallel()
	m := mailtest.Start(t)
	s := servertest.New(t, mailing(m))
	ctx := t.Context()
	if err := s.Admin.SendTestReport(ctx, sdk.TestReportRequest{To: "ruth@example.org"}); err != nil {
		t.Fatal(err)
	}
	if got := m.Messages(); len(got) != 1 || !strings.Contains(got[0].Data, "Subject: Test:") {
		t.Errorf("%+v", got)
	}
	// Nobody sends mails to others through this server.
	if err := s.User.SendTestReport(ctx, sdk.TestReportRequest{To: "stranger@example.org"}); !sdk.IsCode(err, "forbidden") {
		t.Errorf("a user sends to a stranger: %v", err)
	}
	if _, err := s.User.SetReportSubscription(ctx, sdk.ReportSubscription{Address: "ana@example.org"}); err != nil {
		t.Fatal(err)
	}
	if err := s.User.SendTestReport(ctx, sdk.TestReportRequest{To: "ana@example.org"}); err != nil {
		t.Error(err)
	}
	for _, wrong := range []sdk.ReportSubscription{{Weekly: true}, {Address: "nobody"}, {Address: "a@b.example\r\nBcc: c@d.example", Weekly: true}, {Address: "Ana <a@b.example>", Weekly: true}} {
		if _, err := s.User.SetReportSubscription(ctx, wrong); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
	m.Refuse(fmt.Errorf("mailbox full"))
	if err := s.Admin.SendTestReport(ctx, sdk.TestReportRequest{To: "ruth@example.org"}); !sdk.IsCode(err, "mail_refused") {
		t.Errorf("refused: %v", err)
	}
	without := servertest.New(t)
	if err := without.Admin.SendTestReport(ctx, sdk.TestReportRequest{To: "ruth@example.org"}); !sdk.IsCode(err, "no_mail") {
		t.Errorf("without a mail server: %v", err)
	}
}
