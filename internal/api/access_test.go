package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/api"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// route is one route of the API, with a request that the owner of the cluster may make, and what each caller gets.
type route struct {
	method, path string
	body         string
	// query follows the path.
	query string
	// owner, lead and admin are their statuses; a stranger's is 404 where the route belongs to a cluster. The lead leads a group above the one that pays.
	nobody, stranger, owner, lead, admin int
	// reads tells that the answer names the cluster, so a stranger must not see its id.
	ofCluster bool
}

func routes() []route {
	ok := func(method, path, query, body string, status int) route {
		return route{method: method, path: path, query: query, body: body, nobody: 401, stranger: status, owner: status, lead: status, admin: status}
	}
	cluster := func(method, path, query, body string, status int) route {
		return route{
			method: method, path: "/clusters/{cluster_id}" + path, query: query, body: body,
			nobody: 401, stranger: 404, owner: status, lead: status, admin: status, ofCluster: true,
		}
	}
	own := func(method, path, body string, status int) route { // what only the owner and admins may do to a cluster
		r := cluster(method, path, "", body, status)
		r.lead = 403
		return r
	}
	admins := func(method, path, body string, status int) route {
		return route{method: method, path: path, body: body, nobody: 401, stranger: 403, owner: 403, lead: 403, admin: status}
	}
	group := func(path string) route {
		return route{method: "GET", path: path, query: "group=/research/genomics", nobody: 401, stranger: 404, owner: 403, lead: 200, admin: 200}
	}
	return []route{
		{method: "POST", path: "/session", body: `{"code":"lic_wrong"}`, nobody: 401, stranger: 401, owner: 401, lead: 401, admin: 401},
		{method: "DELETE", path: "/session", nobody: 204, stranger: 204, owner: 204, lead: 204, admin: 204},
		ok("GET", "/me", "", "", 200),
		ok("POST", "/tokens", "", `{"name":"laptop"}`, 201),
		ok("GET", "/tokens", "", "", 200),
		{method: "DELETE", path: "/tokens/{token_id}", nobody: 401, stranger: 404, owner: 404, lead: 404, admin: 404},
		ok("POST", "/clusters", "", `{"options":{"n_workers":0}}`, 201),
		ok("GET", "/clusters", "", "", 200),
		ok("POST", "/clusters/watched", "", `{"scheduler_address":"tcp://10.0.0.4:8786","scheduler_id":"Scheduler-1"}`, 201),
		cluster("GET", "", "", "", 200),
		own("POST", "/scale", `{"n_workers":1}`, 200),
		own("GET", "/credentials", "", 200),
		cluster("GET", "/processes", "", "", 200),
		cluster("GET", "/events", "", "", 200),
		cluster("GET", "/logs", "process=scheduler", "", 200),
		cluster("GET", "/bill", "", "", 200),
		cluster("GET", "/profile.pb.gz", "", "", 200),
		cluster("GET", "/profile.speedscope.json", "", "", 200),
		cluster("GET", "/profile.folded", "", "", 200),
		cluster("GET", "/bill.csv", "", "", 200),
		cluster("GET", "/timeline", "bins=10", "", 200),
		cluster("GET", "/sources", "", "", 200),
		// There is no such file yet and none is wanted: what matters here is that only those get to know who may.
		cluster("GET", "/source", "file=cell:abc", "", 404),
		own("PUT", "/source", `{"file":"cell:abc","text":"x"}`, 422),
		cluster("GET", "/submissions", "", "", 200),
		cluster("GET", "/reads", "", "", 200),
		cluster("GET", "/receipt", "since=2026-11-22T10:00:00Z", "", 200),
		ok("GET", "/cost", "", "", 200),
		ok("GET", "/cost/breakdown", "by=user,line", "", 200),
		ok("GET", "/cost/breakdown.csv", "by=user,line", "", 200),
		ok("GET", "/cost/breakdown.parquet", "by=user,line", "", 200),
		ok("GET", "/cost/breakdown.arrow", "by=user,line", "", 200),
		ok("GET", "/cost.focus.csv", "", "", 200),
		ok("POST", "/sql", "", `{"sql":"select sum(cost_nanos) from lines"}`, 200),
		ok("POST", "/sql.parquet", "", `{"sql":"select 1 as one"}`, 200),
		ok("GET", "/sql/tables", "", "", 200),
		ok("GET", "/overview", "month=2026-01", "", 200),
		ok("GET", "/reports/{week}/report", "scope=own", "", 200),
		ok("GET", "/reports/{week}/report.html", "", "", 200),
		ok("GET", "/reports/{week}/report.csv", "", "", 200),
		ok("GET", "/reports/{week}/report.txt", "", "", 200),
		// What a group pays for is reported to who leads it or one above. The owner is a member, a stranger is not told that there is one.
		group("/reports/{week}/report"),
		group("/reports/{week}/report.html"),
		group("/reports/{week}/report.csv"),
		group("/reports/{week}/report.txt"),
		ok("GET", "/reports/subscription", "", "", 200),
		ok("PUT", "/reports/subscription", "", `{"address":"","weekly":false}`, 200),
		// This server sends no mail.
		ok("POST", "/reports/test", "", `{"to":"ana@example.org"}`, 409),
		ok("GET", "/rates", "", "", 200),
		ok("GET", "/prices", "provider=aws", "", 200),
		ok("GET", "/prices/coverage", "", "", 200),
		{method: "GET", path: "/warehouse", nobody: 401, stranger: 403, owner: 403, lead: 403, admin: 200},
		// These requests are JSON, which a price list is not; that only admins may import: TestImportingPricesIsRefused.
		ok("POST", "/prices/import", "", "{}", 415),
		ok("GET", "/ledger/months", "", "", 200),
		// Nothing is booked in that month; only admins close months, and this one was long over.
		ok("GET", "/ledger/months/{month}", "", "", 404),
		{method: "POST", path: "/ledger/months/{month}/close", nobody: 401, stranger: 403, owner: 403, lead: 403, admin: 200},
		ok("GET", "/ledger/entries", "limit=10", "", 200),
		ok("GET", "/ledger/summary", "since=2026-01-01T00:00:00Z", "", 200),
		// These requests are no CSV; that only admins import invoices: TestImportingInvoicesIsRefused.
		ok("POST", "/ledger/months/{month}/import-focus", "", "{}", 415),
		cluster("GET", "/resources", "bins=10", "", 200),
		ok("GET", "/packages", "name=xgboost&version=%3C2&grade=seen", "", 200),
		{method: "GET", path: "/environments/{environment_id}", nobody: 401, stranger: 404, owner: 404, lead: 404, admin: 404},
		own("POST", "/stop", "", 200),
		admins("GET", "/users", "", 200),
		admins("POST", "/users", `{"name":"carla"}`, 201),
		admins("POST", "/users/{user_name}/code", "", 201),
		ok("GET", "/groups", "", "", 200),
		admins("POST", "/groups", `{"name":"chemistry","parent":"/research"}`, 201),
		admins("PATCH", "/groups/{group_id}", `{"name":"genomics"}`, 200),
		{method: "GET", path: "/groups/{group_id}/members", nobody: 401, stranger: 404, owner: 404, lead: 200, admin: 200},
		admins("PUT", "/groups/{group_id}/members/{user_id}", `{"role":"lead"}`, 200),
		admins("DELETE", "/groups/{group_id}/members/{user_id}", "", 204),
		// The admin may, but the group has paid: TestGroupsOverTheAPI deletes one.
		admins("DELETE", "/groups/{group_id}", "", 409),
	}
}

