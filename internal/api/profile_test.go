package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// flown is a cluster with a bill: a worker read tables for six seconds on one line and cleaned them for four on another, and idled for ten.
func flown(t *testing.T, s *servertest.Server) sdk.Cluster {
	t.Helper()
	answer := announce(t, s.User, "Scheduler-1")
	began := s.Clock.Now()
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	o := newObserver(s, answer)
	worker := answer.Cluster.ID + "-w.1-0123abcd"
	b := workerBatch(worker, began, now, 2, "no_work")
	b["idle"] = map[string]int64{"no_work": 10_000_000}
	b["strings"] = []string{"read_csv", "<module>", "clean", "CParserWrapper.read"}
	b["files"] = [][]any{{"/home/ana/flights.py", "u"}, {"/opt/lib/python3.11/site-packages/pandas/io/parsers/c_parser_wrapper.py", "p"}}
	b["frames"] = [][]int{{0, 1, 7}, {0, 2, 12}, {1, 3, 234}}
	b["stacks"] = [][]int{{0, 2}, {0, 1}}
	b["ledger"] = [][]int64{{0, 0, 10_000_000, 10_000_000, 1, 0, 0, 0}}
	b["samples"] = [][]int64{{0, 0, 0, 6_000_000, 5_000_000}, {0, 0, 1, 4_000_000, 4_000_000}}
	if status, rejected := o.post(t, b, schedulerBatch(answer.Process, began, now, map[string]any{"workers": []map[string]any{{
		"process": worker, "name": "w.1", "host": "lab-8", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.UnixMicro(), "ended_us": 0,
		"reason": "", "lost_tasks": 0,
	}}})); status != http.StatusOK || len(rejected) > 0 {
		t.Fatalf("%d, rejected %v", status, rejected)
	}
	s.Tick(t)
	return answer.Cluster
}

func get(t *testing.T, s *servertest.Server, path string, change func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	r := newRequest(t, http.MethodGet, s.URL+"/api/v1"+path, "")
	change(r)
	return s.Do(t, r)
}

// TestGoToolPprofOpensABill lets the real tool fetch a bill from a real server, with nothing but an address.
func TestGoToolPprofOpensABill(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := flown(t, s)
	bill, err := s.User.Bill(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(s.URL + "/api/v1/clusters/" + c.ID + "/profile.pb.gz")
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("x", s.UserToken)
	top := func(options ...string) string {
		t.Helper()
		// Nothing is hidden for being small.
		args := append(append([]string{"tool", "pprof", "-top", "-nodefraction=0"}, options...), address.String())
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(cmd.Environ(), "PPROF_TMPDIR="+t.TempDir())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.String())
		}
		return string(out)
	}

	byLine := top("-lines", "-sample_index=cost")
	flat := map[string]int64{}
	var sum int64
	for _, row := range regexp.MustCompile(`(?m)^ *(\d+)(?:nanousd)? +[\d.]+% +[\d.]+% +\d+(?:nanousd)? +[\d.]+% +(.+)$`).FindAllStringSubmatch(byLine, -1) {
		n, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		flat[row[2]] = n
		sum += n
	}
	if sum != bill.TotalNanos {
		t.Errorf("pprof sums to %d, the bill to %d:\n%s", sum, bill.TotalNanos, byLine)
	}
	if len(bill.Lines) != 2 {
		t.Fatalf("%d lines: %+v", len(bill.Lines), bill.Lines)
	}
	for _, line := range bill.Lines {
		name := line.Function + " " + line.File + ":" + strconv.Itoa(line.Line)
		if line.Operation == "read.csv" {
			name = "read.csv [pandas] " + line.File + ":" + strconv.Itoa(line.Line)
		}
		if flat[name] != line.CostNanos || line.CostNanos == 0 {
			t.Errorf("%s costs %d by pprof, %d by the bill:\n%s", name, flat[name], line.CostNanos, byLine)
		}
	}
	for _, want := range []string{"Type: cost\n", "File: " + c.ID + "\n", "idle.no_work\n"} {
		if !strings.Contains(byLine, want) {
			t.Errorf("no %q in:\n%s", want, byLine)
		}
	}
	if got := top(); !strings.Contains(got, "Type: cost\n") || !strings.Contains(got, "<module>") {
		t.Errorf("without a sample index:\n%s", got)
	}
	byTime := top("-lines", "-sample_index=wall")
	if !regexp.MustCompile(`(?m)^ +6s .* read\.csv \[pandas\] /home/ana/flights\.py:7$`).MatchString(byTime) ||
		!regexp.MustCompile(`(?m)^ +4s .* clean /home/ana/flights\.py:12$`).MatchString(byTime) {
		t.Errorf("by time:\n%s", byTime)
	}
	if got := top("-lines", "-sample_index=cpu"); !regexp.MustCompile(`(?m)^ +5s .*flights\.py:7$`).MatchString(got) {
		t.Errorf("by processor time:\n%s", got)
	}
	if got := top("-tagroot=task_prefix"); !strings.Contains(got, "read_csv") {
		t.Errorf("by task prefix:\n%s", got)
	}
}

