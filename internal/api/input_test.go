package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestWrongInputIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 1}})
	on := func(rest string) string { return "/api/v1/clusters/" + c.ID + rest }
	const clusters = "/api/v1/clusters"
	for name, try := range map[string]struct {
		method, path, body string
		status             int
		code               string
		fields             string // names, sorted
	}{
		"no body":               {"POST", clusters, "", 400, "malformed", ""},
		"not JSON":              {"POST", clusters, "name=x", 400, "malformed", ""},
		"half JSON":             {"POST", clusters, `{"options":{"n_workers":1}`, 400, "malformed", ""},
		"two values":            {"POST", clusters, `{"options":{"n_workers":1}} {}`, 400, "malformed", ""},
		"a list":                {"POST", clusters, `[]`, 422, "invalid", "body"},
		"null":                  {"POST", clusters, `null`, 422, "invalid", "body"},
		"nothing in it":         {"POST", clusters, `{}`, 422, "invalid", "options"},
		"no workers":            {"POST", clusters, `{"options":{}}`, 422, "invalid", "options.n_workers"},
		"unknown field":         {"POST", clusters, `{"options":{"n_workers":1},"colour":"red"}`, 422, "invalid", "colour"},
		"unknown field inside":  {"POST", clusters, `{"options":{"n_workers":1,"gpus":1}}`, 422, "invalid", "options.gpus"},
		"field in capitals":     {"POST", clusters, `{"options":{"N_WORKERS":1}}`, 422, "invalid", "options.N_WORKERS,options.n_workers"},
		"text for a number":     {"POST", clusters, `{"options":{"n_workers":"1"}}`, 422, "invalid", "options.n_workers"},
		"half a worker":         {"POST", clusters, `{"options":{"n_workers":0.5}}`, 422, "invalid", "options.n_workers"},
		"fewer than none":       {"POST", clusters, `{"options":{"n_workers":-1}}`, 422, "invalid", "options.n_workers"},
		"too many workers":      {"POST", clusters, `{"options":{"n_workers":1001}}`, 422, "invalid", "options.n_workers"},
		"astronomical memory":   {"POST", clusters, `{"options":{"n_workers":1,"memory_bytes":1e30}}`, 422, "invalid", "body"},
		"infinite memory":       {"POST", clusters, `{"options":{"n_workers":1,"memory_bytes":1e999}}`, 400, "malformed", ""},
		"too little memory":     {"POST", clusters, `{"options":{"n_workers":1,"memory_bytes":1}}`, 422, "invalid", "options.memory_bytes"},
		"name with a slash":     {"POST", clusters, `{"name":"a/b","options":{"n_workers":1}}`, 422, "invalid", "name"},
		"name like an id":       {"POST", clusters, `{"name":"cl_x","options":{"n_workers":1}}`, 422, "invalid", "name"},
		"long name":             {"POST", clusters, `{"name":"` + strings.Repeat("n", 101) + `","options":{"n_workers":1}}`, 422, "invalid", "name"},
		"unknown backend":       {"POST", clusters, `{"backend":"moon","options":{"n_workers":1}}`, 422, "invalid", "backend"},
		"NUL in a text":         {"POST", clusters, `{"name":"a\u0000b","options":{"n_workers":1}}`, 400, "malformed", ""},
		"NUL in a key":          {"POST", clusters, `{"options":{"n_workers":1,"env":{"A\u0000":"x"}}}`, 400, "malformed", ""},
		"env of ours":           {"POST", clusters, `{"options":{"n_workers":1,"env":{"LINEITEM_SERVER":"http://evil"}}}`, 422, "invalid", "options.env"},
		"three wrong inputs":    {"POST", clusters, `{"name":1,"options":{"n_workers":-1,"nthreads":300}}`, 422, "invalid", "name,options.n_workers,options.nthreads"},
		"body over a megabyte":  {"POST", clusters, `{"name":"` + strings.Repeat("n", 1<<20) + `"}`, 413, "too_large", ""},
		"scale below none":      {"POST", on("/scale"), `{"n_workers":-1}`, 422, "invalid", "n_workers"},
		"scale without number":  {"POST", on("/scale"), `{}`, 422, "invalid", "n_workers"},
		"unknown status":        {"GET", clusters + "?status=running,happy", "", 422, "invalid", "status[1]"},
		"limit of none":         {"GET", clusters + "?limit=0", "", 422, "invalid", "limit"},
		"limit of words":        {"GET", clusters + "?limit=ten", "", 422, "invalid", "limit"},
		"unknown query":         {"GET", clusters + "?colour=red", "", 422, "invalid", "colour"},
		"NUL in the path":       {"GET", clusters + "/%00", "", 422, "invalid", ""},
		"NUL in the query":      {"GET", clusters + "?cursor=%00", "", 422, "invalid", ""},
		"no UTF-8 in the path":  {"GET", clusters + "/%ff", "", 422, "invalid", ""},
		"no UTF-8 in the query": {"GET", clusters + "?cursor=%ff", "", 422, "invalid", ""},
		"broken query":          {"GET", clusters + "?cursor=%zz", "", 422, "invalid", ""},
		"too many bins":         {"GET", on("/timeline?bins=100000"), "", 422, "invalid", "bins"},
		"no file":               {"GET", on("/source"), "", 422, "invalid", "file"},
		"since is no time":      {"GET", "/api/v1/cost?since=yesterday", "", 422, "invalid", "since"},
		"receipt of always":     {"GET", on("/receipt"), "", 422, "invalid", "since"},
		"receipt of yesterday":  {"GET", on("/receipt?since=yesterday"), "", 422, "invalid", "since"},
		"window back to front":  {"GET", "/api/v1/cost?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "", 422, "invalid", "since"},
		"token without name":    {"POST", "/api/v1/tokens", `{"name":""}`, 422, "invalid", "name"},
		"token into the past":   {"POST", "/api/v1/tokens", `{"name":"x","expires_in_seconds":-1}`, 422, "invalid", "expires_in_seconds"},
		"token for ever":        {"POST", "/api/v1/tokens", `{"name":"x","expires_in_seconds":9000000000000000000}`, 422, "invalid", "expires_in_seconds"},
		"no such route":         {"GET", "/api/v1/clouds", "", 404, "not_found", ""},
		"no such version":       {"GET", "/api/v2/clusters", "", 404, "not_found", ""},
		"wrong method":          {"DELETE", clusters, "", 405, "method_not_allowed", ""},
		"wrong method outside":  {"POST", "/healthz", "", 405, "method_not_allowed", ""},
		"telemetry by GET":      {"GET", "/ingest/v1/batches", "", 405, "method_not_allowed", ""},
	} {
		before := state(t, s, c.ID)
		r := newRequest(t, try.method, s.URL+try.path, try.body)
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		response, body := s.Do(t, r)
		e := checkError(t, name, response, body)
		if response.StatusCode != try.status || e.Code != try.code {
			t.Errorf("%s: %d %s, want %d %s: %s", name, response.StatusCode, e.Code, try.status, try.code, body)
		}
		if got := fieldNames(e); got != try.fields {
			t.Errorf("%s: wrong fields are %q, want %q: %s", name, got, try.fields, body)
		}
		if try.method != "GET" && try.status != 405 && len(e.Fields) == 0 && !strings.Contains(e.Message, "Nothing was changed") {
			t.Errorf("%s: does not say that nothing was changed: %s", name, e.Message)
		}
		if after := state(t, s, c.ID); after != before {
			t.Errorf("%s was refused and changed something:\n%s\n%s", name, before, after)
		}
	}
}

