package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
)

// Names in FOCUS files that are the same in every row.
const (
	// focusProvider is also who invoices: for FOCUS, what another one invoices was not billed here.
	focusProvider = "Lineitem"
	focusService  = "Dask clusters"
	focusTime     = "2006-01-02T15:04:05Z"
	focusUnit     = "Hours"
)

// focusColumns are those of FOCUS 1.2 that such rows have, by name, then our own.
var focusColumns = []string{
	"BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass",
	"ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountStatus", "ConsumedQuantity", "ConsumedUnit",
	"ContractedCost", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName",
	"PublisherName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SubAccountId", "SubAccountName",
	"Tags", "x_ClusterId", "x_ClusterName", "x_CostNanos", "x_MemoryBytes", "x_PriceSource", "x_Threads", "x_TrueUpNanos",
}

// Focus writes hours of processes as rows of a FOCUS 1.2 data set (Cost and Usage).
type Focus struct {
	out          *csv.Writer
	organisation string
	currency     string
}

// NewFocus begins a file. The organisation is who is billed.
func NewFocus(w io.Writer, organisation, currency string) (*Focus, error) {
	if organisation == "" {
		organisation = focusProvider // a billing account must have a name
	}
	f := &Focus{out: csv.NewWriter(w), organisation: text(organisation), currency: text(currency)}
	return f, f.out.Write(focusColumns)
}

// Write adds a row. What an invoice adds to what was metered is in what was billed, and in its effective cost; list prices know nothing of it.
func (f *Focus) Write(h bill.ProcessHour, trueUp cost.Nanos) error {
	tags, err := json.Marshal(map[string]string{"user": text(h.Owner.Name), "cluster": text(h.Cluster.Name), "role": string(h.Process.Role)})
	if err != nil {
		return fmt.Errorf("encode tags: %w", err)
	}
	billed := focusDecimal(decimal(int64(h.Cost + trueUp)))
	money, hours := focusDecimal(decimal(int64(h.Cost))), focusDecimal(fraction(h.Micros*5/18, 1_000_000_000, 9))
	month := time.Date(h.Start.Year(), h.Start.Month(), 1, 0, 0, 0, 0, time.UTC)
	kind := "Dask worker"
	if h.Process.Role == cluster.RoleScheduler {
		kind = "Dask scheduler"
	}
	row := []string{
		billed, f.organisation, f.organisation, f.currency, month.AddDate(0, 1, 0).Format(focusTime), month.Format(focusTime), "Usage", "",
		fmt.Sprintf("%s %s of cluster %s, threads: %d, memory: %d bytes", kind, h.Process.Name, h.Cluster.Name, h.Process.Threads, h.Process.MemoryBytes),
		"Usage-Based", h.End.UTC().Format(focusTime), h.Start.UTC().Format(focusTime), "", hours, focusUnit,
		money, billed, "", focusProvider, money, "Standard", hours, focusUnit, focusProvider,
		focusProvider, string(h.Process.ID), h.Cluster.Name + "/" + h.Process.Name, kind, "Compute", focusService, "Other (Compute)", string(h.Owner.ID), h.Owner.Name,
		string(tags), string(h.Cluster.ID), h.Cluster.Name, strconv.FormatInt(int64(h.Cost), 10), strconv.FormatInt(h.Process.MemoryBytes, 10), priceSource(h),
		strconv.Itoa(h.Process.Threads),
	}
	for i, cell := range row {
		row[i] = csvText(cell)
	}
	return f.out.Write(append(row, strconv.FormatInt(int64(trueUp), 10))) // a number, which may begin with a minus
}

// priceSource says where the prices of an hour come from: of each that held in it.
func priceSource(h bill.ProcessHour) string {
	var sources []string
	start, end, ok := h.Process.Interval(h.End)
	if start.Before(h.Start) {
		start = h.Start
	}
	if ok && start.Before(end) {
		for _, s := range h.Process.Spans(start, end) {
			if source := s.Source(); source != "" {
				sources = append(sources, source)
			}
		}
	}
	if len(sources) == 0 {
		return "configured" // processes that are older than the record of their prices
	}
	return text(strings.Join(slices.Compact(sources), "; "))
}

// Flush writes what is still held back.
func (f *Focus) Flush() error {
	f.out.Flush()
	return f.out.Error()
}

// focusDecimal gives every amount a fraction: FOCUS takes none for a decimal without.
func focusDecimal(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".0"
}
