package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/sdk"
)

const tagLedger = "ledger"

const (
	// maxInvoiceBytes bounds an invoice as it is sent, packed or not.
	maxInvoiceBytes = 2 << 30
	// invoiceTime is how long reading it may take.
	invoiceTime = 30 * time.Minute
)

// MonthRef is the path parameter of a month. It is exported because huma looks at exported fields only.
type MonthRef struct {
	Month string `path:"month" minLength:"1" maxLength:"40" example:"2026-10"`
}

type ledgerEntriesInput struct {
	Month   string `query:"month" maxLength:"40" doc:"Booked in it; all by default" example:"2026-10"`
	Cluster string `query:"cluster" maxLength:"200" doc:"Id of a cluster; all by default"`
	Kind    string `query:"kind" enum:"charge,correction,true_up" doc:"All by default"`
	Before  int64  `query:"before" minimum:"0" doc:"Entries with a smaller id: next of the list before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"5000" default:"500"`
}

type importFocusInput struct {
	MonthRef
	ContentType string   `header:"Content-Type"`
	Cost        string   `query:"cost" enum:"BilledCost,EffectiveCost,ContractedCost,ListCost" default:"BilledCost" doc:"The column that says what a row cost"`
	Map         []string `query:"map,explode" maxItems:"100" doc:"Rules that say what rows are for: ServiceName=Amazon Elastic* -> backend=aws"`
	Source      string   `query:"source" maxLength:"200" doc:"Where the file comes from, in words"`
	DryRun      bool     `query:"dry_run" doc:"Only say what would be booked"`

	body io.Reader
}

// Resolve keeps the body for reading while it arrives: huma would hold all of it in memory.
func (in *importFocusInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	if err := ctx.SetReadDeadline(time.Now().Add(invoiceTime)); err != nil {
		return []error{err}
	}
	return nil
}

func (s *server) ledgerRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/ledger/months", "list-ledger-months", tagLedger, "List the months of the books"), s.ledgerMonths)
	register(s, a, operation(http.MethodGet, "/ledger/months/{month}", "get-ledger-month", tagLedger, "Show what is booked in a month"), s.ledgerMonth)
	register(s, a, operation(http.MethodPost, "/ledger/months/{month}/close", "close-ledger-month", tagLedger, "Freeze a month"), s.closeLedgerMonth)
	register(s, a, operation(http.MethodGet, "/ledger/entries", "list-ledger-entries", tagLedger, "List entries of the ledger, the newest first"), s.ledgerEntries)
	register(s, a, operation(http.MethodGet, "/ledger/summary", "get-ledger-summary", tagLedger, "Say what became of what was allocated"), s.ledgerSummary)
	imports := operation(http.MethodPost, "/ledger/months/{month}/import-focus", "import-ledger-focus", tagLedger, "True a month up to an invoice in FOCUS form")
	imports.RequestBody = &huma.RequestBody{
		Description: "A FOCUS file, plain or packed by gzip", Required: true, Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	register(s, a, imports, s.importFocus)
}

func (s *server) ledgerMonths(ctx context.Context, _ *struct{}) (*body[sdk.LedgerMonthList], error) {
	months, err := s.Ledger.Months(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.LedgerMonthList{Zone: s.TimeZone, Items: convert(months, statementToAPI)}), nil
}

func (s *server) ledgerMonth(ctx context.Context, in *MonthRef) (*body[sdk.LedgerMonthDetails], error) {
	month, err := ledger.ParseMonth(in.Month)
	if err != nil {
		return nil, err
	}
	d, err := s.Ledger.Month(ctx, s.Now(), actorOf(ctx), month)
	if err != nil {
		return nil, err
	}
	return answer(monthToAPI(d)), nil
}

func (s *server) closeLedgerMonth(ctx context.Context, in *MonthRef) (*body[sdk.LedgerMonthDetails], error) {
	month, err := ledger.ParseMonth(in.Month)
	if err != nil {
		return nil, err
	}
	d, err := s.Ledger.Close(ctx, s.Now(), actorOf(ctx), month)
	if err != nil {
		return nil, err
	}
	return answer(monthToAPI(d)), nil
}

func (s *server) ledgerEntries(ctx context.Context, in *ledgerEntriesInput) (*body[sdk.LedgerEntryList], error) {
	f := ledger.Filter{Cluster: cluster.ID(in.Cluster), Kind: ledger.Kind(in.Kind), Before: in.Before, Limit: in.Limit + 1}
	if in.Month != "" {
		var err error
		if f.Month, err = ledger.ParseMonth(in.Month); err != nil {
			return nil, err
		}
	}
	entries, err := s.Ledger.Entries(ctx, actorOf(ctx), f)
	if err != nil {
		return nil, err
	}
	out := sdk.LedgerEntryList{}
	if len(entries) > in.Limit {
		entries = entries[:in.Limit]
		out.Next = entries[in.Limit-1].ID
	}
	out.Items = convert(entries, entryToAPI)
	return answer(out), nil
}

func (s *server) ledgerSummary(ctx context.Context, in *CostWindow) (*body[sdk.LedgerSummary], error) {
	now := s.Now()
	since, until, err := in.window(now)
	if err != nil {
		return nil, err
	}
	v, err := s.Ledger.Summary(ctx, now, actorOf(ctx), since, until)
	if err != nil {
		return nil, err
	}
	return answer(sdk.LedgerSummary{
		Currency: string(v.Currency), Start: v.Since, End: v.Until, AsOf: v.AsOf.UTC(), AllocatedNanos: int64(v.Allocated), UsedNanos: int64(v.Used),
		IdleNanos: int64(v.Idle), OverheadNanos: int64(v.Overhead), LostNanos: int64(v.Lost), UnknownNanos: int64(v.Unknown),
	}), nil
}

