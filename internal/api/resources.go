package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/resource"
	"github.com/lineitem/lineitem/sdk"
)

func (s *server) resourceRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/clusters/{cluster_id}/resources", "get-resources", tagCost, "Show what the processes used over time"), s.resources)
}

func (s *server) resources(ctx context.Context, in *timelineInput) (*body[sdk.ResourceList], error) {
	chart, err := s.Resources.Chart(ctx, s.Now(), actorOf(ctx), in.Ref, in.Bins)
	if err != nil {
		return nil, err
	}
	return answer(sdk.ResourceList{
		Start: chart.Start.UTC(), End: chart.End.UTC(), StepSeconds: chart.Step.Seconds(), Items: convert(chart.Items, seriesToAPI),
	}), nil
}

func seriesToAPI(r resource.Series) sdk.ResourceSeries {
	return sdk.ResourceSeries{
		ProcessID: string(r.Process.ID), Name: r.Process.Name, MemoryLimitBytes: r.MemoryLimitBytes, CPUCores: r.CPUCores, RSSBytes: r.RSSBytes,
		ManagedBytes: r.ManagedBytes, SpilledBytes: r.SpilledBytes, TransferBytes: r.TransferBytes, DiskBytes: r.DiskBytes,
		GPUs: convert(r.GPUs, deviceToAPI),
	}
}

func deviceToAPI(d resource.Device) sdk.GPU {
	out := sdk.GPU{
		UUID: d.UUID, Index: d.Index, Name: d.Name, ObservedSeconds: seconds(d.ObservedMicros), IdleSeconds: seconds(d.IdleMicros),
		MemoryPeakBytes: d.MemoryPeakBytes, MemoryTotalBytes: d.MemoryTotalBytes, EnergyJoules: float64(d.EnergyMillijoules) / 1e3,
		UtilisationBins: d.Utilisation,
	}
	if d.ObservedMicros > 0 {
		out.Utilisation = float64(d.UtilMicros) / float64(d.ObservedMicros)
		if d.SMMicros != nil {
			activity := float64(*d.SMMicros) / float64(d.ObservedMicros)
			out.SMActivity = &activity
		}
	}
	return out
}
