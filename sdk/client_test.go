package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/sdk"
)

// seen is a request as the server got it.
type seen struct {
	method, path, query, body, authorization, contentType, userAgent string
}

// echo is a server that remembers the last request and answers as told.
type echo struct {
	last   seen
	status int
	header http.Header
	answer string
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.last = seen{
		r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.UserAgent(),
	}
	for name, values := range e.header {
		w.Header()[name] = values
	}
	w.WriteHeader(e.status)
	fmt.Fprint(w, e.answer)
}

func serve(t *testing.T) (*echo, *sdk.Client) {
	t.Helper()
	e := &echo{status: 200, answer: "{}"}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	c, err := sdk.New(s.URL+"/", " lit_x\n", sdk.WithUserAgent("test/1"))
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

func TestRequests(t *testing.T) {
	t.Parallel()
	e, c := serve(t)
	ctx := t.Context()
	noon := time.Date(2026, 1, 5, 13, 0, 0, 0, time.FixedZone("", 3600))
	for name, try := range map[string]struct {
		call func() error
		want string // method, path, query, body
	}{
		"SignIn":      {func() error { _, err := c.SignIn(ctx, sdk.SignInRequest{Code: "c"}); return err }, `POST /api/v1/session  {"code":"c"}`},
		"SignOut":     {func() error { return c.SignOut(ctx) }, `DELETE /api/v1/session  `},
		"Me":          {func() error { _, err := c.Me(ctx); return err }, `GET /api/v1/me  `},
		"CreateToken": {func() error { _, err := c.CreateToken(ctx, sdk.TokenRequest{Name: "n"}); return err }, `POST /api/v1/tokens  {"name":"n"}`},
		"ListTokens":  {func() error { _, err := c.ListTokens(ctx); return err }, `GET /api/v1/tokens  `},
		"DeleteToken": {func() error { return c.DeleteToken(ctx, "tk_1") }, `DELETE /api/v1/tokens/tk_1  `},
		"CreateCluster": {
			func() error {
				_, err := c.CreateCluster(ctx, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 2}})
				return err
			}, `POST /api/v1/clusters  {"options":{"n_workers":2}}`,
		},
		"ListClusters": {
			func() error {
				_, err := c.ListClusters(ctx, sdk.ListClustersOptions{Statuses: []string{"running", "failed"}, Limit: 3, Cursor: "cl_1"})
				return err
			}, `GET /api/v1/clusters cursor=cl_1&limit=3&status=running%2Cfailed `,
		},
		"GetCluster": {func() error { _, err := c.GetCluster(ctx, "a/b ?"); return err }, `GET /api/v1/clusters/a%2Fb%20%3F  `},
		"ScaleCluster": {
			func() error {
				_, err := c.ScaleCluster(ctx, "cl_1", sdk.ScaleRequest{Workers: 1, Remove: []string{"w-1"}})
				return err
			},
			`POST /api/v1/clusters/cl_1/scale  {"n_workers":1,"remove":["w-1"]}`,
		},
		"StopCluster":   {func() error { _, err := c.StopCluster(ctx, "cl_1"); return err }, `POST /api/v1/clusters/cl_1/stop  `},
		"Credentials":   {func() error { _, err := c.Credentials(ctx, "cl_1"); return err }, `GET /api/v1/clusters/cl_1/credentials  `},
		"ListProcesses": {func() error { _, err := c.ListProcesses(ctx, "cl_1"); return err }, `GET /api/v1/clusters/cl_1/processes  `},
		"ListEvents":    {func() error { _, err := c.ListEvents(ctx, "cl_1", 5); return err }, `GET /api/v1/clusters/cl_1/events limit=5 `},
		"Logs": {
			func() error { _, err := c.Logs(ctx, "cl_1", sdk.LogsOptions{Process: "w-0", TailBytes: 9}); return err },
			`GET /api/v1/clusters/cl_1/logs process=w-0&tail_bytes=9 `,
		},
		"Bill":        {func() error { _, err := c.Bill(ctx, "cl_1"); return err }, `GET /api/v1/clusters/cl_1/bill  `},
		"Timeline":    {func() error { _, err := c.Timeline(ctx, "cl_1", 7); return err }, `GET /api/v1/clusters/cl_1/timeline bins=7 `},
		"ListSources": {func() error { _, err := c.ListSources(ctx, "cl_1"); return err }, `GET /api/v1/clusters/cl_1/sources  `},
		"Source":      {func() error { _, err := c.Source(ctx, "cl_1", "/a b.py"); return err }, `GET /api/v1/clusters/cl_1/source file=%2Fa+b.py `},
		"PutSource": {
			func() error { return c.PutSource(ctx, "cl_1", sdk.PutSourceRequest{File: "cell:1", Text: "x"}) },
			`PUT /api/v1/clusters/cl_1/source  {"file":"cell:1","text":"x"}`,
		},
		"Costs": {func() error { _, err := c.Costs(ctx, sdk.CostOptions{Since: noon}); return err }, `GET /api/v1/cost since=2026-01-05T12%3A00%3A00Z `},
		"Rates": {func() error { _, err := c.Rates(ctx); return err }, `GET /api/v1/rates  `},
		"Ready": {func() error { return c.Ready(ctx) }, `GET /readyz  `},
	} {
		if err := try.call(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := e.last
		if line := strings.Join([]string{got.method, got.path, got.query, got.body}, " "); line != try.want {
			t.Errorf("%s sent %q, want %q", name, line, try.want)
		}
		if got.authorization != "Bearer lit_x" || got.userAgent != "test/1" {
			t.Errorf("%s: authorization %q, user agent %q", name, got.authorization, got.userAgent)
		}
		if wantType := got.body != ""; (got.contentType == "application/json") != wantType {
			t.Errorf("%s: content type %q", name, got.contentType)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	e, c := serve(t)
	e.status, e.header = 422, http.Header{"X-Request-Id": {"r1"}}
	e.answer = `{"code":"invalid","message":"2 inputs are wrong.","fields":[{"name":"a","message":"Too small."},{"name":"b","message":"Too big."}]}`
	_, err := c.Me(t.Context())
	var refused *sdk.APIError
	if !errors.As(err, &refused) {
		t.Fatalf("err = %v, want an APIError", err)
	}
	want := &sdk.APIError{
		Status: 422, Code: "invalid", Message: "2 inputs are wrong.", RequestID: "r1",
		Fields: []sdk.FieldError{{Name: "a", Message: "Too small."}, {Name: "b", Message: "Too big."}},
	}
	if !reflect.DeepEqual(refused, want) {
		t.Errorf("refusal = %+v, want %+v", refused, want)
	}
	if got := err.Error(); got != "2 inputs are wrong.\n  a: Too small.\n  b: Too big." {
		t.Errorf("text = %q", got)
	}
	if !sdk.IsCode(err, "invalid") || sdk.IsCode(err, "not_found") || sdk.IsCode(nil, "invalid") {
		t.Error("IsCode does not tell codes apart")
	}
}

func TestAnswersOfStrangers(t *testing.T) {
	t.Parallel()
	e, c := serve(t)
	e.status, e.answer = 502, "<html>Bad Gateway</html>"
	if _, err := c.Me(t.Context()); !sdk.IsCode(err, "http_502") {
		t.Errorf("a proxy's answer: %v, want code http_502", err)
	}
	e.status, e.answer = 200, "<html>Hello</html>"
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "does not answer like a Lineitem server") {
		t.Errorf("a page: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	address := s.URL
	s.Close()
	c, err := sdk.New(address, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(t.Context())
	var unreachable *sdk.UnreachableError
	if !errors.As(err, &unreachable) || unreachable.URL != address || !strings.Contains(err.Error(), address) {
		t.Errorf("err = %v, want an UnreachableError with the address", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v, want context.Canceled", err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "127.0.0.1:8470", "ftp://x", "http://", "::"} {
		if c, err := sdk.New(address, ""); err == nil {
			t.Errorf("New(%q) gives a client of %s, want an error", address, c.BaseURL())
		}
	}
	c, err := sdk.New("https://user:pass@example.org/lineitem/?x#y", "")
	if err != nil || c.BaseURL() != "https://example.org/lineitem" {
		t.Errorf("base = %s, %v", c.BaseURL(), err)
	}
}
