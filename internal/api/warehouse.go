package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/segment"
	"github.com/lineitem/lineitem/sdk"
)

func (s *server) warehouseRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/warehouse", "get-warehouse", tagCost, "Say how the files are that questions of cost are answered from (admins)"), s.warehouse)
}

func (s *server) warehouse(ctx context.Context, _ *struct{}) (*body[sdk.Warehouse], error) {
	h, err := s.Warehouse.Health(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.Warehouse{
		Files: h.Segments, Bytes: h.Bytes, DirtyHours: h.DirtyHours, DirtySince: optionalTime(h.DirtySince), DamagedFiles: h.DamagedFiles, LossyFiles: h.LossyFiles,
		Damaged: convert(h.Damaged, damageToAPI), Currency: string(s.Card(s.Now()).Currency),
	}), nil
}

func damageToAPI(d segment.Damage) sdk.DamagedFile {
	return sdk.DamagedFile{
		File: d.Name, Table: d.Table, Day: d.Day.UTC().Format(time.DateOnly), Bytes: d.Bytes, Reason: d.Reason, FoundAt: d.FoundAt.UTC(),
		UnknownNanos: int64(d.Unknown), MissingNanos: int64(d.Missing), AtMost: d.AtMost,
	}
}
