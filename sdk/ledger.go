package sdk

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LedgerMonth is what the books say of one month: closing = opening + charges + corrections + true-ups.
type LedgerMonth struct {
	Month    string `json:"month" example:"2026-10" doc:"A month of the organisation's time zone"`
	Currency string `json:"currency"`
	// Start and End bound the hours that begin in it.
	Start    time.Time  `json:"start"`
	End      time.Time  `json:"end"`
	Closed   bool       `json:"closed"`
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	ClosedBy string     `json:"closed_by"`
	// OpeningNanos is what was booked in all months before.
	OpeningNanos     int64 `json:"opening_nanos"`
	ChargesNanos     int64 `json:"charges_nanos"`
	CorrectionsNanos int64 `json:"corrections_nanos"`
	TrueUpNanos      int64 `json:"true_up_nanos"`
	ClosingNanos     int64 `json:"closing_nanos"`
	Entries          int64 `json:"entries"`
}

// LedgerMonthList holds months in the order of time.
type LedgerMonthList struct {
	Zone  string        `json:"zone" doc:"Where months begin"`
	Items []LedgerMonth `json:"items" nullable:"false"`
}

// LedgerMonthDetails is a month with what it is made of.
type LedgerMonthDetails struct {
	// Months has the month once for each currency that it has entries in.
	Months []LedgerMonth `json:"months" nullable:"false"`
	Totals []LedgerTotal `json:"totals" nullable:"false"`
	// Corrections are the newest that are booked in the month, with the hours that they are for; 200 at most.
	Corrections []LedgerEntry  `json:"corrections" nullable:"false"`
	Imports     []LedgerImport `json:"imports" nullable:"false"`
	Check       LedgerCheck    `json:"check"`
}

// LedgerTotal is what is booked in a month for one user, backend and kind; frozen when the month was closed.
type LedgerTotal struct {
	UserID    string  `json:"user_id"`
	User      string  `json:"user"`
	Group     string  `json:"group" doc:"The path of the group that paid, empty for none"`
	Backend   string  `json:"backend"`
	Kind      string  `json:"kind" enum:"charge,correction,true_up"`
	Currency  string  `json:"currency"`
	Entries   int64   `json:"entries"`
	Hours     float64 `json:"hours" doc:"Hours of machines"`
	CostNanos int64   `json:"cost_nanos"`
}

// LedgerCheck compares the books of a month's hours with what their processes are metered at: the figure that bills are made of.
type LedgerCheck struct {
	Balanced  bool `json:"balanced"`
	Processes int  `json:"processes"`
	// MeteredNanos and PostedNanos are the two sums; AheadNanos was metered up to now and is not posted yet.
	MeteredNanos int64    `json:"metered_nanos"`
	PostedNanos  int64    `json:"posted_nanos"`
	AheadNanos   int64    `json:"ahead_nanos"`
	Wrong        []string `json:"wrong" nullable:"false" doc:"Processes whose entries do not sum to what they are metered at"`
}

// LedgerEntry is a row of the ledger: what one process cost in one hour, or a later difference. It never changes.
type LedgerEntry struct {
	ID        int64     `json:"id"`
	Kind      string    `json:"kind" enum:"charge,correction,true_up"`
	ProcessID string    `json:"process_id"`
	ClusterID string    `json:"cluster_id"`
	UserID    string    `json:"user_id"`
	Backend   string    `json:"backend"`
	Hour      time.Time `json:"hour" doc:"Start of the hour that it is for"`
	Month     string    `json:"month" doc:"Where it is booked"`
	CostNanos int64     `json:"cost_nanos"`
	Seconds   float64   `json:"seconds" doc:"Metered time; of a correction the difference"`
	// RateNanosPerHour is the price of an hour of the process, PriceSource where that comes from, PriceAsOf when it was true there.
	RateNanosPerHour int64      `json:"rate_nanos_per_hour"`
	Currency         string     `json:"currency"`
	PriceSource      string     `json:"price_source"`
	PriceAsOf        *time.Time `json:"price_as_of,omitempty"`
	RecordedAt       time.Time  `json:"recorded_at"`
	Reason           string     `json:"reason" doc:"Why it is there, if it is no charge"`
	ImportID         string     `json:"import_id" doc:"The invoice that a true-up comes from"`
}

