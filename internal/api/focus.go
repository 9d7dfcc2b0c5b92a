package api

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/ledger"
	"github.com/lineitem/lineitem/internal/export"
)

type focusInput struct {
	CostWindow
	Cluster string `query:"cluster" maxLength:"200" doc:"Only this one: an id, or the name of a live cluster of the caller"`
}

// stream is an answer that is written while it is made.
type stream struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        func(huma.Context)
}

func (s *server) focusRoutes(a huma.API) {
	register(s, a, download(operation(http.MethodGet, "/cost.focus.csv", "get-cost-focus", tagCost, "Save what processes cost by hour, as FOCUS 1.2"), "text/csv; charset=utf-8"), s.focus)
}

func (s *server) focus(ctx context.Context, in *focusInput) (*stream, error) {
	now := s.Now()
	since, until, err := in.window(now)
	if err != nil {
		return nil, err
	}
	// FOCUS knows whole seconds: the window is moved to those that it begins and ends in. What is still to come costs nothing yet.
	if until.After(now) {
		until = now.UTC()
	}
	since, until = since.Truncate(time.Second), until.Truncate(time.Second)
	hours, err := s.Bills.ProcessHours(ctx, now, actorOf(ctx), in.Cluster, since, until)
	if err != nil {
		return nil, err
	}
	trueUps, err := s.TrueUps.Of(ctx, actorOf(ctx), since, until)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("lineitem-%s-%s.focus.csv", since.Format(time.DateOnly), until.Format(time.DateOnly))
	return s.streamed(ctx, "text/csv; charset=utf-8", name, func(w io.Writer) error { return s.writeFocus(w, hours, trueUps) }), nil
}

// streamed answers a file that is written while it is made.
func (s *server) streamed(ctx context.Context, contentType, name string, write func(io.Writer) error) *stream {
	return &stream{ContentType: contentType, Disposition: `attachment; filename="` + name + `"`, Body: func(out huma.Context) {
		if err := write(out.BodyWriter()); err != nil {
			info := infoOf(ctx)
			s.Logger.LogAttrs(ctx, slog.LevelError, "answer broken off",
				slog.String(keyRequestID, info.id), slog.String(keyRoute, info.route), slog.String(keyError, err.Error()))
			// Half a file must not look like a whole one: the connection breaks.
			panic(http.ErrAbortHandler)
		}
	}}
}

func (s *server) writeFocus(w io.Writer, hours iter.Seq2[bill.ProcessHour, error], trueUps ledger.ProcessTrueUps) error {
	file, err := export.NewFocus(w, s.Organisation, string(s.Card(s.Now()).Currency))
	if err != nil {
		return err
	}
	for h, err := range hours {
		if err != nil {
			return err
		}
		if err := file.Write(h, trueUps.Within(h.Process, h.Start, h.End)); err != nil {
			return err
		}
	}
	return file.Flush()
}
