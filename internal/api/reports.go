package api

import (
	"bytes"
	"cmp"
	"context"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/export"
	"github.com/lineitem/lineitem/sdk"
)

const tagReports = "reports"

// Reports is what the routes ask of core/report about reports, under the rule of Clusters.
type Reports interface {
	Make(ctx context.Context, now time.Time, actor identity.Actor, w report.Week, scope report.Scope) (report.Report, error)
	Last(now time.Time) report.Week
}

// Subscriptions is what the routes ask of core/report about mails.
type Subscriptions interface {
	Get(ctx context.Context, actor identity.Actor) (sub report.Subscription, sends bool, err error)
	Put(ctx context.Context, now time.Time, actor identity.Actor, sub report.Subscription) error
	Unsubscribe(ctx context.Context, now time.Time, token string) error
	SendTest(ctx context.Context, now time.Time, actor identity.Actor, to string, scope report.Scope) error
}

// ReportRef chooses a report. It is exported because huma looks at exported fields only.
type ReportRef struct {
	Week  string `path:"week" minLength:"1" maxLength:"20" doc:"A week of ISO 8601, as 2026-W47; last for the newest that is over"`
	Scope string `query:"scope" maxLength:"400" doc:"own, all (administrators), or the path of a group; for administrators all by default, for others own"`
	Group string `query:"group" maxLength:"800" doc:"Instead of a scope: a group by its path, its id, or a name that one group alone has; for who leads it or one above, and administrators"`
}

// scope is whose report was asked for.
func (in *ReportRef) scope() (report.Scope, error) {
	if in.Scope != "" && in.Group != "" {
		return "", errs.InvalidFields(errs.Field{Name: "group", Message: "Give a scope or a group, not both."})
	}
	return cmp.Or(report.GroupScope(in.Group), report.Scope(in.Scope)), nil
}

func (s *server) reportRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/reports/{week}/report", "get-report", tagReports, "Report what a week cost"), s.report)
	for _, f := range []struct {
		ending, contentType, summary string
		write                        func(io.Writer, report.Report) error
	}{
		{"html", "text/html; charset=utf-8", "Save a week's report as a page for printing", export.ReportHTML},
		{"csv", "text/csv; charset=utf-8", "Save a week's report as a table", export.ReportCSV},
		{"txt", "text/plain; charset=utf-8", "Save a week's report as plain text", export.ReportText},
	} {
		register(s, a, download(operation(http.MethodGet, "/reports/{week}/report."+f.ending, "get-report-"+f.ending, tagReports, f.summary), f.contentType),
			func(ctx context.Context, in *ReportRef) (*file, error) {
				r, err := s.makeReport(ctx, in)
				if err != nil {
					return nil, err
				}
				var out bytes.Buffer
				if err := f.write(&out, r); err != nil {
					return nil, err
				}
				return &file{ContentType: f.contentType, Disposition: `attachment; filename="` + export.ReportName(r) + "." + f.ending + `"`, Body: out.Bytes()}, nil
			})
	}
	register(s, a, operation(http.MethodGet, "/reports/subscription", "get-report-subscription", tagReports, "Say whether weekly reports are mailed to the caller"), s.subscription)
	register(s, a, operation(http.MethodPut, "/reports/subscription", "put-report-subscription", tagReports, "Set whether weekly reports are mailed to the caller"), s.putSubscription)
	register(s, a, operation(http.MethodPost, "/reports/test", "send-test-report", tagReports, "Send the last report to an address now"), s.sendTestReport)
}

func (s *server) makeReport(ctx context.Context, in *ReportRef) (report.Report, error) {
	now := s.Now()
	week := s.Reports.Last(now)
	if in.Week != "last" {
		var err error
		if week, err = report.ParseWeek(in.Week); err != nil {
			return report.Report{}, err
		}
	}
	scope, err := in.scope()
	if err != nil {
		return report.Report{}, err
	}
	return s.Reports.Make(ctx, now, actorOf(ctx), week, scope)
}

func (s *server) report(ctx context.Context, in *ReportRef) (*body[sdk.Report], error) {
	r, err := s.makeReport(ctx, in)
	if err != nil {
		return nil, err
	}
	out := sdk.Report{Week: r.Week.String(), Scope: string(r.Scope), Reader: r.Reader, Overview: overviewToAPI(r.Overview), Weeks: convert(r.Weeks, func(w report.WeekSpend) sdk.ReportWeek {
		return sdk.ReportWeek{Week: w.Week.String(), CostNanos: int64(w.Cost)}
	})}
	out.Overview.Whole = r.Scope == report.ScopeAll
	out.Overview.Rates = cardToAPI(s.Card(s.Now()))
	for i := range out.Overview.Lines {
		out.Overview.Lines[i].Text = s.lineText(ctx, actorOf(ctx), out.Overview.Lines[i])
	}
	return answer(out), nil
}

