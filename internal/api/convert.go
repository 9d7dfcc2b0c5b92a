package api

import (
	"maps"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/sdk"
)

// convert applies a conversion to each item; the result is never nil, so that it is [] on the wire.
func convert[A, B any](items []A, f func(A) B) []B {
	out := make([]B, len(items))
	for i, item := range items {
		out[i] = f(item)
	}
	return out
}

// optionalTime is absent on the wire where the time is zero.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func seconds(micros int64) float64 { return float64(micros) / 1e6 }

func userToAPI(u identity.User) sdk.User {
	return sdk.User{ID: string(u.ID), Name: u.Name, Role: string(u.Role)}
}

func tokenToAPI(t identity.Token) sdk.Token {
	return sdk.Token{
		ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt.UTC(),
		ExpiresAt: optionalTime(t.ExpiresAt), LastUsedAt: optionalTime(t.LastUsedAt),
	}
}

func cardToAPI(c cost.Card) sdk.RateCard {
	return sdk.RateCard{
		Currency: string(c.Currency), CoreHourNanos: int64(c.CoreHour), GigabyteHourNanos: int64(c.GigabyteHour),
		Source: c.Source, AsOf: optionalTime(c.AsOf),
	}
}

func optionsFromAPI(o sdk.ClusterOptions) cluster.Options {
	return cluster.Options{
		Workers: o.Workers, Threads: o.Threads, MemoryBytes: o.MemoryBytes, Python: o.Python, Env: maps.Clone(o.Env),
	}
}

func optionsToAPI(o cluster.Options) sdk.ClusterOptions {
	return sdk.ClusterOptions{Workers: o.Workers, Threads: o.Threads, MemoryBytes: o.MemoryBytes, Python: o.Python, Env: o.Env}
}

func (s *server) clusterToAPI(v cluster.View) sdk.Cluster {
	c := v.Cluster
	out := sdk.Cluster{
		ID: string(c.ID), Name: c.Name, Owner: userToAPI(v.Owner), Backend: c.Backend, Options: optionsToAPI(c.Options),
		Status: string(c.Status), Target: string(c.Target), Reason: c.Reason,
		SchedulerAddress: c.SchedulerAddress, DashboardURL: c.DashboardURL, URL: s.PublicURL + "/clusters/" + string(c.ID),
		CreatedAt: c.CreatedAt.UTC(), StartedAt: optionalTime(c.StartedAt), EndedAt: optionalTime(c.EndedAt),
		Currency: string(v.Currency), RateNanosPerHour: int64(v.Rate), CostNanos: int64(v.Cost),
		WorkersRunning: v.WorkersRunning,
		Watched:        c.Watched(), Deployment: c.Deployment, Method: c.Method, LastSeenAt: optionalTime(c.LastSeenAt), Away: v.Away,
		Group: c.GroupPath,
	}
	if g := v.Gauges; g != nil {
		out.Gauges = &sdk.Gauges{
			At: g.At.UTC(), Workers: g.Workers, Threads: g.Threads, Clients: g.Clients, Processing: g.Processing, Queued: g.Queued,
			Waiting: g.Waiting, NoWorker: g.NoWorker, InMemory: g.InMemory, Erred: g.Erred,
			ManagedBytes: g.ManagedBytes, SpilledBytes: g.SpilledBytes,
		}
	}
	return out
}

func processToAPI(v cluster.ProcessView) sdk.Process {
	p := v.Process
	_, basis := p.Price()
	return sdk.Process{
		ID: string(p.ID), Role: string(p.Role), Name: p.Name, Generation: p.Generation,
		Status: string(p.Status), Target: string(p.Target), Reason: p.Reason, Threads: p.Threads, MemoryBytes: p.MemoryBytes,
		RateNanosPerHour: int64(v.Rate), CostNanos: int64(v.Cost), Handle: p.Handle, ExitCode: p.ExitCode,
		PriceSource: basis.Source, PriceAsOf: optionalTime(basis.AsOf),
		CreatedAt: p.CreatedAt.UTC(), StartedAt: optionalTime(p.StartedAt), EndedAt: optionalTime(p.EndedAt),
	}
}

func eventToAPI(e cluster.Event) sdk.Event {
	return sdk.Event{ID: e.ID, At: e.At.UTC(), Kind: string(e.Kind), Message: e.Message}
}

func logToAPI(l cluster.Log) sdk.Logs {
	return sdk.Logs{ProcessID: string(l.Process.ID), Name: l.Process.Name, Text: l.Text, Truncated: l.Truncated}
}

func billToAPI(b bill.Bill) sdk.Bill {
	return sdk.Bill{
		ClusterID: string(b.ClusterID), Currency: string(b.Card.Currency), Start: b.Start.UTC(), AsOf: b.AsOf.UTC(),
		TotalNanos: int64(b.Total), Lines: convert(b.Lines, lineToAPI), Categories: convert(b.Categories, categoryToAPI),
		UnknownNanos: int64(b.Unknown), CoverageSeconds: seconds(b.ObservedMicros), CapacitySeconds: seconds(b.CapacityMicros),
		OriginSeconds: seconds(b.OriginMicros), WorkSeconds: seconds(b.WorkMicros), RulesVersion: b.RulesVersion, Method: b.Method,
		Rates: cardToAPI(b.Card), Prices: convert(b.Prices, priceUseToAPI), GPUs: convert(b.GPUs, gpuCostToAPI),
	}
}

func gpuCostToAPI(g bill.GPUCost) sdk.GPUCost {
	return sdk.GPUCost{
		Model: g.Model, Devices: g.Devices, Seconds: seconds(g.Micros), UnpricedSeconds: seconds(g.UnpricedMicros),
		CostNanos: int64(g.Cost), IdleCostNanos: int64(g.Idle),
	}
}

