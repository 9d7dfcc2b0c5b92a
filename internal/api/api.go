// Package api is the REST interface: it turns requests into calls of core's services and their answers into sdk types,
// authenticates callers, and emits the OpenAPI contract from the same declarations. One file per resource.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// base begins the path of every route of the API.
const base = "/api/v1"

// Config is what the handler works with; all fields are needed unless they say otherwise.
type Config struct {
	Logger *slog.Logger
	// Now reads the clock.
	Now      func() time.Time
	Identity Identity
	Groups   Groups
	Clusters Clusters
	Bills    Bills
	Spend    Spend
	Outlook  Outlook
	// Reports makes weekly reports, Subscriptions says who is sent them.
	Reports       Reports
	Subscriptions Subscriptions
	// Inventory and Resources answer what software runs and what is used.
	Inventory Inventory
	Resources Resources
	// Card returns the prices of the server's own machines at a moment.
	Card func(now time.Time) cost.Card
	// Console answers SQL.
	Console Console
	// Prices is the price book.
	Prices Prices
	// Warehouse says how the files are that costs are answered from.
	Warehouse Warehouse
	// Ledger keeps the books.
	Ledger Ledger
	// TrueUps says what invoices changed.
	TrueUps TrueUps
	// PublicURL is how browsers reach the server, without a slash at its end.
	PublicURL string
	// Version, Organisation and TimeZone are shown to people.
	Version, Organisation, TimeZone string
	// Registry collects the handler's metrics and is what /metrics shows.
	Registry *prometheus.Registry
	// Spending collects what the whole organisation spends: /metrics shows it to admins.
	Spending prometheus.Gatherer
	// Ready says why the server cannot work yet, nil if it can.
	Ready func(ctx context.Context) error
	// Ingest receives telemetry, UI serves the browser pages.
	Ingest, UI http.Handler
}

type server struct {
	Config
	metrics *metrics
	charged priceCache
}

// New returns the handler of everything that the server answers.
func New(cfg Config) http.Handler {
	s := &server{Config: cfg, metrics: newMetrics(cfg.Registry)}
	rest := http.NewServeMux()
	contract := s.routes(rest)

	mux := http.NewServeMux()
	mux.Handle("/api/", s.strictly(rest))
	mux.Handle("/ingest/", s.strictly(named("POST /ingest/v1/batches", cfg.Ingest)))
	mux.Handle("/healthz", s.strictly(named("GET /healthz", http.HandlerFunc(s.healthz))))
	mux.Handle("/readyz", s.strictly(named("GET /readyz", http.HandlerFunc(s.readyz))))
	mux.Handle("/metrics", s.strictly(named("GET /metrics", s.metricsHandler())))
	mux.Handle("/openapi.json", s.strictly(named("GET /openapi.json", openAPIHandler(contract))))
	mux.Handle("/reports/", s.reportPages())
	mux.Handle("/reports", s.pages()) // the mux would send it on to /reports/
	mux.Handle("/", s.pages())
	return s.observed(s.recovered(mux))
}

// routes registers all routes of the API on the mux and returns their contract.
func (s *server) routes(mux *http.ServeMux) huma.API {
	customizeHuma()
	a := humago.New(mux, humaConfig())
	a.UseMiddleware(s.admit)
	s.sessionRoutes(a)
	s.meRoutes(a)
	s.tokenRoutes(a)
	s.userRoutes(a)
	s.groupRoutes(a)
	s.clusterRoutes(a)
	s.processRoutes(a)
	s.billRoutes(a)
	s.profileRoutes(a)
	s.sourceRoutes(a)
	s.costRoutes(a)
	s.overviewRoutes(a)
	s.reportRoutes(a)
	s.resourceRoutes(a)
	s.softwareRoutes(a)
	s.priceRoutes(a)
	s.warehouseRoutes(a)
	s.sqlRoutes(a)
	s.ledgerRoutes(a)
	return a
}

// pages serves the UI. Its paths are made up by the pages themselves, so the metrics know one route for all.
func (s *server) pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		infoOf(r.Context()).route = "/"
		s.UI.ServeHTTP(w, r)
	})
}

// named serves one pattern, and gives it to the metrics as the name of the route.
func named(pattern string, h http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	_, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		infoOf(r.Context()).route = path
		h.ServeHTTP(w, r)
	})
	return mux
}

// strictly answers what the mux has no route for with an error of ours, where net/http would answer plain text.
func (s *server) strictly(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, pattern := mux.Handler(r); pattern == "" {
			probe := &statusProbe{header: http.Header{}}
			h.ServeHTTP(probe, r)
			if probe.status == http.StatusMethodNotAllowed {
				allow := probe.header.Get("Allow")
				w.Header().Set("Allow", allow)
				write(w, &Error{
					status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
					Message: r.URL.Path + " answers " + allow + ", not " + r.Method + ". Nothing was changed.",
				})
				return
			}
			s.refuse(w, r, errs.New(errs.NotFound, "", "There is nothing at %s. The API begins with %s; /openapi.json describes it.", r.URL.Path, base))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// statusProbe learns how net/http would answer, without answering.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }

// refuse answers a request with an error.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	write(w, s.wireError(r.Context(), err))
}

func write(w http.ResponseWriter, e *Error) {
	maps.Copy(w.Header(), e.GetHeaders())
	if e.Fields == nil {
		e.Fields = []FieldError{}
	}
	writeJSON(w, e.status, e)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The types are ours and always encode; a reader that went away is its own affair.
	_ = json.NewEncoder(w).Encode(body)
}