func TestFilesOfABill(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := flown(t, s)
	bill, err := s.User.Bill(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for ending, contentType := range map[string]string{
		"profile.pb.gz": "application/octet-stream", "profile.speedscope.json": "application/json",
		"profile.folded": "text/plain; charset=utf-8", "bill.csv": "text/csv; charset=utf-8",
	} {
		response, _ := get(t, s, "/clusters/"+c.ID+"/"+ending, func(r *http.Request) { r.SetBasicAuth("whoever", s.UserToken) })
		disposition := `attachment; filename="` + c.ID + "." + ending + `"`
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != contentType ||
			response.Header.Get("Content-Disposition") != disposition || response.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", ending, response.StatusCode, response.Header)
		}
	}

	data, err := s.User.Profile(t.Context(), c.ID, sdk.ProfileSpeedscope)
	if err != nil {
		t.Fatal(err)
	}
	var scope struct{ Profiles []struct{ EndValue int64 } }
	if err := json.Unmarshal(data, &scope); err != nil || len(scope.Profiles) != 3 || scope.Profiles[0].EndValue != bill.TotalNanos {
		t.Errorf("speedscope %+v, %v, want %d", scope, err, bill.TotalNanos)
	}

	data, err = s.User.Profile(t.Context(), c.ID, sdk.ProfileFolded)
	if err != nil || !strings.Contains(string(data), "<module> (/home/ana/flights.py:7);read.csv [pandas] (/home/ana/flights.py:7) ") {
		t.Errorf("folded %q, %v", data, err)
	}
	if data, err = s.User.Profile(t.Context(), c.ID, sdk.ProfilePprof); err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		t.Errorf("pprof %x, %v", data[:min(len(data), 8)], err)
	}
	if _, err := s.User.Profile(t.Context(), c.ID, "flame"); err == nil {
		t.Error("there is a profile in any format")
	}

	if data, err = s.User.BillCSV(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[6], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if rows[0][6] != "cost_nanos" || sum != bill.TotalNanos {
		t.Errorf("%s sums to %d, want %d", rows[0][6], sum, bill.TotalNanos)
	}
}

// TestPasswordsOpenDownloadsOnly holds for every route: a token as a password opens those that say so in the contract, and no other.
func TestPasswordsOpenDownloadsOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, stranger := s.AddUser(t, "ben")
	s.AddUser(t, "lea")
	makeGroups(t, s)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{})
	opened := 0
	for _, r := range routes() {
		if r.nobody != http.StatusUnauthorized || r.owner == http.StatusUnauthorized {
			continue
		}
		for password, want := range map[string]int{s.UserToken: r.owner, stranger: r.stranger, "": 401, "wrong": 401} {
			req := request(t, s.URL, r, c.ID, "")
			req.SetBasicAuth("x", password)
			file := strings.HasPrefix(filepath.Base(r.path), "profile.") || slices.Contains([]string{".csv", ".parquet", ".arrow", ".html", ".txt"}, filepath.Ext(r.path))
			file = file && r.method == http.MethodGet
			if !file {
				want = http.StatusUnauthorized
			}
			response, body := s.Do(t, req)
			if response.StatusCode != want {
				t.Errorf("%s %s: %d, want %d: %s", r.method, r.path, response.StatusCode, want, body)
			}
			if response.StatusCode == http.StatusOK {
				opened++
			}
			if strings.Contains(string(body), s.UserToken) || strings.Contains(s.Log(), s.UserToken) {
				t.Errorf("%s %s tells the token", r.method, r.path)
			}
		}
	}
	// The owner opens them all, a stranger the seven that are of no cluster, with costs of their own.
	if opened != 4+2*7 {
		t.Errorf("%d downloads were opened, want eighteen", opened)
	}
}