func (s *server) importFocus(ctx context.Context, in *importFocusInput) (*body[sdk.LedgerTrueUp], error) {
	if media, _, err := mime.ParseMediaType(in.ContentType); err != nil || media != "text/csv" {
		return nil, &Error{
			status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Fields: []FieldError{},
			Message: "The body must be a FOCUS file in CSV, plain or packed by gzip, sent as Content-Type: text/csv. Nothing was imported.",
		}
	}
	month, err := ledger.ParseMonth(in.Month)
	if err != nil {
		return nil, err
	}
	file := &boundedBody{in: in.body, left: maxInvoiceBytes}
	out, err := s.Ledger.Import(ctx, s.Now(), actorOf(ctx), ledger.ImportInput{
		Month: month, File: file, Source: in.Source, CostColumn: in.Cost, Rules: in.Map, DryRun: in.DryRun,
	})
	if err != nil && file.left < 0 {
		return nil, errs.New(errs.TooLarge, "", "The file is larger than %d bytes. Nothing was imported; pack it by gzip, or import it in parts.", int64(maxInvoiceBytes))
	}
	if err != nil {
		return nil, err
	}
	return answer(trueUpToAPI(out)), nil
}

// boundedBody ends with an error where more arrives than is taken; left is below 0 then.
type boundedBody struct {
	in   io.Reader
	left int64
}

// Read reads up to the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.in.Read(p)
	b.left -= int64(n)
	return n, err
}

func statementToAPI(m ledger.Statement) sdk.LedgerMonth {
	out := sdk.LedgerMonth{
		Month: string(m.Month), Currency: string(m.Currency), Start: m.Start, End: m.End, OpeningNanos: int64(m.Opening), ChargesNanos: int64(m.Charges),
		CorrectionsNanos: int64(m.Corrections), TrueUpNanos: int64(m.TrueUps), ClosingNanos: int64(m.Closing), Entries: m.Entries,
	}
	if m.Closed != nil {
		out.Closed, out.ClosedAt, out.ClosedBy = true, optionalTime(m.Closed.At), m.Closed.By
	}
	return out
}

func monthToAPI(d ledger.Details) sdk.LedgerMonthDetails {
	return sdk.LedgerMonthDetails{
		Months: convert(d.Statements, statementToAPI), Corrections: convert(d.Corrections, entryToAPI),
		Totals: convert(d.Totals, func(t ledger.Total) sdk.LedgerTotal {
			return sdk.LedgerTotal{
				UserID: string(t.Owner), User: t.OwnerName, Group: t.Group, Backend: t.Backend, Kind: string(t.Kind), Currency: string(t.Currency), Entries: t.Entries,
				Hours: hours(t.Micros), CostNanos: int64(t.Cost),
			}
		}),
		Imports: convert(d.Imports, func(i ledger.Imported) sdk.LedgerImport {
			return sdk.LedgerImport{
				ID: i.ID, Source: i.Source, SHA256: i.SHA256, Rules: append([]string{}, i.Rules...), At: i.At.UTC(), By: i.By, Result: trueUpToAPI(i.Result),
			}
		}),
		Check: sdk.LedgerCheck{
			Balanced: d.Check.Balanced(), Processes: d.Check.Processes, MeteredNanos: int64(d.Check.Metered), PostedNanos: int64(d.Check.Posted),
			AheadNanos: int64(d.Check.Ahead), Wrong: convert(d.Check.Wrong, func(p cluster.ProcessID) string { return string(p) }),
		},
	}
}

func entryToAPI(e ledger.Entry) sdk.LedgerEntry {
	return sdk.LedgerEntry{
		ID: e.ID, Kind: string(e.Kind), ProcessID: string(e.Process), ClusterID: string(e.Cluster), UserID: string(e.Owner), Backend: e.Backend,
		Hour: e.Hour.UTC(), Month: string(e.Month), CostNanos: int64(e.Cost), Seconds: seconds(e.Micros), RateNanosPerHour: int64(e.Rate.NanosPerHour),
		Currency: string(e.Rate.Currency), PriceSource: e.Source, PriceAsOf: optionalTime(e.AsOf), RecordedAt: e.RecordedAt.UTC(), Reason: e.Reason, ImportID: e.Import,
	}
}

func trueUpToAPI(r ledger.TrueUpResult) sdk.LedgerTrueUp {
	return sdk.LedgerTrueUp{
		Month: string(r.Month), Currency: string(r.Currency), Rows: r.Rows, OtherMonths: r.OtherMonths, InvoicedNanos: int64(r.Invoiced),
		MeteredNanos: int64(r.Metered), BookedNanos: int64(r.Booked), Entries: r.Entries, Groups: r.Groups,
		Factors: convert(r.Factors, func(f ledger.Factor) sdk.LedgerFactor {
			return sdk.LedgerFactor{
				Target: f.Target, Rows: f.Rows, InvoicedNanos: int64(f.Invoiced), MeteredNanos: int64(f.Metered), TruedUpNanos: int64(f.TruedUp),
				BookedNanos: int64(f.Booked), Processes: f.Processes, Factor: f.Ratio(),
			}
		}),
		NotOurs: convert(r.NotOurs, func(n ledger.NotOurs) sdk.LedgerNotOurs {
			return sdk.LedgerNotOurs{Provider: n.Provider, Service: n.Service, Reason: n.Reason, Rows: n.Rows, CostNanos: int64(n.Cost)}
		}),
		NotOursRows: r.NotOursRows, NotOursNanos: int64(r.NotOursCost), NotInvoicedNanos: int64(r.NotInvoiced), NotInvoicedProcesses: r.NotInvoicedProcesses,
		DryRun: r.DryRun, Unchanged: r.Unchanged,
	}
}