// LedgerEntryList holds entries, the newest first.
type LedgerEntryList struct {
	Items []LedgerEntry `json:"items" nullable:"false"`
	// Next is what to give as before for those that follow, 0 if there are none.
	Next int64 `json:"next"`
}

// LedgerSummary says what became of what was allocated: allocated = used + idle + overhead + lost + unknown, to the nano-unit.
type LedgerSummary struct {
	Currency string `json:"currency"`
	// Start and End bound the window: the whole hours that what was asked for touches.
	Start          time.Time `json:"start"`
	End            time.Time `json:"end"`
	AsOf           time.Time `json:"as_of" doc:"Up to when costs that still accrue are counted"`
	AllocatedNanos int64     `json:"allocated_nanos" doc:"The time of all machines by their rates"`
	UsedNanos      int64     `json:"used_nanos" doc:"Work"`
	IdleNanos      int64     `json:"idle_nanos" doc:"Paid for while there was nothing to do"`
	OverheadNanos  int64     `json:"overhead_nanos" doc:"Dask's own time, and the schedulers'"`
	LostNanos      int64     `json:"lost_nanos" doc:"Not observed, for a reason that is known"`
	UnknownNanos   int64     `json:"unknown_nanos" doc:"Not observed, and nobody knows why"`
}

// LedgerImport is an invoice that a month was trued up to.
type LedgerImport struct {
	ID     string       `json:"id"`
	Source string       `json:"source"`
	SHA256 string       `json:"sha256" doc:"Of the file"`
	Rules  []string     `json:"rules" nullable:"false"`
	At     time.Time    `json:"at"`
	By     string       `json:"by"`
	Result LedgerTrueUp `json:"result"`
}

// LedgerTrueUp says how an invoice was matched with a month, and what was booked.
type LedgerTrueUp struct {
	Month       string `json:"month"`
	Currency    string `json:"currency"`
	Rows        int64  `json:"rows" doc:"Rows of the month"`
	OtherMonths int64  `json:"other_months" doc:"Rows of other months, which were left out"`
	// InvoicedNanos is what the rows that were matched sum to, MeteredNanos what was metered for them, BookedNanos the true-ups.
	InvoicedNanos int64          `json:"invoiced_nanos"`
	MeteredNanos  int64          `json:"metered_nanos"`
	BookedNanos   int64          `json:"booked_nanos"`
	Entries       int            `json:"entries"`
	Factors       []LedgerFactor `json:"factors" nullable:"false" doc:"Groups of rows that were matched, dearest first, 200 at most"`
	Groups        int            `json:"groups"`
	// NotOurs are rows that nothing was found for; they are never spread over anything.
	NotOurs      []LedgerNotOurs `json:"not_ours" nullable:"false" doc:"Dearest first, 200 at most"`
	NotOursRows  int64           `json:"not_ours_rows"`
	NotOursNanos int64           `json:"not_ours_nanos"`
	// NotInvoicedNanos is what is booked for processes that no row is for; it stays as it is.
	NotInvoicedNanos     int64 `json:"not_invoiced_nanos"`
	NotInvoicedProcesses int   `json:"not_invoiced_processes"`
	DryRun               bool  `json:"dry_run"`
	Unchanged            bool  `json:"unchanged" doc:"Nothing was written: the books had all of it"`
}

