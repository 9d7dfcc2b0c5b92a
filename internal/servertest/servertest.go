// Package servertest runs a whole server within a test: the real API over loopback, a real SQLite database, and the fake backend,
// whose machines and clock the test steers. Loops look only when the test says so.
package servertest

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/app"
	"github.com/lineitem/lineitem/internal/backend/fake"
	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/sdk"
)

// Version is what the server calls itself.
const Version = "0.0.0-test"

// Server is a running server. It stops when the test ends.
type Server struct {
	// URL is the address of the server.
	URL string
	// Admin is a client of the admin, User one of another user called "ana".
	Admin, User *sdk.Client
	// AdminToken and UserToken are their API tokens.
	AdminToken, UserToken string
	// Machines are what clusters run on.
	Machines *fake.Machines
	// Clock is the server's and the machines'.
	Clock *Clock
	// App is the server itself, nil while it is stopped.
	App *app.App

	cfg  config.Config
	log  *lockedBuffer
	stop func() error
}

// Option changes the settings of a server before it starts.
type Option func(*config.Config)

// New starts a server with two users and returns it.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	cfg := config.Default(func(string) (string, bool) { return "", false })
	cfg.Listen, cfg.Data, cfg.Backend = "127.0.0.1:0", filepath.Join(t.TempDir(), "data"), config.BackendFake
	for _, option := range options {
		option(&cfg)
	}
	clock := NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	s := &Server{cfg: cfg, Clock: clock, Machines: fake.NewMachines(clock.Now), log: &lockedBuffer{}}
	s.Start(t)
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", s.log.tail())
		}
	})
	s.AdminToken = mint(t, s.App)
	s.Admin = s.Client(t, s.AdminToken)
	s.User, s.UserToken = s.AddUser(t, "ana")
	return s
}

// Start starts a server that has been stopped, on the same data, machines and port.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.Open(ctx, s.cfg, app.Options{
		Version: Version, Logger: app.NewLogger(s.cfg, s.log), Machines: s.Machines, Now: s.Clock.Now, Manual: true, NoSync: true,
	})
	if err != nil {
		cancel()
		t.Fatalf("start server: %v", err)
	}
	s.App, s.URL = a, a.URL()
	s.cfg.Listen = a.Address()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	s.Tick(t)
}

// Stop stops the server in good order; the machines go on.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.App == nil {
		return
	}
	s.App = nil
	if err := s.stop(); err != nil {
		t.Errorf("stop server: %v", err)
	}
}

// Client returns a client with a token; an empty one makes a client that is nobody.
func (s *Server) Client(t testing.TB, token string, options ...sdk.Option) *sdk.Client {
	t.Helper()
	c, err := sdk.New(s.URL, token, options...)
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	return c
}

// AddUser makes a user and returns a client and a token of theirs. It goes to the database: the address that the server tells may be none that answers.
func (s *Server) AddUser(t testing.TB, name string) (client *sdk.Client, token string) {
	t.Helper()
	ctx := t.Context()
	cfg := store.Config{Path: filepath.Join(s.cfg.Data, "lineitem.db"), NoSync: true}
	if s.cfg.DatabaseURL != "" {
		cfg = store.Config{DatabaseURL: s.cfg.DatabaseURL}
	}
	db, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	}()
	now := s.Clock.Now()
	user := identity.User{ID: identity.UserID(id.New("us", now)), Name: name, Role: identity.RoleUser, CreatedAt: now}
	if err := db.CreateUser(ctx, user); err != nil {
		t.Fatalf("create user %s: %v", name, err)
	}
	_, token, err = identity.NewService(db, db).CreateToken(ctx, now, identity.Actor{User: user}, "test", 0)
	if err != nil {
		t.Fatalf("create token of %s: %v", name, err)
	}
	return s.Client(t, token), token
}

// Tick lets every loop of the server look once.
func (s *Server) Tick(t testing.TB) {
	t.Helper()
	if _, err := s.App.Tick(context.Background()); err != nil {
		t.Fatalf("tick: %v", err)
	}
}

// Settle ticks until every cluster is as wanted, moving the clock on by a second between looks.
func (s *Server) Settle(t testing.TB) {
	t.Helper()
	const enough = 200
	for range enough {
		result, err := s.App.Tick(context.Background())
		if err != nil {
			t.Fatalf("tick: %v", err)
		}
		if result.Settled {
			return
		}
		s.Clock.Advance(time.Second)
	}
	t.Fatalf("clusters are not as wanted after %d looks", enough)
}

// RunCluster creates a cluster, lets it come up and returns it.
func (s *Server) RunCluster(t testing.TB, client *sdk.Client, in sdk.CreateClusterRequest) sdk.Cluster {
	t.Helper()
	c, err := client.CreateCluster(t.Context(), in)
	if err != nil {
		t.Fatalf("create cluster: %v", err)
	}
	s.Settle(t)
	c, err = client.GetCluster(t.Context(), c.ID)
	if err != nil {
		t.Fatalf("get cluster: %v", err)
	}
	return c
}

// Log is what the server has logged so far.
func (s *Server) Log() string { return s.log.String() }

// Do sends a request that a client would not, and returns the answer with its body read.
func (s *Server) Do(t testing.TB, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		t.Fatalf("%s %s: read answer: %v", r.Method, r.URL, err)
	}
	return response, body.Bytes()
}

func mint(t testing.TB, a *app.App) string {
	t.Helper()
	token, err := a.MintToken(context.Background(), "test", 365*24*time.Hour)
	if err != nil {
		t.Fatalf("mint token: %v", err)
	}
	return token
}
