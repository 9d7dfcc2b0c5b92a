package sdk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// PriceEntry is a price of the price book with its validity and its source.
type PriceEntry struct {
	ID       string `json:"id" doc:"Empty in what a dry run would add"`
	Provider string `json:"provider" example:"aws"`
	Region   string `json:"region" doc:"A region or a zone; empty for any"`
	Unit     string `json:"unit" enum:"node,instance,core_hour,gb_hour,gpu_hour" doc:"What an hour of is priced"`
	Name     string `json:"name" doc:"Instance type, machine or model of the GPU; empty for core_hour and gb_hour" example:"m5.xlarge"`
	Purchase string `json:"purchase" enum:"on_demand,spot,reserved"`
	// NanosPerHour is the price of one for an hour; of 10^9 bytes for gb_hour.
	NanosPerHour int64  `json:"nanos_per_hour"`
	Currency     string `json:"currency" example:"USD"`
	Accelerator  string `json:"accelerator" doc:"Model of the GPUs whose price a machine's price includes; empty for none"`
	Accelerators int    `json:"accelerators"`
	// ValidFrom and ValidTo are the half-open time in which it is in force; without ValidTo it is open.
	ValidFrom time.Time  `json:"valid_from"`
	ValidTo   *time.Time `json:"valid_to,omitempty"`
	Source    string     `json:"source"`
	AsOf      time.Time  `json:"as_of" doc:"When the source said so"`
}

// PriceList holds entries of the price book.
type PriceList struct {
	Items []PriceEntry `json:"items" nullable:"false"`
	More  bool         `json:"more" doc:"There are more: narrow the question"`
}

// PriceImport says what an import changed, or would change.
type PriceImport struct {
	DryRun    bool `json:"dry_run"`
	Added     int  `json:"added"`
	Ended     int  `json:"ended" doc:"Entries of which the end was set: another price follows"`
	Unchanged int  `json:"unchanged" doc:"Lines that say what the book says already"`
	// AddedItems and EndedItems are the first hundred of each; ended ones with their new end.
	AddedItems []PriceEntry   `json:"added_items" nullable:"false"`
	EndedItems []PriceEntry   `json:"ended_items" nullable:"false"`
	LeftOut    []PriceLeftOut `json:"left_out" nullable:"false"`
}

// PriceLeftOut counts lines of a list that were not taken.
type PriceLeftOut struct {
	Reason string `json:"reason"`
	Lines  int    `json:"lines"`
}

// PriceCoverage says how much of the time of machines has a price.
type PriceCoverage struct {
	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	PricedHours   float64   `json:"priced_hours"`
	UnpricedHours float64   `json:"unpriced_hours"`
	// PricedGPUHours and UnpricedGPUHours are hours of GPUs that processes held, beside those of the machines.
	PricedGPUHours   float64       `json:"priced_gpu_hours"`
	UnpricedGPUHours float64       `json:"unpriced_gpu_hours"`
	Items            []PriceCovers `json:"items" nullable:"false"`
}

// PriceCovers is time of machines with a price from one source, or without one.
type PriceCovers struct {
	Provider string     `json:"provider" doc:"The backend that ran the machines"`
	GPU      string     `json:"gpu" doc:"Model, where these are hours of GPUs and not of machines"`
	Priced   bool       `json:"priced"`
	Source   string     `json:"source" doc:"Where the price comes from"`
	AsOf     *time.Time `json:"as_of,omitempty"`
	Reason   string     `json:"reason" doc:"Why there is no price"`
	Hours    float64    `json:"hours"`
}

// PricesOptions selects entries of the price book; empty fields select all.
type PricesOptions struct {
	Provider, Region, Instance string
	// At is the moment at which they are in force; zero is now.
	At time.Time
	// All selects those of all times instead.
	All bool
	// Limit of 0 means the server's default.
	Limit int
}

// Prices lists entries of the price book.
func (c *Client) Prices(ctx context.Context, o PricesOptions) (PriceList, error) {
	q := url.Values{}
	for name, value := range map[string]string{"provider": o.Provider, "region": o.Region, "instance": o.Instance} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !o.At.IsZero() {
		q.Set("at", o.At.UTC().Format(time.RFC3339Nano))
	}
	if o.All {
		q.Set("all", "true")
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return call[PriceList](ctx, c, http.MethodGet, "/prices", q, nil)
}

// ImportPricesOptions say what a price list does not.
type ImportPricesOptions struct {
	// Shape is "lineitem", "skypilot" or "opencost"; empty means the first.
	Shape string
	// Provider is needed for the other two.
	Provider string
	// ValidFrom and AsOf are now where they are zero.
	ValidFrom, AsOf time.Time
	Source          string
	DryRun          bool
}

// ImportPrices puts a price list into the price book: all of it or nothing.
func (c *Client) ImportPrices(ctx context.Context, list []byte, o ImportPricesOptions) (PriceImport, error) {
	q := url.Values{}
	for name, value := range map[string]string{"shape": o.Shape, "provider": o.Provider, "source": o.Source} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]time.Time{"valid_from": o.ValidFrom, "as_of": o.AsOf} {
		if !value.IsZero() {
			q.Set(name, value.UTC().Format(time.RFC3339Nano))
		}
	}
	if o.DryRun {
		q.Set("dry_run", "true")
	}
	return call[PriceImport](ctx, c, http.MethodPost, "/prices/import", q, csvBody(list))
}

// PriceCoverage says how much of the time of machines has a price; zero times mean the server's default window.
func (c *Client) PriceCoverage(ctx context.Context, o CostOptions) (PriceCoverage, error) {
	q := url.Values{}
	if !o.Since.IsZero() {
		q.Set("since", o.Since.UTC().Format(time.RFC3339Nano))
	}
	if !o.Until.IsZero() {
		q.Set("until", o.Until.UTC().Format(time.RFC3339Nano))
	}
	return call[PriceCoverage](ctx, c, http.MethodGet, "/prices/coverage", q, nil)
}