func TestEveryRouteForEveryCaller(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, stranger := s.AddUser(t, "ben")
	_, lead := s.AddUser(t, "lea")
	makeGroups(t, s)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "secret-name", Options: sdk.ClusterOptions{Workers: 1}})
	for _, r := range routes() {
		for _, caller := range []struct {
			name, token string
			want        int
		}{
			// Those who may do nothing come first, so that the others see whether they changed anything.
			{"nobody", "", r.nobody}, {"stranger", stranger, r.stranger}, {"lead", lead, r.lead}, {"owner", s.UserToken, r.owner}, {"admin", s.AdminToken, r.admin},
		} {
			before := state(t, s, c.ID)
			response, body := s.Do(t, request(t, s.URL, r, c.ID, caller.token))
			if response.StatusCode != caller.want {
				t.Errorf("%s %s as %s: %d, want %d: %s", r.method, r.path, caller.name, response.StatusCode, caller.want, body)
			}
			if response.StatusCode >= 400 {
				checkError(t, r.method+" "+r.path+" as "+caller.name, response, body)
				if after := state(t, s, c.ID); after != before {
					t.Errorf("%s %s as %s was refused and changed the cluster:\n%s\n%s", r.method, r.path, caller.name, before, after)
				}
			}
			if (caller.name == "nobody" || caller.name == "stranger") && strings.Contains(string(body), "secret-name") {
				t.Errorf("%s %s as %s tells the cluster's name: %s", r.method, r.path, caller.name, body)
			}
		}
	}
}

// TestRoutesAreComplete holds the list above against the contract.
func TestRoutesAreComplete(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, r := range routes() {
		listed[strings.ToLower(r.method)+" /api/v1"+r.path] = true
	}
	raw, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(raw, &contract); err != nil {
		t.Fatal(err)
	}
	count := 0
	for path, methods := range contract.Paths {
		for method := range methods {
			count++
			if !listed[method+" "+path] {
				t.Errorf("%s %s is not tested for every caller", method, path)
			}
		}
	}
	if count != len(listed) {
		t.Errorf("the contract has %d routes, the test %d", count, len(listed))
	}
}

func TestContractIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "sdk", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("sdk/openapi.json is not current; run: go run ./internal/api/openapigen -o sdk/openapi.json")
	}
	s := servertest.New(t)
	response, served := s.Do(t, newRequest(t, "GET", s.URL+"/openapi.json", ""))
	if response.StatusCode != http.StatusOK || string(served) != string(want) {
		t.Errorf("/openapi.json answers %d and is the committed file: %v", response.StatusCode, string(served) == string(want))
	}
}

// What you may not see and what is not there must look the same.
func TestStrangersCannotTellWhatIsThere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, stranger := s.AddUser(t, "ben")
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{})
	missing := "cl_" + strings.Repeat("0", len(c.ID)-3)
	for _, r := range routes() {
		if !r.ofCluster {
			continue
		}
		_, hidden := s.Do(t, request(t, s.URL, r, c.ID, stranger))
		_, absent := s.Do(t, request(t, s.URL, r, missing, stranger))
		if a, b := strings.ReplaceAll(string(hidden), c.ID, "X"), strings.ReplaceAll(string(absent), missing, "X"); a != b {
			t.Errorf("%s %s tells a stranger apart:\n%s\n%s", r.method, r.path, a, b)
		}
	}
}

func TestNamesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ben, _ := s.AddUser(t, "ben")
	mine := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights"})
	his := s.RunCluster(t, ben, sdk.CreateClusterRequest{Name: "flights"})
	for _, try := range []struct {
		client *sdk.Client
		want   string
	}{{s.User, mine.ID}, {ben, his.ID}} {
		got, err := try.client.GetCluster(t.Context(), "flights")
		if err != nil || got.ID != try.want {
			t.Errorf("by name: %s, %v; want %s", got.ID, err, try.want)
		}
	}
	list, err := ben.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != his.ID {
		t.Errorf("ben's list: %+v, %v; want his cluster alone", list.Items, err)
	}
	all, err := s.Admin.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(all.Items) != 2 {
		t.Errorf("the admin's list has %d clusters, %v; want both", len(all.Items), err)
	}
}

// makeGroups makes /research, led by lea, and below it /research/genomics, which pays for ana.
func makeGroups(t testing.TB, s *servertest.Server) {
	t.Helper()
	ctx := t.Context()
	for _, g := range []sdk.CreateGroupRequest{{Name: "research"}, {Name: "genomics", Parent: "/research"}} {
		if _, err := s.Admin.CreateGroup(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Admin.PutMember(ctx, "/research", "lea", sdk.PutMemberRequest{Role: "lead"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Admin.PutMember(ctx, "genomics", "ana", sdk.PutMemberRequest{}); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, base string, r route, clusterID, token string) *http.Request {
	t.Helper()
	path := strings.NewReplacer("{cluster_id}", clusterID, "{token_id}", "tk_none",
		"{group_id}", "%2Fresearch%2Fgenomics", "{user_id}", "ben", "{user_name}", "ben", "{month}", "2024-02", "{week}", "2026-W01").Replace(r.path)
	query, err := url.ParseQuery(r.query)
	if err != nil {
		t.Fatal(err)
	}
	target := base + "/api/v1" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req := newRequest(t, r.method, target, r.body)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req
}

func newRequest(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// checkError checks that an answer is an error as the contract promises: a code, a sentence, fields, and nothing else.
func checkError(t testing.TB, what string, response *http.Response, body []byte) sdk.Error {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Errorf("%s: the error is not JSON: %s", what, body)
		return sdk.Error{}
	}
	if len(raw) != 3 || raw["code"] == nil || raw["message"] == nil || raw["fields"] == nil {
		t.Errorf("%s: the error has other fields than code, message, fields: %s", what, body)
	}
	var e sdk.Error
	if err := json.Unmarshal(body, &e); err != nil {
		t.Errorf("%s: %v: %s", what, err, body)
	}
	if e.Code == "" || strings.Trim(e.Code, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
		t.Errorf("%s: code %q is no stable word", what, e.Code)
	}
	if len(e.Message) < 10 || !strings.HasSuffix(e.Message, ".") || strings.Contains(e.Message, "..") {
		t.Errorf("%s: %q is no sentence", what, e.Message)
	}
	if e.Fields == nil {
		t.Errorf("%s: fields is null", what)
	}
	for _, f := range e.Fields {
		if f.Name == "" || !strings.HasSuffix(f.Message, ".") {
			t.Errorf("%s: field %+v has no name or no sentence", what, f)
		}
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: content type %q", what, got)
	}
	if response.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s: no request id", what)
	}
	if response.StatusCode == http.StatusUnauthorized && response.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without WWW-Authenticate", what)
	}
	return e
}

// state is all that a request can change of a cluster, and how many clusters there are.
func state(t testing.TB, s *servertest.Server, id string) string {
	t.Helper()
	var out []any
	c, err := s.Admin.GetCluster(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Admin.ListClusters(t.Context(), sdk.ListClustersOptions{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Admin.ListEvents(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := s.Admin.ListSources(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := s.User.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, c, len(list.Items), events, sources, len(tokens.Items))
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
