package export

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/outlook"
	"github.com/lineitem/lineitem/internal/core/report"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// How much of a report's lists is shown to people; tables for programs have all that the report holds.
const (
	reportPayers = 10
	reportWaste  = 8
)

//go:embed report.html.tmpl
var reportHTML string

//go:embed report.txt.tmpl
var reportText string

var (
	htmlReport = template.Must(template.New("report").Parse(reportHTML))
	textReport = texttemplate.Must(texttemplate.New("report").Funcs(texttemplate.FuncMap{"pad": pad, "right": right}).Parse(reportText))
)

// ReportHTML writes a report as one page that needs nothing else: made for printing, without scripts.
func ReportHTML(w io.Writer, r report.Report) error { return htmlReport.Execute(w, viewOfReport(r)) }

// ReportText writes a report as plain text.
func ReportText(w io.Writer, r report.Report) error { return textReport.Execute(w, viewOfReport(r)) }

// ReportMail writes a report as a mail.
func ReportMail(r report.Report, to string) (report.Mail, error) {
	var text, page strings.Builder
	if err := ReportText(&text, r); err != nil {
		return report.Mail{}, fmt.Errorf("write a report as text: %w", err)
	}
	if err := ReportHTML(&page, r); err != nil {
		return report.Mail{}, fmt.Errorf("write a report as HTML: %w", err)
	}
	v := viewOfReport(r)
	return report.Mail{
		To: to, Subject: fmt.Sprintf("%s: %s, %s of it waste", v.Short, v.Total, v.Waste), Text: text.String(), HTML: page.String(), UnsubscribeURL: r.UnsubscribeURL,
	}, nil
}

// reportHeader names the columns of a report as a table.
var reportHeader = []string{"section", "by", "name", "cost_nanos", "before_nanos", "currency", "cost", "before", "waste", "fixer", "note"}

