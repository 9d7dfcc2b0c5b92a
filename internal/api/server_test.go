package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lineitem/lineitem/internal/api"
	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestProbesAndMetrics(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 1}})
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ok"}`, "/metrics": `lineitem_clusters{status="running"} 1`,
	} {
		response, body := s.Do(t, newRequest(t, "GET", s.URL+path, ""))
		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, want 200 and %q in:\n%s", path, response.StatusCode, want, body)
		}
	}
	_, metrics := s.Do(t, newRequest(t, "GET", s.URL+"/metrics", ""))
	for _, want := range []string{
		`lineitem_http_request_seconds_count{method="POST",route="/api/v1/clusters",status="201"} 1`, "go_goroutines ",
		"lineitem_warehouse_segments 0", "lineitem_warehouse_dirty_hours 1", "lineitem_warehouse_oldest_dirty_seconds ",
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("metrics lack %s:\n%s", want, metrics)
		}
	}
	if strings.Contains(string(metrics), "cl_0") {
		t.Error("metrics name a cluster: their number would grow without end")
	}
}

func TestPagesAnswerEveryOtherPath(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, path := range []string{"/", "/signin", "/clusters/cl_1"} {
		response, body := s.Do(t, newRequest(t, "GET", s.URL+path, ""))
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
			t.Errorf("%s: %d %s, want a page: %s", path, response.StatusCode, got, body)
		}
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, func(c *config.Config) { c.Organisation, c.TimeZone = "Acme", "Europe/Berlin" })
	me, err := s.User.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if me.User.Name != "ana" || me.User.Role != "user" || me.Organisation != "Acme" || me.TimeZone != "Europe/Berlin" || me.Version != servertest.Version {
		t.Errorf("me = %+v", me)
	}
	rates, err := s.User.Rates(t.Context())
	if err != nil || rates != me.Rates || rates.CoreHourNanos != 40_000_000 || rates.GigabyteHourNanos != 5_000_000 || rates.Currency != "USD" {
		t.Errorf("rates = %+v, %v", rates, err)
	}
}

// The price of what runs, by hand: a scheduler of one core and 1 GB, two workers of two cores and 2 GB, for half an hour.
func TestCostOfACluster(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 2, Threads: 2, MemoryBytes: 2e9}})
	const rate = (40_000_000 + 5_000_000) + 2*(2*40_000_000+2*5_000_000)
	if c.RateNanosPerHour != rate {
		t.Errorf("rate = %d, want %d", c.RateNanosPerHour, rate)
	}
	s.Clock.Advance(30 * time.Minute)
	later, err := s.User.GetCluster(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := later.CostNanos - c.CostNanos; got != rate/2 {
		t.Errorf("half an hour costs %d, want %d", got, rate/2)
	}
	bill, err := s.User.Bill(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	sum := bill.UnknownNanos
	for _, l := range bill.Lines {
		sum += l.CostNanos
	}
	for _, k := range bill.Categories {
		sum += k.CostNanos
	}
	if bill.TotalNanos != later.CostNanos || sum != bill.TotalNanos {
		t.Errorf("bill: total %d, parts %d, cost of the cluster %d; want all the same", bill.TotalNanos, sum, later.CostNanos)
	}
	costs, err := s.User.Costs(t.Context(), sdk.CostOptions{})
	if err != nil || costs.TotalNanos != later.CostNanos || len(costs.Items) != 1 || costs.Items[0].ClusterID != c.ID {
		t.Errorf("costs: %+v, %v; want %d for the one cluster", costs, err, later.CostNanos)
	}
}

func TestPagesOfClusters(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	want := map[string]bool{}
	for range 5 {
		s.Clock.Advance(time.Second)
		c, err := s.User.CreateCluster(t.Context(), sdk.CreateClusterRequest{})
		if err != nil {
			t.Fatal(err)
		}
		want[c.ID] = true
	}
	o := sdk.ListClustersOptions{Limit: 2}
	last := "cl_z"
	for pages := 1; ; pages++ {
		page, err := s.User.ListClusters(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			if c.ID >= last || !want[c.ID] {
				t.Errorf("%s after %s, or twice", c.ID, last)
			}
			last = c.ID
			delete(want, c.ID)
		}
		if page.NextCursor == "" {
			if pages != 3 || len(want) != 0 {
				t.Errorf("%d pages, %d clusters missing; want 3 pages and none", pages, len(want))
			}
			return
		}
		o.Cursor = page.NextCursor
	}
}

func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, func(c *config.Config) { c.LogLevel = slog.LevelDebug })
	cookie := signIn(t, s)
	once := code(t, s)
	if _, err := s.Client(t, "").CreateToken(t.Context(), sdk.TokenRequest{Name: "x", Code: once}); err != nil {
		t.Fatal(err)
	}
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 1, Env: map[string]string{"PASSWORD": "hunter2"}}})
	credentials, err := s.User.Credentials(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.Do(t, newRequest(t, "GET", s.URL+"/api/v1/me?token="+s.UserToken, ""))
	log := s.Log()
	if !strings.Contains(log, "request answered") {
		t.Fatalf("the log is empty:\n%s", log)
	}
	for what, secret := range map[string]string{
		"session": cookie.Value, "code": once, "user's token": s.UserToken, "admin's token": s.AdminToken, "variable": "hunter2",
		"key": credentials.KeyPEM[40:80],
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the %s", what)
		}
	}
}

// broken is an API whose services fail, one with an error, one with a panic, one that never ends.
type broken struct {
	api.Clusters
	api.Bills
	api.Identity
}

const secretCause = "password=hunter2"

func (broken) AuthenticateToken(context.Context, time.Time, string) (identity.Actor, error) {
	return identity.Actor{User: identity.User{ID: "us_1", Name: "ana", Role: identity.RoleUser}}, nil
}

func (broken) List(context.Context, time.Time, identity.Actor, cluster.ListInput) ([]cluster.View, string, error) {
	return nil, "", errors.New("dial database: " + secretCause)
}

func (broken) Get(context.Context, time.Time, identity.Actor, string) (cluster.View, error) {
	panic("nil something " + secretCause)
}

func TestFaultsAreToldToTheLogOnly(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	b := broken{}
	h := api.New(api.Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Identity: b, Clusters: b, Bills: b,
		Registry: prometheus.NewRegistry(), Ready: func(context.Context) error { return errors.New("the database does not answer") },
		Ingest: http.NotFoundHandler(), UI: http.NotFoundHandler(), PublicURL: "http://x",
	})
	for _, path := range []string{"/api/v1/clusters", "/api/v1/clusters/cl_1"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		e := checkError(t, path, w.Result(), w.Body.Bytes())
		id := w.Header().Get("X-Request-Id")
		if w.Code != http.StatusInternalServerError || e.Code != "internal" || !strings.Contains(e.Message, id) {
			t.Errorf("%s: %d %+v, want 500 internal with the request's id %s", path, w.Code, e, id)
		}
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: the answer tells the cause: %s", path, w.Body)
		}
		if text := log.String(); !strings.Contains(text, "request_id="+id) || !strings.Contains(text, secretCause) {
			t.Errorf("%s: the log lacks the request %s or the cause:\n%s", path, id, text)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
	if e := checkError(t, "/readyz", w.Result(), w.Body.Bytes()); w.Code != http.StatusServiceUnavailable || e.Code != "not_ready" {
		t.Errorf("/readyz: %d %+v, want 503 not_ready", w.Code, e)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
