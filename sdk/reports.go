package sdk

import (
	"context"
	"net/http"
	"net/url"
)

// Report is what a week cost, for somebody.
type Report struct {
	Week string `json:"week" example:"2026-W47"`
	// Scope is own, all, or the path of a group.
	Scope string `json:"scope"`
	// Reader is the name of whom it is for.
	Reader   string   `json:"reader"`
	Overview Overview `json:"overview"`
	// Weeks are up to eight before, oldest first, from the first in which anything was spent.
	Weeks []ReportWeek `json:"weeks" nullable:"false"`
}

// ReportWeek is what a week before cost.
type ReportWeek struct {
	Week      string `json:"week" example:"2026-W46"`
	CostNanos int64  `json:"cost_nanos"`
}

// ReportSubscription is whether and where the caller gets weekly reports by mail.
type ReportSubscription struct {
	Address string `json:"address" maxLength:"254"`
	Weekly  bool   `json:"weekly"`
}

// ReportMail is what the server knows about mails to the caller.
type ReportMail struct {
	Address string `json:"address"`
	Weekly  bool   `json:"weekly"`
	// Sends tells whether this server sends mails at all.
	Sends bool `json:"sends"`
}

// TestReportRequest asks for a report by mail now.
type TestReportRequest struct {
	To string `json:"to" minLength:"3" maxLength:"254"`
	// Group makes it the report of that group: its path, its id, or a name that one group alone has.
	Group string `json:"group,omitempty" maxLength:"800"`
}

// ReportOptions choose a report; zero values mean the last week, and what the caller may see.
type ReportOptions struct {
	// Week is like 2026-W47.
	Week string
	// Scope is own, all, or the path of a group.
	Scope string
	// Group stands instead of a scope: the path, the id, or a name that one group alone has.
	Group string
}

// Report returns the report of a week.
func (c *Client) Report(ctx context.Context, o ReportOptions) (Report, error) {
	return call[Report](ctx, c, http.MethodGet, reportPath(o, ""), reportQuery(o), nil)
}

// ReportFile returns a report as a file: html, csv or txt.
func (c *Client) ReportFile(ctx context.Context, o ReportOptions, kind string) ([]byte, error) {
	return c.download(ctx, reportPath(o, "."+kind), reportQuery(o))
}

func reportPath(o ReportOptions, ending string) string {
	week := o.Week
	if week == "" {
		week = "last"
	}
	return "/reports/" + url.PathEscape(week) + "/report" + ending
}

func reportQuery(o ReportOptions) url.Values {
	q := url.Values{}
	if o.Scope != "" {
		q.Set("scope", o.Scope)
	}
	if o.Group != "" {
		q.Set("group", o.Group)
	}
	return q
}

// ReportSubscription returns whether and where the caller gets mails.
func (c *Client) ReportSubscription(ctx context.Context) (ReportMail, error) {
	return call[ReportMail](ctx, c, http.MethodGet, "/reports/subscription", nil, nil)
}

// SetReportSubscription sets it.
func (c *Client) SetReportSubscription(ctx context.Context, in ReportSubscription) (ReportMail, error) {
	return call[ReportMail](ctx, c, http.MethodPut, "/reports/subscription", nil, in)
}

// SendTestReport sends the caller's last report to an address now.
func (c *Client) SendTestReport(ctx context.Context, in TestReportRequest) error {
	return c.call(ctx, http.MethodPost, "/reports/test", nil, in, nil)
}