func (s *server) subscription(ctx context.Context, _ *struct{}) (*body[sdk.ReportMail], error) {
	sub, sends, err := s.Subscriptions.Get(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.ReportMail{Address: sub.Address, Weekly: sub.Weekly, Sends: sends}), nil
}

func (s *server) putSubscription(ctx context.Context, in *body[sdk.ReportSubscription]) (*body[sdk.ReportMail], error) {
	if err := s.Subscriptions.Put(ctx, s.Now(), actorOf(ctx), report.Subscription{Address: in.Body.Address, Weekly: in.Body.Weekly}); err != nil {
		return nil, err
	}
	return s.subscription(ctx, nil)
}

func (s *server) sendTestReport(ctx context.Context, in *body[sdk.TestReportRequest]) (*struct{}, error) {
	return nil, s.Subscriptions.SendTest(ctx, s.Now(), actorOf(ctx), in.Body.To, report.GroupScope(in.Body.Group))
}

// reportPages serves what mails link to: a report as a page, and the end of the mails. They are whole pages of the server's own, which print well and need no script.
func (s *server) reportPages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reports/{week}", s.reportPage)
	mux.Handle("GET /reports/{$}", http.RedirectHandler("/reports", http.StatusSeeOther))
	mux.HandleFunc("GET /reports/unsubscribe", s.askUnsubscribe)
	mux.HandleFunc("POST /reports/unsubscribe", s.unsubscribe)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		infoOf(r.Context()).route = "/reports/{week}"
		if err := checkText(r); err != nil {
			s.refuse(w, r, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *server) reportPage(w http.ResponseWriter, r *http.Request) {
	actor, err := s.authenticate(r, false)
	if errs.Is(err, errs.Unauthenticated) {
		http.Redirect(w, r, "/signin?to="+template.URLQueryEscaper(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if err == nil {
		infoOf(r.Context()).userID = string(actor.User.ID)
		ctx := context.WithValue(r.Context(), actorKey{}, actor)
		var made report.Report
		asked := r.URL.Query()
		if made, err = s.makeReport(ctx, &ReportRef{Week: r.PathValue("week"), Scope: asked.Get("scope"), Group: asked.Get("group")}); err == nil {
			var page bytes.Buffer
			if err = export.ReportHTML(&page, made); err == nil {
				s.page(w, http.StatusOK, page.Bytes())
				return
			}
		}
	}
	s.note(w, r, err)
}

// Styles stand in the pages themselves; nothing else may be loaded or run.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (s *server) page(w http.ResponseWriter, status int, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A reader that went away is its own affair.
	_, _ = w.Write(page)
}

var notePage = template.Must(template.New("note").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}} · Lineitem</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:480px;margin:15vh auto;padding:0 16px;color:#1b1b19;background:#fff}h1{font-size:18px}button{font:inherit;padding:6px 14px}</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{with .Token}}<form method="post" action="/reports/unsubscribe?token={{.}}"><button>Send me no more reports</button></form>{{end}}</main></body></html>
`))

type note struct{ Title, Text, Token string }

func (s *server) writeNote(w http.ResponseWriter, status int, n note) {
	var page bytes.Buffer
	// The template and its values are ours, so it always executes.
	_ = notePage.Execute(&page, n)
	s.page(w, status, page.Bytes())
}

// note answers a person with an error.
func (s *server) note(w http.ResponseWriter, r *http.Request, err error) {
	e := s.wireError(r.Context(), err)
	s.writeNote(w, e.GetStatus(), note{Title: "This did not work", Text: strings.TrimSpace(e.Message)})
}

// askUnsubscribe asks first: programs that look at mails follow every link.
func (s *server) askUnsubscribe(w http.ResponseWriter, r *http.Request) {
	s.writeNote(w, http.StatusOK, note{Title: "Weekly reports", Text: "End the weekly reports to your address? They can be asked for again with: lineitem report --subscribe ADDRESS", Token: r.URL.Query().Get("token")})
}

func (s *server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	if err := s.Subscriptions.Unsubscribe(r.Context(), s.Now(), r.URL.Query().Get("token")); err != nil {
		s.note(w, r, err)
		return
	}
	s.writeNote(w, http.StatusOK, note{Title: "No more reports", Text: "You will get no more weekly reports. To have them again: lineitem report --subscribe ADDRESS"})
}