// LedgerFactor is a group of rows of an invoice that are for one thing, and what that was metered at.
type LedgerFactor struct {
	Target        string  `json:"target" example:"backend local"`
	Rows          int64   `json:"rows"`
	InvoicedNanos int64   `json:"invoiced_nanos"`
	MeteredNanos  int64   `json:"metered_nanos"`
	TruedUpNanos  int64   `json:"trued_up_nanos" doc:"True-ups of earlier imports"`
	BookedNanos   int64   `json:"booked_nanos"`
	Processes     int     `json:"processes"`
	Factor        float64 `json:"factor" doc:"Invoiced for each unit that was metered"`
}

// LedgerNotOurs are rows of one service that are for nothing of ours.
type LedgerNotOurs struct {
	Provider  string `json:"provider"`
	Service   string `json:"service"`
	Reason    string `json:"reason"`
	Rows      int64  `json:"rows"`
	CostNanos int64  `json:"cost_nanos"`
}

// LedgerMonths lists the months of the books.
func (c *Client) LedgerMonths(ctx context.Context) (LedgerMonthList, error) {
	return call[LedgerMonthList](ctx, c, http.MethodGet, "/ledger/months", nil, nil)
}

// LedgerMonth shows one month, written like 2026-10.
func (c *Client) LedgerMonth(ctx context.Context, month string) (LedgerMonthDetails, error) {
	return call[LedgerMonthDetails](ctx, c, http.MethodGet, "/ledger/months/"+url.PathEscape(month), nil, nil)
}

// CloseLedgerMonth freezes a month.
func (c *Client) CloseLedgerMonth(ctx context.Context, month string) (LedgerMonthDetails, error) {
	return call[LedgerMonthDetails](ctx, c, http.MethodPost, "/ledger/months/"+url.PathEscape(month)+"/close", nil, nil)
}

// LedgerEntriesOptions select entries; empty fields select all.
type LedgerEntriesOptions struct {
	Month, Cluster, Kind string
	// Before is Next of the list before.
	Before int64
	// Limit of 0 means the server's default.
	Limit int
}

// LedgerEntries lists entries of the ledger, the newest first.
func (c *Client) LedgerEntries(ctx context.Context, o LedgerEntriesOptions) (LedgerEntryList, error) {
	q := url.Values{}
	for name, value := range map[string]string{"month": o.Month, "cluster": o.Cluster, "kind": o.Kind} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.Before > 0 {
		q.Set("before", strconv.FormatInt(o.Before, 10))
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return call[LedgerEntryList](ctx, c, http.MethodGet, "/ledger/entries", q, nil)
}

// LedgerSummary says what became of what was allocated; zero times mean the server's default window.
func (c *Client) LedgerSummary(ctx context.Context, o CostOptions) (LedgerSummary, error) {
	q := url.Values{}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.UTC().Format(time.RFC3339Nano))
	}
	if !o.Until.IsZero() {
		q.Set("until", o.Until.UTC().Format(time.RFC3339Nano))
	}
	return call[LedgerSummary](ctx, c, http.MethodGet, "/ledger/summary", q, nil)
}

// ImportFocusOptions say how to read an invoice.
type ImportFocusOptions struct {
	// Cost is the column that says what a row cost; empty means BilledCost.
	Cost string
	// Rules say what rows are for.
	Rules []string
	// Source names the file in words.
	Source string
	DryRun bool
}

// ImportFocus trues a month up to an invoice, a FOCUS file as CSV, plain or packed by gzip. The file is sent while it is read.
func (c *Client) ImportFocus(ctx context.Context, month string, file io.Reader, o ImportFocusOptions) (LedgerTrueUp, error) {
	q := url.Values{}
	for name, value := range map[string]string{"cost": o.Cost, "source": o.Source} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for _, rule := range o.Rules {
		q.Add("map", rule)
	}
	if o.DryRun {
		q.Set("dry_run", "true")
	}
	return call[LedgerTrueUp](ctx, c, http.MethodPost, "/ledger/months/"+url.PathEscape(month)+"/import-focus", q, csvStream{file})
}
