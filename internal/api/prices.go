package api

import (
	"bytes"
	"cmp"
	"context"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/price"
	"github.com/lineitem/lineitem/sdk"
)

const tagPrices = "prices"

const (
	// maxPriceListBytes bounds a price list: that of a large cloud has some megabytes.
	maxPriceListBytes = 32 << 20
	// maxImportItems is how many entries an import shows of those that it adds, and of those that it ends.
	maxImportItems = 100
)

type pricesInput struct {
	Provider string    `query:"provider" maxLength:"200" doc:"All by default" example:"aws"`
	Region   string    `query:"region" maxLength:"200" doc:"A region or a zone; all by default"`
	Instance string    `query:"instance" maxLength:"200" doc:"An instance type, a machine or the model of a GPU; all by default" example:"m5.xlarge"`
	At       time.Time `query:"at" doc:"The moment at which they are in force; now by default"`
	All      bool      `query:"all" doc:"Those of all times instead"`
	Limit    int       `query:"limit" minimum:"1" maximum:"5000" default:"500"`
}

type importPricesInput struct {
	ContentType string    `header:"Content-Type"`
	Shape       string    `query:"shape" enum:"lineitem,skypilot,opencost" default:"lineitem"`
	Provider    string    `query:"provider" maxLength:"100" doc:"Needed for the shapes skypilot and opencost, which do not say it"`
	ValidFrom   time.Time `query:"valid_from" doc:"Since when prices are valid of which the list does not say; now by default"`
	AsOf        time.Time `query:"as_of" doc:"When the list was made; now by default"`
	Source      string    `query:"source" maxLength:"200" doc:"Where the list comes from, in words"`
	DryRun      bool      `query:"dry_run" doc:"Only say what would change"`
	RawBody     []byte    `contentType:"text/csv"`
}

func (s *server) priceRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/prices", "list-prices", tagPrices, "List entries of the price book"), s.prices)
	imports := operation(http.MethodPost, "/prices/import", "import-prices", tagPrices, "Put a price list into the price book: all of it or nothing")
	imports.MaxBodyBytes = maxPriceListBytes + 1
	imports.BodyReadTimeout = 2 * time.Minute
	register(s, a, imports, s.importPrices)
	register(s, a, operation(http.MethodGet, "/prices/coverage", "get-price-coverage", tagPrices,
		"Say how much of the time of machines has a price"), s.priceCoverage)
}

func (s *server) prices(ctx context.Context, in *pricesInput) (*body[sdk.PriceList], error) {
	f := price.Filter{Provider: in.Provider, Region: in.Region, Name: in.Instance, At: in.At, Limit: in.Limit}
	switch {
	case in.All && !in.At.IsZero():
		return nil, errs.InvalidFields(errs.Field{Name: "all", Message: "Give one of all and at: prices of all times, or those of a moment."})
	case !in.All && in.At.IsZero():
		f.At = s.Now()
	}
	entries, more, err := s.Prices.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return answer(sdk.PriceList{Items: convert(entries, priceToAPI), More: more}), nil
}

func (s *server) importPrices(ctx context.Context, in *importPricesInput) (*body[sdk.PriceImport], error) {
	if media, _, err := mime.ParseMediaType(in.ContentType); err != nil || media != "text/csv" {
		return nil, &Error{
			status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Fields: []FieldError{},
			Message: "The body must be a price list in CSV, sent as Content-Type: text/csv. Nothing was changed.",
		}
	}
	out, err := s.Prices.Import(ctx, s.Now(), actorOf(ctx), price.ImportInput{
		Shape: price.Shape(in.Shape), Text: bytes.NewReader(in.RawBody), Provider: in.Provider, ValidFrom: in.ValidFrom, AsOf: in.AsOf,
		Source: in.Source, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return answer(importToAPI(out)), nil
}

func (s *server) priceCoverage(ctx context.Context, in *CostWindow) (*body[sdk.PriceCoverage], error) {
	now := s.Now()
	since, until, err := in.window(now)
	if err != nil {
		return nil, err
	}
	c, err := s.Prices.Coverage(ctx, now, actorOf(ctx), since, until)
	if err != nil {
		return nil, err
	}
	return answer(sdk.PriceCoverage{
		Start: c.Since, End: c.Until, PricedHours: hours(c.PricedMicros), UnpricedHours: hours(c.UnpricedMicros),
		PricedGPUHours: hours(c.PricedGPUMicros), UnpricedGPUHours: hours(c.UnpricedGPUMicros),
		Items: convert(c.Items, priceCoversToAPI),
	}), nil
}

func priceCoversToAPI(item price.Covered) sdk.PriceCovers {
	return sdk.PriceCovers{
		Provider: item.Provider, GPU: item.GPU, Priced: item.Priced, Source: item.Source, AsOf: optionalTime(item.AsOf), Reason: item.Reason,
		Hours: hours(item.Micros),
	}
}

func hours(micros int64) float64 { return float64(micros) / 3.6e9 }

func priceToAPI(e price.Entry) sdk.PriceEntry {
	return sdk.PriceEntry{
		ID: e.ID, Provider: e.Provider, Region: e.Region, Unit: string(e.Unit), Name: e.Name, Purchase: string(e.Purchase),
		NanosPerHour: int64(e.NanosPerHour), Currency: string(e.Currency), Accelerator: e.Accelerator, Accelerators: e.Accelerators,
		ValidFrom: e.ValidFrom.UTC(), ValidTo: optionalTime(e.ValidTo), Source: e.Source, AsOf: e.AsOf.UTC(),
	}
}

func importToAPI(in price.Import) sdk.PriceImport {
	out := sdk.PriceImport{
		DryRun: in.DryRun, Added: len(in.Added), Ended: len(in.Ended), Unchanged: in.Unchanged,
		AddedItems: convert(in.Added[:min(len(in.Added), maxImportItems)], priceToAPI),
		EndedItems: convert(in.Ended[:min(len(in.Ended), maxImportItems)], func(e price.Ending) sdk.PriceEntry { return priceToAPI(e.Entry) }),
		LeftOut:    []sdk.PriceLeftOut{},
	}
	for reason, lines := range in.LeftOut {
		out.LeftOut = append(out.LeftOut, sdk.PriceLeftOut{Reason: reason, Lines: lines})
	}
	slices.SortFunc(out.LeftOut, func(a, b sdk.PriceLeftOut) int { return cmp.Compare(a.Reason, b.Reason) })
	return out
}