func priceUseToAPI(u bill.PriceUse) sdk.PriceUse {
	return sdk.PriceUse{
		Source: u.Basis.Source, AsOf: optionalTime(u.Basis.AsOf), CoreHourNanos: int64(u.Basis.CoreHour),
		GigabyteHourNanos: int64(u.Basis.GigabyteHour), Processes: u.Processes, CostNanos: int64(u.Cost),
		GPU: u.GPU, GPUHourNanos: int64(u.GPUHour),
	}
}

func lineToAPI(l bill.Line) sdk.BillLine {
	return sdk.BillLine{
		File: l.File, Line: l.Line.Line, Function: l.Function, Text: l.Text, CostNanos: int64(l.Cost),
		ThreadSeconds: seconds(l.ThreadMicros), CPUSeconds: seconds(l.CPUMicros), NativeSeconds: seconds(l.NativeMicros),
		OriginFile: l.Origin.File, OriginLine: l.Origin.Line, OriginFunction: l.Origin.Function, OriginText: l.OriginText,
		OriginLevel: originLevel(l.Created), SharedWith: l.SharedWith, Operation: l.Operation, Library: l.Library,
		Prefixes: convert(l.Prefixes, prefixToAPI),
	}
}

func prefixToAPI(p bill.Prefix) sdk.BillPrefix {
	return sdk.BillPrefix{Prefix: p.Prefix, CostNanos: int64(p.Cost), ThreadSeconds: seconds(p.ThreadMicros)}
}

func categoryToAPI(c bill.Category) sdk.BillCategory {
	return sdk.BillCategory{Name: c.Name, CostNanos: int64(c.Cost), ThreadSeconds: seconds(c.ThreadMicros)}
}

func timelineToAPI(t bill.Timeline) sdk.Timeline {
	return sdk.Timeline{Start: t.Start.UTC(), End: t.End.UTC(), StepSeconds: t.Step.Seconds(), Rows: convert(t.Rows, timelineRowToAPI)}
}

func timelineRowToAPI(r bill.TimelineRow) sdk.TimelineRow {
	p := r.Process
	return sdk.TimelineRow{
		ProcessID: string(p.ID), Name: p.Name, StartedAt: p.StartedAt.UTC(), EndedAt: optionalTime(p.EndedAt),
		Bins: convert(r.Bins, func(bin map[string]float64) map[string]float64 { return bin }),
	}
}

func sourceToAPI(s usage.Source) sdk.Source {
	return sdk.Source{File: s.File, SHA256: s.SHA256, Text: s.Text}
}

func breakdownToAPI(a spend.Answer) sdk.CostBreakdown {
	coverage := 1.0
	if a.All > 0 {
		coverage = 1 - float64(a.Unseen)/float64(a.All)
	}
	out := sdk.CostBreakdown{
		Figures: string(spend.Metered), MeteredTotalNanos: int64(a.Total), Invoices: []sdk.InvoicedMonth{},
		AsOf: a.AsOf.UTC(), SQL: a.SQL, RowsRead: a.ReadRows, Segments: a.Segments, Coverage: coverage,
		Currency: string(a.Currency), Start: a.Since, End: a.Until, Zone: a.Zone.String(), TotalNanos: int64(a.Total), AllNanos: int64(a.All),
		Notes:     append([]string{}, spend.Notes(a.Losses, a.Currency)...),
		RestNanos: int64(a.Rest), RestRows: a.RestRows, UnseenNanos: int64(a.Unseen), Clusters: a.Clusters, Names: a.Names, RulesVersion: a.RulesVersion,
		Rows: convert(a.Rows, func(r spend.Row) sdk.BreakdownRow {
			return sdk.BreakdownRow{Keys: r.Keys, CostNanos: int64(r.Cost), ThreadSeconds: seconds(r.ThreadMicros), CPUSeconds: seconds(r.CPUMicros)}
		}),
	}
	if a.Booked != nil {
		out.Figures, out.MeteredTotalNanos, out.UnplacedNanos = string(spend.Invoiced), int64(a.MeteredTotal), int64(a.Unplaced)
		out.Invoices = convert(a.Booked.Months, invoicedMonthToAPI)
	}
	return out
}

func invoicedMonthToAPI(m spend.InvoicedMonth) sdk.InvoicedMonth {
	out := sdk.InvoicedMonth{Month: m.Name, Start: m.Since.UTC(), End: m.Until.UTC(), Status: "none", TrueUpNanos: int64(m.TrueUp)}
	switch {
	case len(m.Invoices) > 0:
		out.Status = "invoiced"
	case !m.Over:
		out.Status = "running"
	}
	out.Imports = convert(m.Invoices, func(i spend.Invoice) sdk.InvoiceApplied {
		return sdk.InvoiceApplied{ID: i.ID, Source: i.Source, At: i.At.UTC(), Groups: i.Groups, Factors: convert(i.Factors, func(f spend.Factor) sdk.InvoiceFactor {
			return sdk.InvoiceFactor{Target: f.Target, Factor: f.Ratio}
		})}
	})
	return out
}

func costsToAPI(c bill.Costs) sdk.CostList {
	return sdk.CostList{
		Currency: string(c.Currency), Start: c.Start.UTC(), End: c.End.UTC(), TotalNanos: int64(c.Total),
		Items: convert(c.Items, func(item bill.ClusterCost) sdk.CostItem {
			return sdk.CostItem{
				ClusterID: string(item.Cluster.ID), ClusterName: item.Cluster.Name, Owner: item.Owner.Name,
				Status: string(item.Cluster.Status), CostNanos: int64(item.Cost),
			}
		}),
	}
}
