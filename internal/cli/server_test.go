package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/cli"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// terminal is a user at a terminal of their own: a home, and a server somewhere.
type terminal struct {
	home string
	env  []string
}

func newTerminal(t *testing.T, env ...string) *terminal {
	t.Helper()
	home := t.TempDir()
	return &terminal{home: home, env: append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}, env...)}
}

func (u *terminal) enter(t *testing.T, args ...string) ended {
	t.Helper()
	return u.pipe(t, "", args...)
}

func (u *terminal) pipe(t *testing.T, stdin string, args ...string) ended {
	t.Helper()
	return start(t, cli.Process{Args: args, Environ: u.env, Stdin: strings.NewReader(stdin)})
}

// must runs a command that is to succeed, and returns what it prints.
func (u *terminal) must(t *testing.T, args ...string) string {
	t.Helper()
	result := u.enter(t, args...)
	if result.status != 0 {
		t.Fatalf("lineitem %s ends with %d: %s", strings.Join(args, " "), result.status, result.stderr)
	}
	return result.stdout
}

// ticking lets the loops of a server look, and its clock go on, until the test ends.
func ticking(t *testing.T, s *servertest.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.Clock.Advance(time.Second)
				if _, err := s.App.Tick(ctx); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("tick: %v", err)
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	u := newTerminal(t)
	file := filepath.Join(u.home, ".config", "lineitem", "credentials.json")

	if result := u.enter(t, "whoami", "--server", s.URL); result.status != 1 || !strings.HasSuffix(result.stderr, " Sign in with \"lineitem login\".\n") {
		t.Errorf("nobody is answered %+v", result)
	}
	// A wrong code changes nothing.
	if result := u.enter(t, "login", s.URL+"/signin#code=wrong"); result.status != 1 || result.stderr == "" {
		t.Errorf("a wrong code is answered %+v", result)
	}
	if _, err := os.Stat(file); err == nil {
		t.Fatal("a failed login wrote credentials")
	}

	link, err := s.App.SignInURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := u.must(t, "login", link); !strings.HasPrefix(got, "Signed in to "+s.URL+" as admin.") {
		t.Errorf("login prints %q", got)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("credentials: %v, %v", info.Mode(), err)
	}
	var saved struct {
		Servers map[string]struct {
			Token string `json:"token"`
		} `json:"servers"`
		Default string `json:"default"`
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		t.Fatal(err)
	}
	token := saved.Servers[s.URL].Token
	if saved.Default != s.URL || token == "" {
		t.Fatalf("saved %+v", saved)
	}
	if got := u.must(t, "whoami"); !strings.Contains(got, "admin (admin)") || !strings.Contains(got, s.URL) || strings.Contains(got, token) {
		t.Errorf("whoami prints %q", got)
	}
	// The link works once.
	if result := u.enter(t, "login", link); result.status != 1 {
		t.Errorf("the link works twice: %+v", result)
	}
	if got := u.must(t, "whoami", "-o", "json"); !json.Valid([]byte(got)) {
		t.Errorf("whoami -o json prints %q", got)
	}

	// Signing out revokes the token at the server too.
	u.must(t, "logout")
	if _, err := s.Client(t, token).Me(t.Context()); err == nil {
		t.Error("the token outlived the logout")
	}
	if result := u.enter(t, "whoami", "--server", s.URL); result.status != 1 {
		t.Errorf("still signed in after the logout: %+v", result)
	}
	if got := u.must(t, "logout"); got != "You were not signed in; nothing was changed.\n" {
		t.Errorf("a second logout prints %q", got)
	}
}

