package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/api"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// failing is an API whose questions of cost end in an error, or in a panic.
type failing struct {
	api.Identity
	api.Spend
	err   error
	panic any
}

func (f failing) AuthenticateToken(context.Context, time.Time, string) (identity.Actor, error) {
	return identity.Actor{User: identity.User{ID: "us_1", Name: "ana", Role: identity.RoleAdmin}}, nil
}

func (f failing) Answer(context.Context, time.Time, identity.Actor, spend.Query) (spend.Answer, error) {
	if f.panic != nil {
		panic(f.panic)
	}
	return spend.Answer{}, f.err
}

// TestEveryServerErrorHasACauseInTheLog makes the breakdown of costs fail in every way, with a sender that waits and with one that has gone: whoever reads the log under the
// request's id finds the status and the cause in one record.
func TestEveryServerErrorHasACauseInTheLog(t *testing.T) {
	t.Parallel()
	const cause = "segment lines/2026/x.parquet: input/output error"
	for name, f := range map[string]failing{
		"an error of any kind":       {err: errors.New(cause)},
		"a wrapped one":              {err: fmt.Errorf("answer a question of cost: %w", errors.New(cause))},
		"unavailable, with a cause":  {err: errs.Wrap(errors.New(cause), errs.Unavailable, "warehouse_unavailable", "Not now.")},
		"unavailable, of its own":    {err: errs.New(errs.Unavailable, "warehouse_not_ready", "%s", cause)},
		"internal":                   {err: errs.Wrap(errors.New(cause), errs.Internal, "", "Ours.")},
		"internal and conflict":      {err: errors.Join(errors.New(cause), context.DeadlineExceeded)},
		"a panic":                    {panic: cause},
		"a panic with an error":      {panic: errors.New(cause)},
		"a deadline that is not his": {err: fmt.Errorf("%s: %w", cause, context.DeadlineExceeded)},
	} {
		for _, gone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, gone %t", name, gone), func(t *testing.T) {
				t.Parallel()
				var log safeBuffer
				h := api.New(api.Config{
					Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})), Now: time.Now, Identity: f, Spend: f, TimeZone: "UTC",
					Registry: prometheus.NewRegistry(), Ready: func(context.Context) error { return nil }, Card: func(time.Time) cost.Card { return cost.Card{} },
					Ingest: http.NotFoundHandler(), UI: http.NotFoundHandler(), PublicURL: "http://x",
				})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				if gone {
					leave()
				}
				r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/cost/breakdown?by=day", nil)
				r.Header.Set("Authorization", "Bearer x")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code < 500 {
					if w.Code != 499 || !gone {
						t.Fatalf("%d: %s", w.Code, w.Body)
					}
					return // nobody's fault, and nobody reads it
				}
				id := w.Header().Get("X-Request-Id")
				found := false
				for line := range strings.Lines(log.String()) {
					found = found || strings.Contains(line, "request_id="+id) && strings.Contains(line, fmt.Sprintf("status=%d", w.Code)) && strings.Contains(line, cause)
				}
				if !found {
					t.Errorf("%d, and the log does not say why:\n%s", w.Code, log.String())
				}
			})
		}
	}
}

// TestHandlersOfOthersSayWhy: what other packages answer with a status of 500 or more is in the record of the request, too.
func TestHandlersOfOthersSayWhy(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	refuse := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, text)
		})
	}
	h := api.New(api.Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Identity: failing{}, Registry: prometheus.NewRegistry(),
		Ready: func(context.Context) error { return errors.New("the database does not answer") }, Card: func(time.Time) cost.Card { return cost.Card{} },
		Ingest: refuse("the queue is full"), UI: refuse("the pages are not built"), PublicURL: "http://x",
	})
	for target, want := range map[string]string{
		"POST /ingest/v1/batches": "the queue is full", "GET /": "the pages are not built", "GET /readyz": "the database does not answer",
	} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if id := w.Header().Get("X-Request-Id"); w.Code != http.StatusServiceUnavailable || !strings.Contains(log.String(), want) || !strings.Contains(log.String(), id) {
			t.Errorf("%s: %d, and the log does not say %q:\n%s", target, w.Code, want, log.String())
		}
	}
}
