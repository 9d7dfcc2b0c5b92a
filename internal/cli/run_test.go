package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// These tests run real scripts with a real interpreter against the fake backend; package e2e runs Dask itself.

// fakePython makes an interpreter that has Dask, as far as run asks: a shell in its place runs the script.
func fakePython(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	text := "#!/bin/sh\nif [ \"$1\" = -c ]; then exit 0; fi\nif [ \"$1\" = -m ]; then shift 2; fi\nexec /bin/sh \"$@\"\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { // it must be executable
		t.Fatal(err)
	}
	return path
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my script.py")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runner is a server and a user of it. The fake backend has no interpreters and refuses a cluster that asks for one, so what run
// asks for is kept apart on its way.
func runner(t *testing.T) (s *servertest.Server, u *terminal, asked *sdk.CreateClusterRequest) {
	t.Helper()
	s = servertest.New(t)
	ticking(t, s)
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	asked = &sdk.CreateClusterRequest{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/clusters" {
			if err := json.NewDecoder(r.Body).Decode(asked); err != nil {
				t.Errorf("read what run asks for: %v", err)
			}
			without := *asked
			without.Options.Python = ""
			body, err := json.Marshal(without)
			if err != nil {
				t.Errorf("pass on what run asks for: %v", err)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	u = newTerminal(t, "LINEITEM_SERVER="+between.URL, "LINEITEM_TOKEN="+s.UserToken, "PYTHONPATH=/more", "DASK_SCHEDULER_ADDRESS=tcp://other:1")
	return s, u, asked
}

// onlyCluster returns the one cluster that there was.
func onlyCluster(t *testing.T, s *servertest.Server) sdk.Cluster {
	t.Helper()
	list, err := s.User.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("clusters: %+v, %v", list, err)
	}
	return list.Items[0]
}

func TestRun(t *testing.T) {
	t.Parallel()
	s, u, asked := runner(t)
	python := fakePython(t)
	path := script(t, `
echo "address $DASK_SCHEDULER_ADDRESS"
echo "encrypted $DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION frames $DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES"
for file in "$DASK_DISTRIBUTED__COMM__TLS__CA_FILE" "$DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT" "$DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
do head -1 "$file"; ls -l "$file" | cut -c1-10; done
folder=$(dirname "$DASK_DISTRIBUTED__COMM__TLS__CA_FILE")
ls -ld "$folder" | cut -c1-10
echo "folder $folder"
echo "server $LINEITEM_SERVER"
echo "arguments $*"
read line; echo "input $line"
echo "to standard error" >&2
`)
	result := u.pipe(t, "hello\n", "run", "--workers", "3", "--threads", "2", "--python", python, "-o", "json", path, "--workers", "7", "-o", "x")
	if result.status != 0 {
		t.Fatalf("run ends with %+v", result)
	}
	var bill sdk.Bill
	if err := json.Unmarshal([]byte(result.stdout), &bill); err != nil {
		t.Fatalf("%v in %q", err, result.stdout)
	}
	c := onlyCluster(t, s)
	if bill.ClusterID != c.ID || c.Status != "stopped" || bill.TotalNanos != c.CostNanos || bill.TotalNanos == 0 {
		t.Errorf("bill %+v of cluster %+v", bill, c)
	}
	if c.Options.Workers != 3 || c.Options.Threads != 2 || asked.Options.Python != python || !strings.HasPrefix(c.Name, "my-script-") {
		t.Errorf("cluster %+v", c)
	}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Options.Env; got["PYTHONPATH"] != filepath.Dir(path)+":/more" || got["PWD"] != folder {
		t.Errorf("the cluster's environment is %v", got)
	}
	for _, want := range []string{
		"3 of 3 workers up", "address tls://", "encrypted true frames 2", "-----BEGIN CERTIFICATE-----\n-rw-------", "-----BEGIN", "drwx------",
		"server " + strings.TrimPrefix(u.env[2], "LINEITEM_SERVER=") + "\n", "arguments --workers 7 -o x\n", "input hello\n", "to standard error\n",
	} {
		if !strings.Contains(result.stderr, want) {
			t.Errorf("standard error has no %q:\n%s", want, result.stderr)
		}
	}
	_, rest, _ := strings.Cut(result.stderr, "\nfolder ")
	credentials, _, _ := strings.Cut(rest, "\n")
	if _, err := os.Stat(credentials); credentials == "" || !os.IsNotExist(err) {
		t.Errorf("the credentials in %q are still there: %v", credentials, err)
	}
}

func TestRunPassesOnFailure(t *testing.T) {
	t.Parallel()
	s, u, _ := runner(t)
	result := u.enter(t, "run", "--python", fakePython(t), script(t, "echo broken >&2; exit 7"))
	if result.status != 7 || !strings.Contains(result.stderr, "broken\n") {
		t.Errorf("run ends with %+v", result)
	}
	if !strings.Contains(result.stdout, "\nBill ") {
		t.Errorf("the bill of a failed script is not printed: %q", result.stdout)
	}
	if c := onlyCluster(t, s); c.Status != "stopped" {
		t.Errorf("the cluster is %s", c.Status)
	}
}

func TestRunOfKilledScript(t *testing.T) {
	t.Parallel()
	s, u, _ := runner(t)
	result := u.enter(t, "run", "--python", fakePython(t), script(t, "kill -TERM $$"))
	if result.status != 128+15 {
		t.Errorf("run ends with %+v", result)
	}
	if c := onlyCluster(t, s); c.Status != "stopped" {
		t.Errorf("the cluster is %s", c.Status)
	}
}

// TestRunHints checks that a bill without lines is explained.
func TestRunHints(t *testing.T) {
	t.Parallel()
	_, u, _ := runner(t)
	result := u.enter(t, "run", "--python", fakePython(t), script(t, "true"))
	if result.status != 0 || !strings.Contains(result.stderr, "Nothing of this cluster was observed. Is the Python package lineitem installed") {
		t.Errorf("run ends with %+v", result)
	}
}

// TestRunWithoutCluster checks that a cluster that cannot come up ends the run with the reason, and no script runs.
func TestRunWithoutCluster(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ticking(t, s)
	u := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	ran := filepath.Join(t.TempDir(), "ran")
	result := u.enter(t, "run", "--python", fakePython(t), script(t, "touch "+ran))
	c := onlyCluster(t, s)
	want := "Cluster " + c.Name + " did not come up, it is " + c.Status + ". " + c.Reason
	if result.status != 1 || c.EndedAt == nil || c.Reason == "" || !strings.Contains(result.stderr, want) {
		t.Errorf("run ends with %+v, the cluster is %+v", result, c)
	}
	if _, err := os.Stat(ran); !os.IsNotExist(err) {
		t.Errorf("the script ran without a cluster: %v", err)
	}
}

func TestRunWithoutInterpreter(t *testing.T) {
	t.Parallel()
	s, u, _ := runner(t)
	path := script(t, "true")
	if result := u.enter(t, "run", "--python", "/nowhere/python", path); result.status != 1 || !strings.Contains(result.stderr, `There is no interpreter "/nowhere/python"`) {
		t.Errorf("run ends with %+v", result)
	}
	lacking := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(lacking, []byte("#!/bin/sh\necho distributed\n"), 0o700); err != nil { // it must be executable
		t.Fatal(err)
	}
	if result := u.enter(t, "run", "--python", lacking, path); result.status != 1 || !strings.Contains(result.stderr, lacking+" lacks distributed, so nothing was started") {
		t.Errorf("run ends with %+v", result)
	}
	u.env = append(u.env, "PATH=")
	if result := u.enter(t, "run", path); result.status != 1 || !strings.Contains(result.stderr, "No Python interpreter fits, so nothing was started") {
		t.Errorf("run ends with %+v", result)
	}
	list, err := s.User.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("clusters: %+v, %v", list, err)
	}
}