func fieldNames(e sdk.Error) string {
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, ",")
}

func TestBodyOfExactlyTheLimitIsRead(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const rest = `{"options":{"n_workers":0}}`
	for size, want := range map[int]int{1 << 20: http.StatusCreated, 1<<20 + 1: http.StatusRequestEntityTooLarge} {
		r := newRequest(t, "POST", s.URL+"/api/v1/clusters", strings.Repeat(" ", size-len(rest))+rest)
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		if response, body := s.Do(t, r); response.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d: %.200s", size, response.StatusCode, want, body)
		}
	}
}

func TestOtherContentTypesAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/cbor"} {
		r := newRequest(t, "POST", s.URL+"/api/v1/clusters", `{"options":{"n_workers":0}}`)
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		r.Header.Set("Content-Type", contentType)
		response, body := s.Do(t, r)
		e := checkError(t, contentType, response, body)
		if response.StatusCode != http.StatusUnsupportedMediaType || e.Code != "unsupported_media_type" {
			t.Errorf("%s: %d %s, want 415: %s", contentType, response.StatusCode, e.Code, body)
		}
	}
	list, err := s.User.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("%d clusters were made, %v", len(list.Items), err)
	}
}

// FuzzCreateCluster sends any body: it is either taken whole, or refused with a sentence and nothing made. The server never fails.
func FuzzCreateCluster(f *testing.F) {
	for _, seed := range []string{
		`{"options":{"n_workers":1}}`, `{"name":"a","backend":"fake","options":{"n_workers":2,"nthreads":2,"memory_bytes":1000000000,"env":{"A":"b"}}}`,
		`{"options":{"n_workers":1e3}}`, `{"options":{"n_workers":null}}`, `{"name":"\ud800","options":{"n_workers":0}}`, "\xff", `{"options":{"env":{"":""},"n_workers":0}}`,
		`{"name":"é","options":{"n_workers":0}}`, `[[[[`, `{"options":{"n_workers":0,"python":"\u0001"}}`, `{"options":{"n_workers":0,"n_workers":5}}`, `{"":0}`,
	} {
		f.Add([]byte(seed))
	}
	s := servertest.New(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := count(t, s)
		r := newRequest(t, "POST", s.URL+"/api/v1/clusters", string(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.UserToken)
		response, answer := s.Do(t, r)
		switch {
		case response.StatusCode == http.StatusCreated:
			var c sdk.Cluster
			if err := json.Unmarshal(answer, &c); err != nil {
				t.Fatalf("answer to %q: %v", body, err)
			}
			if _, err := s.User.GetCluster(t.Context(), c.ID); err != nil {
				t.Fatalf("the cluster of %q is not there: %v", body, err)
			}
			if _, err := s.User.StopCluster(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
			s.Settle(t)
		case response.StatusCode >= 400 && response.StatusCode < 500:
			checkError(t, string(body), response, answer)
			if after := count(t, s); after != before {
				t.Fatalf("%q was refused with %d and made a cluster", body, response.StatusCode)
			}
		default:
			t.Fatalf("answer to %q: %d %s\n%s", body, response.StatusCode, answer, s.Log())
		}
	})
}

// count is how many live clusters there are.
func count(t testing.TB, s *servertest.Server) int {
	t.Helper()
	list, err := s.User.ListClusters(t.Context(), sdk.ListClustersOptions{Limit: 200, Statuses: []string{"pending", "starting", "running", "stopping"}})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}
