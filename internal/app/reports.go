package app

import (
	"time"

	"github.com/lineitem/lineitem/internal/controller"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/export"
	"github.com/lineitem/lineitem/internal/mail"
)

// reportParts are what the API needs of reports.
type reportParts struct {
	making        *report.Service
	subscriptions *report.Subscriptions
}

// wireReports makes the reports and, where there is a mail server, the loop that sends them.
func (a *App) wireReports(overviews *outlook.Service, prices *price.Current, backend string) reportParts {
	zone, err := time.LoadLocation(a.cfg.TimeZone)
	if err != nil {
		zone = time.UTC // checked with the settings
	}
	making := report.NewService(overviews, a.groups, report.Settings{
		Zone: zone, Organisation: a.cfg.Organisation, PublicURL: a.url,
		Prices: func(now time.Time) string { return prices.Card(backend, now).Source },
	})
	if a.cfg.SMTPAddress == "" {
		return reportParts{making, report.NewSubscriptions(a.db, nil, export.ReportMail, making)}
	}
	sender := mail.NewSender(mail.Config{
		Address: a.cfg.SMTPAddress, From: a.cfg.SMTPFrom, User: a.cfg.SMTPUser, Password: a.cfg.SMTPPassword, Security: mail.Security(a.cfg.SMTPSecurity),
	})
	a.reports = &controller.Reports{
		Mailer: &report.Mailer{Service: making, Store: a.db, Sender: sender, Render: export.ReportMail}, Logger: a.logger, Now: a.now,
	}
	return reportParts{making, report.NewSubscriptions(a.db, sender, export.ReportMail, making)}
}