func TestLoginWithToken(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	u := newTerminal(t)
	if result := u.pipe(t, s.UserToken+"\n", "login", "--server", s.URL+"/", "--token-stdin"); result.status != 0 {
		t.Fatalf("login ends with %+v", result)
	}
	if got := u.must(t, "whoami", "-o", "csv"); !strings.Contains(got, ",ana,user,") {
		t.Errorf("whoami prints %q", got)
	}
	// The environment goes before the file.
	u.env = append(u.env, "LINEITEM_TOKEN="+s.AdminToken)
	if got := u.must(t, "whoami", "-o", "csv"); !strings.Contains(got, ",admin,admin,") {
		t.Errorf("whoami with LINEITEM_TOKEN prints %q", got)
	}
	if result := u.pipe(t, "", "login", "--server", s.URL); result.status != 1 || !strings.Contains(result.stderr, "Nothing was entered, so nothing was changed.") {
		t.Errorf("an empty code is answered %+v", result)
	}
	if result := u.pipe(t, "not-a-token\n", "login", "--server", s.URL, "--token-stdin"); result.status != 1 || strings.Contains(result.stderr, "not-a-token") {
		t.Errorf("a wrong token is answered %+v", result)
	}
}

func TestCredentialsBroken(t *testing.T) {
	t.Parallel()
	u := newTerminal(t)
	file := filepath.Join(u.home, ".config", "lineitem", "credentials.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	result := u.enter(t, "whoami")
	if result.status != 1 || !strings.Contains(result.stderr, file+" is not valid") {
		t.Errorf("a broken file is answered %+v", result)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	u := newTerminal(t, "LINEITEM_SERVER=http://127.0.0.1:1")
	result := u.enter(t, "cluster", "list")
	want := "No Lineitem server answers at http://127.0.0.1:1: "
	if result.status != 1 || !strings.HasPrefix(result.stderr, want) || !strings.HasSuffix(result.stderr, "Start one with \"lineitem server\", or name another with --server.\n") {
		t.Errorf("ends with %+v", result)
	}
	if result := u.enter(t, "cluster", "list", "--server", "nonsense"); result.status != 1 || !strings.Contains(result.stderr, "is not the address of a server") {
		t.Errorf("ends with %+v", result)
	}
}

// TestCluster walks through the life of a cluster.
func TestCluster(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ticking(t, s)
	u := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)

	if got := u.must(t, "cluster", "list"); got != "No cluster runs. Create one with \"lineitem cluster create\"; see ended ones with --all.\n" {
		t.Errorf("without clusters list prints %q", got)
	}
	u.must(t, "cluster", "create", "tuesday", "--workers", "2", "--threads", "2", "--memory", "1GB", "--env", "A=b=c", "--wait")
	var c sdk.Cluster
	if err := json.Unmarshal([]byte(u.must(t, "cluster", "show", "tuesday", "-o", "json")), &c); err != nil {
		t.Fatal(err)
	}
	if c.Status != "running" || c.WorkersRunning != 2 || c.Options.Threads != 2 || c.Options.MemoryBytes != 1e9 || c.Options.Env["A"] != "b=c" {
		t.Errorf("created %+v", c)
	}
	for _, want := range []string{"tuesday, running", "2, 2 threads, 1 GB each", "scheduler  running", "w-1"} {
		if got := u.must(t, "cluster", "show", "tuesday"); !strings.Contains(got, want) {
			t.Errorf("show prints no %q:\n%s", want, got)
		}
	}
	if got := u.must(t, "cluster", "list"); !strings.Contains(got, "tuesday  running  ana          2 ") {
		t.Errorf("list prints\n%s", got)
	}
	u.must(t, "cluster", "scale", "tuesday", "3")
	if got := u.must(t, "cluster", "logs", "tuesday", "scheduler"); got == "" || strings.Contains(got, "==>") {
		t.Errorf("logs of one process print %q", got)
	}
	if got := u.must(t, "cluster", "logs", "tuesday"); !strings.Contains(got, "==> scheduler <==") {
		t.Errorf("logs print %q", got)
	}
	if got := u.must(t, "cluster", "stop", "tuesday", "--wait", "-o", "csv"); !strings.Contains(got, ",stopped,stopped,") {
		t.Errorf("stop prints %q", got)
	}

	// After its end the name still finds it, except for changes.
	for _, args := range [][]string{
		{"cluster", "show", "tuesday"},
		{"cost", "tuesday"},
		{"lines", "tuesday"},
		{"lines", c.ID},
		{"bill", "tuesday"},
		{"bill", "tuesday", "--lines"},
		{"submissions", "tuesday"},
		{"reads", "tuesday"},
		{"cluster", "logs", "tuesday"},
	} {
		if got := u.must(t, args...); got == "" {
			t.Errorf("%v prints nothing", args)
		}
	}
	if result := u.enter(t, "cluster", "scale", "tuesday", "1"); result.status != 1 || !strings.Contains(result.stderr, "tuesday") {
		t.Errorf("scaling an ended cluster is answered %+v", result)
	}
	if result := u.enter(t, "lines", "wednesday"); result.status != 1 || !strings.Contains(result.stderr, "wednesday") {
		t.Errorf("a cluster that never was is answered %+v", result)
	}
	if got := u.must(t, "cluster", "list", "--all", "--limit", "1"); !strings.Contains(got, "tuesday  stopped") {
		t.Errorf("list --all prints\n%s", got)
	}

	var bill sdk.Bill
	if err := json.Unmarshal([]byte(u.must(t, "cost", "tuesday", "-o", "json")), &bill); err != nil {
		t.Fatal(err)
	}
	var costs sdk.CostList
	until := s.Clock.Now().Add(time.Hour).Format(time.RFC3339)
	if err := json.Unmarshal([]byte(u.must(t, "cost", "--since", "2026-01-01", "--until", until, "-o", "json")), &costs); err != nil {
		t.Fatal(err)
	}
	if len(costs.Items) != 1 || bill.TotalNanos == 0 || costs.Items[0].CostNanos != bill.TotalNanos || costs.TotalNanos != bill.TotalNanos {
		t.Errorf("the bill is %d, the list of costs says %+v", bill.TotalNanos, costs)
	}
	// By anything, and of anybody else nothing.
	var breakdown sdk.CostBreakdown
	if err := json.Unmarshal([]byte(u.must(t, "cost", "--by", "name,category", "--since", "2026-01-01", "--until", until, "-o", "json")), &breakdown); err != nil {
		t.Fatal(err)
	}
	if breakdown.TotalNanos != bill.TotalNanos || breakdown.UnseenNanos == 0 || len(breakdown.Rows) == 0 || breakdown.Rows[0].Keys[0] != "tuesday" {
		t.Errorf("the bill is %d, the breakdown says %+v", bill.TotalNanos, breakdown)
	}
	// The files are the server's; their exact sums are internal/api's to test.
	if got := u.must(t, "cost", "--by", "name", "--since", "2026-01-01", "--until", until, "-o", "csv"); got !=
		"name,cost_nanos,cost,currency,thread_seconds,cpu_seconds,rest_rows\n"+csvRow(t, got, bill.TotalNanos) {
		t.Errorf("the CSV file is\n%s", got)
	}
	for format, begin := range map[string]string{"parquet": "PAR1", "arrow": "ARROW1"} {
		if got := u.must(t, "cost", "--by", "name", "--until", until, "-o", format); !strings.HasPrefix(got, begin) {
			t.Errorf("the %s file begins %.10q", format, got)
		}
	}
	// A window that is over: what a later look adds is not in it.
	passed := s.Clock.Now().Format(time.RFC3339)
	focus := u.must(t, "cost", "focus", "tuesday", "--since", "2026-01-01", "--until", passed)
	file := filepath.Join(t.TempDir(), "tuesday.focus.csv")
	u.must(t, "cost", "focus", "--since", "2026-01-01", "--until", passed, "-o", file)
	if saved, err := os.ReadFile(file); err != nil || string(saved) != focus || !strings.HasPrefix(focus, "BilledCost,") || !strings.Contains(focus, "tuesday") {
		t.Errorf("%v: the FOCUS file is\n%s\nsaved\n%s", err, focus, saved)
	}
	if got := u.must(t, "cost", "--by", "user", "--where", "user=nobody", "--until", until); !strings.Contains(got, "Nothing was spent on that.") {
		t.Errorf("the cost of nobody prints\n%s", got)
	}
	if result := u.enter(t, "cost", "--by", "colour"); result.status != 1 || !strings.Contains(result.stderr, `"colour" is nothing to group by`) {
		t.Errorf("grouping by colour is answered %+v", result)
	}
	// No telemetry came from the fake machines: all of the workers' time is unknown, and said to be.
	if got := u.must(t, "lines", "tuesday"); !strings.Contains(got, "\nUnknown ") || !strings.Contains(got, "Coverage 0.0\u202f%") {
		t.Errorf("lines print\n%s", got)
	}
}

// csvRow is the only row of a file by name, if it costs so much.
func csvRow(t *testing.T, file string, nanos int64) string {
	t.Helper()
	_, row, _ := strings.Cut(file, "\n")
	if !strings.HasPrefix(row, fmt.Sprintf("tuesday,%d,", nanos)) {
		t.Errorf("%q does not cost %d", row, nanos)
	}
	return row
}

// TestListPages lists more clusters than one page of the server holds.
func TestListPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const many = 105
	for i := range many {
		if _, err := s.User.CreateCluster(t.Context(), sdk.CreateClusterRequest{Name: fmt.Sprintf("c-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	u := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	for limit, want := range map[string]int{"3": 3, "104": 104, "500": many} {
		got := u.must(t, "cluster", "list", "--limit", limit, "-o", "csv")
		if lines := strings.Count(got, "\n") - 1; lines != want {
			t.Errorf("--limit %s lists %d clusters, want %d", limit, lines, want)
		}
	}
	if got := u.must(t, "cluster", "list", "--limit", "3"); !strings.HasSuffix(got, "\nThere are more; ask for them with --limit.\n") {
		t.Errorf("list prints\n%s", got)
	}
}

// TestServerStops starts the real command and ends it.
func TestServerStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	data := filepath.Join(t.TempDir(), "data")
	stdout := &watched{seen: make(chan struct{}), text: "Sign in from a terminal once"}
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- cli.Main(ctx, cli.Process{
			Args: []string{"server", "--backend", "fake", "--listen", "127.0.0.1:0", "--data", data}, Stdout: stdout, Stderr: &stderr,
		})
	}()
	select {
	case <-stdout.seen:
	case got := <-status:
		t.Fatalf("the server ended with %d: %s", got, stderr.String())
	}
	// While it runs, its operator gets another way in, and a second server is refused.
	result := start(t, cli.Process{Args: []string{"server", "sign-in-link", "--data", data, "--public-url", "https://lineitem.example.com"}})
	if result.status != 0 || !strings.HasPrefix(result.stdout, "https://lineitem.example.com/signin#code=") {
		t.Errorf("sign-in-link ends with %+v", result)
	}
	result = start(t, cli.Process{Args: []string{"server", "--backend", "fake", "--listen", "127.0.0.1:0", "--data", data}})
	if result.status != 1 || !strings.Contains(result.stderr, "uses the folder "+data) {
		t.Errorf("a second server ends with %+v", result)
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("the server ends with %d: %s", got, stderr.String())
	}
	result = start(t, cli.Process{Args: []string{"server", "sign-in-link", "--data", t.TempDir()}})
	if result.status != 1 || !strings.Contains(result.stderr, "No server has run with the data folder") {
		t.Errorf("sign-in-link without a server ends with %+v", result)
	}
	result = start(t, cli.Process{Args: []string{"server"}, Environ: []string{"LINEITEM_CURRENCY=gold", "HOME=" + data}})
	if result.status != 2 || !strings.Contains(result.stderr, "LINEITEM_CURRENCY") {
		t.Errorf("wrong settings end with %+v", result)
	}
}

// watched is a writer that tells when a text has been written to it.
type watched struct {
	bytes.Buffer
	text string
	seen chan struct{}
	told bool
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if !w.told && strings.Contains(w.String(), w.text) {
		w.told = true
		close(w.seen)
	}
	return n, err
}
