package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/app"
	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/sdk"
)

// patience bounds waits that only end early when something is broken.
const patience = time.Minute

func settings(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Default(func(string) (string, bool) { return "", false })
	cfg.Listen, cfg.Data, cfg.Backend = "127.0.0.1:0", filepath.Join(t.TempDir(), "data"), config.BackendFake
	return cfg
}

// start opens and runs a server; the function it returns asks it to stop and waits for that.
func start(t *testing.T, cfg config.Config) (*app.App, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.Open(ctx, cfg, app.Options{Version: "test", NoSync: true})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the server did not stop within %v", patience)
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return a, stop
}

func TestAnnounceIsStable(t *testing.T) {
	t.Parallel()
	a, _ := start(t, settings(t))
	var out bytes.Buffer
	if err := a.Announce(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`^Lineitem listens on (http://127\.0\.0\.1:\d+)
Sign in once: (http://127\.0\.0\.1:\d+/signin#code=lic_[\w-]+)
Sign in from a terminal once: lineitem login '(http://127\.0\.0\.1:\d+/signin#code=lic_[\w-]+)'
$`)
	found := pattern.FindStringSubmatch(out.String())
	if found == nil || found[1] != a.URL() || found[2] == found[3] {
		t.Fatalf("announced (want the server's address and two links):\n%s", out.String())
	}
	client, err := sdk.New(found[1], "")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range found[2:] {
		_, code, _ := strings.Cut(link, "#code=")
		me, err := client.SignIn(t.Context(), sdk.SignInRequest{Code: code})
		if err != nil || me.User.Role != "admin" {
			t.Errorf("sign in: %+v, %v", me, err)
		}
	}
}

func TestMintedTokenIsTheAdmins(t *testing.T) {
	t.Parallel()
	a, _ := start(t, settings(t))
	token, err := a.MintToken(t.Context(), "demo", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.New(a.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	if me, err := client.Me(t.Context()); err != nil || me.User.Role != "admin" {
		t.Errorf("me = %+v, %v", me, err)
	}
}

func TestBecomesReadyByItself(t *testing.T) {
	t.Parallel()
	a, _ := start(t, settings(t))
	client, err := sdk.New(a.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server to be ready", func() bool { return client.Ready(t.Context()) == nil })
}

// A server that does not know yet what earlier ones left running must not be called ready.
func TestIsNotReadyBeforeTheFirstLook(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.Open(ctx, settings(t), app.Options{NoSync: true, Manual: true})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	client, err := sdk.New(a.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Ready(t.Context()); !sdk.IsCode(err, "not_ready") {
		t.Errorf("before: %v, want not_ready", err)
	}
	if _, err := a.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := client.Ready(t.Context()); err != nil {
		t.Errorf("after: %v, want ready", err)
	}
}

func TestWarnsOfOpenDoors(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		cfg := settings(t)
		cfg.Listen = listen
		var log bytes.Buffer
		a, err := app.Open(t.Context(), cfg, app.Options{NoSync: true, Logger: app.NewLogger(cfg, &log)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(a.URL(), "http://127.0.0.1:") {
			t.Errorf("%s is reached at %s, want an address of this machine", listen, a.URL())
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "without encryption"); got != want {
			t.Errorf("%s: warned %v, want %v:\n%s", listen, got, want, log.String())
		}
	}
}

// A cluster of the fake backend comes up through the server's own loops, not a test's ticks.
func TestLoopsRun(t *testing.T) {
	t.Parallel()
	a, _ := start(t, settings(t))
	token, err := a.MintToken(t.Context(), "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.New(a.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.CreateCluster(t.Context(), sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 2}})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the cluster to run", func() bool {
		c, err = client.GetCluster(t.Context(), c.ID)
		return err == nil && c.WorkersRunning == 2
	})
	if _, err := client.StopCluster(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the cluster to stop", func() bool {
		c, err = client.GetCluster(t.Context(), c.ID)
		return err == nil && c.Status == "stopped"
	})
}

func TestTwoServersOnOneFolder(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	_, stop := start(t, cfg)
	_, err := app.Open(t.Context(), cfg, app.Options{NoSync: true})
	if err == nil || !strings.Contains(err.Error(), "another Lineitem server (process ") || !strings.Contains(err.Error(), "nothing was started") {
		t.Errorf("second server: %v, want a sentence about the first", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	third, err := app.Open(t.Context(), cfg, app.Options{NoSync: true})
	if err != nil {
		t.Fatalf("after the first stopped: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cfg := settings(t)
	cfg.Listen = listener.Addr().String()
	for range 2 { // the failure must let go of the data folder
		_, err = app.Open(t.Context(), cfg, app.Options{NoSync: true})
		if err == nil || !strings.Contains(err.Error(), "another program listens on "+cfg.Listen) {
			t.Errorf("taken port: %v, want a sentence about it", err)
		}
	}
}

func TestWarehouseThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.Warehouse = filepath.Join(t.TempDir(), "warehouse")
	if err := os.WriteFile(cfg.Warehouse, []byte("This is no folder."), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the failure must let go of the data folder
		_, err := app.Open(t.Context(), cfg, app.Options{NoSync: true})
		if err == nil || !strings.Contains(err.Error(), "open the warehouse in "+cfg.Warehouse) || !strings.Contains(err.Error(), "nothing was started") {
			t.Errorf("err = %v, want a sentence about the warehouse", err)
		}
	}
}

func TestWrongSettingsStartNothing(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.Currency, cfg.TimeZone = "dollars", "Mars"
	_, err := app.Open(t.Context(), cfg, app.Options{})
	if err == nil || !strings.Contains(err.Error(), "--currency") || !strings.Contains(err.Error(), "--time-zone") {
		t.Errorf("err = %v, want both problems", err)
	}
}

// A request that is being answered when the server is told to stop gets its answer, and its change is kept.
func TestStopFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	a, stop := start(t, cfg)
	token, err := a.MintToken(t.Context(), "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", a.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const body = `{"name":"late","options":{"n_workers":0}}`
	fmt.Fprintf(conn, "POST /api/v1/clusters HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", a.Address(), token, len(body))
	answers := bufio.NewReader(conn)
	// The server asks for the body when it has begun to read it.
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("first answer %q, %v; want 100 Continue", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	waitFor(t, "the port to close", func() bool {
		other, err := net.Dial("tcp", a.Address())
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	fmt.Fprint(conn, body)
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the answer was lost: %v", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("answer: %d %s, %v; want 201", response.StatusCode, text, err)
	}
	if err := <-stopped; err != nil {
		t.Fatalf("stop: %v", err)
	}

	b, _ := start(t, cfg)
	client, err := sdk.New(b.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.ListClusters(t.Context(), sdk.ListClustersOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "late" {
		t.Errorf("after the restart: %+v, %v; want the cluster", list.Items, err)
	}
}

// waitFor asks until the answer is yes.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}