// ReportCSV writes a report as a table: the sections total, week (those before), split (which sums to the total), owner (who can mend most of a part of the split), payer (which
// sums to the total, too), line, mover and unusual.
func ReportCSV(w io.Writer, r report.Report) error {
	out := csv.NewWriter(w)
	if err := out.Write(reportHeader); err != nil {
		return err
	}
	o := r.Overview
	row := func(section, by, name string, now, before cost.Nanos, rest ...string) error {
		cells := make([]string, len(reportHeader))
		copy(cells, []string{
			section, by, name, strconv.FormatInt(int64(now), 10), strconv.FormatInt(int64(before), 10), string(o.Currency), decimal(int64(now)), decimal(int64(before)),
		})
		copy(cells[8:], rest)
		for i, cell := range cells {
			if i < 3 || i > 7 {
				cells[i] = csvText(cell)
			}
		}
		return out.Write(cells)
	}
	if err := row("total", "", r.Week.String(), o.Total, o.Before); err != nil {
		return err
	}
	for _, w := range r.Weeks {
		if err := row("week", "", w.Week.String(), w.Cost, 0); err != nil {
			return err
		}
	}
	for _, p := range o.Split {
		fixer, what := p.Mend()
		if err := row("split", p.Kind, p.Name, p.Cost, p.Before, strconv.FormatBool(p.Waste()), string(fixer), what); err != nil {
			return err
		}
	}
	for _, p := range o.Split {
		for _, owner := range p.Owners {
			if err := row("owner", p.Name, owner.User, owner.Cost, 0); err != nil {
				return err
			}
		}
	}
	for _, p := range o.Payers {
		if err := row("payer", string(o.By), p.Key, p.Cost, p.Before); err != nil {
			return err
		}
	}
	for _, l := range o.Lines {
		if err := row("line", l.Operation, l.Place, l.Cost, l.Before, "", "", l.Payer); err != nil {
			return err
		}
	}
	for _, by := range moverOrder {
		for _, c := range o.Movers[by] {
			if err := row("mover", string(by), c.Key, c.Now, c.Before); err != nil {
				return err
			}
		}
	}
	for _, a := range o.Anomalies {
		if err := row("unusual", a.Dimension, a.Key, a.Cost, a.Usual, "", "", a.Sentence(o.Currency)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// moverOrder is the order in which dimensions are listed.
var moverOrder = []spend.Dimension{"group", "user", "operation", "line"}

// reportView is what the templates show: amounts as text, lists cut.
type reportView struct {
	Title, Short, Whose, Words, Organisation string
	About, Why                               string
	Total, Before, Change, Waste, Unseen     string
	WasteShare, UnseenShare, Coverage        string
	Running                                  string
	Usual                                    string
	Weeks                                    []reportRow
	Split                                    []reportRow
	Mend                                     []reportRow
	MendRest                                 string
	By                                       string
	Payers                                   []reportRow
	PayersRest                               *reportRow
	Lines                                    []reportRow
	LinesRest                                *reportRow
	Movers                                   []reportMovers
	Unusual                                  []string
	Prices, Zone, Clusters                   string
	URL, OverviewURL, UnsubscribeURL         string
}

// reportRow is something that cost money.
type reportRow struct {
	Name, Cost, Share, Before, Change, Note, Look string
	Width                                         string // of its bar, in per cent
}

type reportMovers struct {
	By   string
	Rows []reportRow
}

func viewOfReport(r report.Report) reportView {
	o := r.Overview
	amount := amountsOf(o)
	v := reportView{
		Whose: whose(r), Words: r.Week.Words(), Organisation: r.Organisation, Total: amount(o.Total), Before: amount(o.Before), Change: change(o.Total, o.Before),
		Waste: amount(o.Waste), WasteShare: share(o.Waste, o.Total), Unseen: amount(o.Unseen), UnseenShare: share(o.Unseen, o.Total), Coverage: share(o.Total-o.Unseen, o.Total),
		By: string(o.By), Prices: r.Prices, Zone: o.Zone.String(), Clusters: plural(o.Clusters, "cluster"),
		URL: r.URL, OverviewURL: r.OverviewURL, UnsubscribeURL: r.UnsubscribeURL,
	}
	v.Short = fmt.Sprintf("Spend in %s", r.Week)
	if path, ok := r.Scope.Group(); ok {
		v.Short = fmt.Sprintf("Spend of %s in %s", path, r.Week)
		v.About = "What this group and those below it paid for."
		v.Why = "You get this report because you lead the group."
	}
	v.Title = v.Whose + ", " + v.Words
	if r.Running() {
		v.Running = "The week is not over: figures reach to " + o.Until.In(o.Zone).Format("Monday 15:04") + "."
	}
	v.weeks(r, amount)
	v.split(o, amount)
	v.payers(o, amount)
	v.lines(o, amount)
	for _, by := range moverOrder {
		if by == o.By || by == "operation" || by == "line" || by == "user" && v.About != "" {
			if rows := moverRows(o, by, amount); len(rows) > 0 {
				v.Movers = append(v.Movers, reportMovers{By: string(by), Rows: rows})
			}
		}
	}
	for _, a := range o.Anomalies {
		v.Unusual = append(v.Unusual, a.Sentence(o.Currency))
	}
	return v
}

// weeks are those before, newest first, as people read them.
func (v *reportView) weeks(r report.Report, amount func(cost.Nanos) string) {
	dearest := r.Overview.Total
	for _, w := range r.Weeks {
		dearest = max(dearest, w.Cost)
	}
	if len(r.Weeks) > 0 {
		v.Weeks = append(v.Weeks, reportRow{Name: r.Week.String(), Cost: amount(r.Overview.Total), Width: width(r.Overview.Total, dearest)})
	}
	for _, w := range slices.Backward(r.Weeks) {
		v.Weeks = append(v.Weeks, reportRow{Name: w.Week.String(), Cost: amount(w.Cost), Width: width(w.Cost, dearest)})
	}
	if usual, ok := r.Usual(); ok {
		v.Usual = fmt.Sprintf("The mean of the %d weeks before is %s; this week against it: %s.", len(r.Weeks), amount(usual), change(r.Overview.Total, usual))
	}
}

func (v *reportView) split(o outlook.Overview, amount func(cost.Nanos) string) {
	sums := map[string]cost.Nanos{}
	var order []string
	for _, p := range o.Split {
		if p.Cost == 0 {
			continue
		}
		if _, there := sums[p.Kind]; !there {
			order = append(order, p.Kind)
		}
		sums[p.Kind] += p.Cost
	}
	for _, kind := range order {
		v.Split = append(v.Split, reportRow{Name: kindWords[kind], Cost: amount(sums[kind]), Share: share(sums[kind], o.Total), Look: kind, Width: width(sums[kind], o.Total)})
	}
	mend := slices.DeleteFunc(slices.Clone(o.Split), func(p outlook.Part) bool {
		fixer, _ := p.Mend()
		return fixer == outlook.FixerNobody || p.Cost == 0
	})
	slices.SortStableFunc(mend, func(a, b outlook.Part) int { return cmp.Compare(b.Cost, a.Cost) })
	var rest cost.Nanos
	for i, p := range mend {
		fixer, what := p.Mend()
		if i >= reportWaste {
			rest += p.Cost
			continue
		}
		v.Mend = append(v.Mend, reportRow{
			Name: p.Title(), Cost: amount(p.Cost), Share: share(p.Cost, o.Total), Change: change(p.Cost, p.Before), Note: fmt.Sprintf("%s For %s.", what, menders(p, fixer, amount)),
		})
	}
	if rest > 0 {
		v.MendRest = fmt.Sprintf("%s smaller: %s", plural(len(mend)-reportWaste, "reason"), amount(rest))
	}
}

func (v *reportView) payers(o outlook.Overview, amount func(cost.Nanos) string) {
	var rest, restBefore cost.Nanos
	for i, p := range o.Payers {
		if i >= reportPayers {
			rest += p.Cost
			restBefore += p.Before
			continue
		}
		v.Payers = append(v.Payers, reportRow{
			Name: cmp.Or(p.Key, "no "+string(o.By)), Cost: amount(p.Cost), Share: share(p.Cost, o.Total), Before: amount(p.Before), Change: change(p.Cost, p.Before), Width: width(p.Cost, o.Total),
		})
	}
	if n := len(o.Payers) - reportPayers; n > 0 {
		v.PayersRest = &reportRow{Name: fmt.Sprintf("%d others", n), Cost: amount(rest), Share: share(rest, o.Total), Before: amount(restBefore), Change: change(rest, restBefore)}
	}
}

func (v *reportView) lines(o outlook.Overview, amount func(cost.Nanos) string) {
	for _, l := range o.Lines {
		v.Lines = append(v.Lines, reportRow{
			Name: path.Base(l.Place), Cost: amount(l.Cost), Share: share(l.Cost, o.Total), Before: amount(l.Before), Change: change(l.Cost, l.Before), Note: l.Operation + ", " + l.Payer,
		})
	}
	if o.Rest > 0 {
		v.LinesRest = &reportRow{Name: plural(o.RestLines, "other line"), Cost: amount(o.Rest), Share: share(o.Rest, o.Total)}
	}
}

func moverRows(o outlook.Overview, by spend.Dimension, amount func(cost.Nanos) string) []reportRow {
	var rows []reportRow
	for _, c := range o.Movers[by] {
		name := cmp.Or(c.Key, "no "+string(by))
		if by == "line" {
			name = path.Base(name)
		}
		sign := ""
		if c.By() > 0 {
			sign = "+"
		}
		rows = append(rows, reportRow{Name: name, Cost: amount(c.Now), Before: amount(c.Before), Change: sign + amount(c.By())})
	}
	return rows
}

var kindWords = map[string]string{
	"work": "Work on lines of code", "unattributed": "Work on no line", "idle": "Idle", "overhead": "Overhead", "lost": "Lost with workers or reports", "unknown": "Not observed",
}

// menders names who can mend a part: "the owner: ana $3.10, ben $0.42 and 2 others".
func menders(p outlook.Part, fixer outlook.Fixer, amount func(cost.Nanos) string) string {
	if len(p.Owners) == 0 {
		return fixers[fixer]
	}
	names := make([]string, len(p.Owners))
	for i, owner := range p.Owners {
		names[i] = owner.User + " " + amount(owner.Cost)
	}
	who := "the owner: "
	if len(names)+p.MoreOwners > 1 {
		who = "the owners: "
	}
	who += strings.Join(names, ", ")
	if p.MoreOwners > 0 {
		who += " and " + plural(p.MoreOwners, "other")
	}
	return who
}

var fixers = map[outlook.Fixer]string{outlook.FixerOwner: "the owner", outlook.FixerPlatform: "the platform", outlook.FixerNobody: "nobody"}

func whose(r report.Report) string {
	switch r.Scope {
	case report.ScopeAll:
		return cmp.Or(r.Organisation, "Everything")
	case report.ScopeOwn:
		return "Clusters of " + r.Reader
	default:
		return "Group " + string(r.Scope)
	}
}

// amountsOf writes all amounts of a report with the same decimals: whole units where the total has hundreds of them.
func amountsOf(o outlook.Overview) func(cost.Nanos) string {
	const unit = 1_000_000_000
	decimals := 2
	if total := max(o.Total, o.Before); total >= 100*unit {
		decimals = 0
	} else {
		for least := cost.Nanos(unit); total > 0 && total < least && decimals < 8; least /= 10 {
			decimals++
		}
	}
	return func(n cost.Nanos) string { return n.Text(o.Currency, decimals) }
}

func share(part, whole cost.Nanos) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f\u202f%%", 100*float64(part)/float64(whole))
}

func width(part, whole cost.Nanos) string {
	if whole <= 0 {
		return "0"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 2, 64)
}

// change says by how much something changed: +15 %, new, gone.
func change(now, before cost.Nanos) string {
	switch {
	case before == 0 && now == 0:
		return "–"
	case before == 0:
		return "new"
	case now == 0:
		return "gone"
	}
	ratio := float64(now) / float64(before)
	if ratio >= 10 {
		return fmt.Sprintf("%.0f times", ratio)
	}
	return strings.Replace(fmt.Sprintf("%+.0f\u202f%%", 100*(ratio-1)), "-", "−", 1)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// pad fills a text up with spaces, or cuts it; right puts the spaces before it.
func pad(n int, text string) string {
	runes := []rune(text)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text + strings.Repeat(" ", n-len(runes))
}

func right(n int, text string) string {
	return strings.Repeat(" ", max(0, n-len([]rune(text)))) + text
}

// ReportName is the file name of a report, without its ending.
func ReportName(r report.Report) string {
	return "lineitem-" + r.Week.String() + "-" + strings.Trim(strings.ReplaceAll(string(r.Scope), "/", "-"), "-")
}
