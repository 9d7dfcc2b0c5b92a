package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/ingest"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

const token = "lia_secret"

type retirees map[cluster.ID][]string

func (r retirees) Retiring(id cluster.ID) []string { return r[id] }

// newHandler serves one cluster, cl_test, over a real database.
func newHandler(t *testing.T) (*ingest.Handler, *store.DB) {
	t.Helper()
	db := storetest.Open(t, store.SQLite)
	user := identity.User{ID: "us_1", Name: "ana", Role: identity.RoleAdmin, CreatedAt: time.Now()}
	c := cluster.Cluster{ID: "cl_test", Name: "test", OwnerID: user.ID, Backend: "fake", Status: cluster.StatusRunning, Target: cluster.TargetRunning, CreatedAt: time.Now()}
	for _, err := range []error{
		db.CreateUser(t.Context(), user), db.CreateCluster(t.Context(), c),
		db.SetCredentials(t.Context(), c.ID, cluster.CredentialSet{}, cluster.AgentToken{Hash: cluster.HashAgentToken(token), Text: token}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h := ingest.New(ingest.Config{
		Tokens: db, Appender: db, Retirees: retirees{"cl_test": {"w-1"}}, Knobs: ingest.Knobs{SourceText: true, RateHz: 20, FlushSeconds: 5},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	return h, db
}

type reply struct {
	status               int
	Code                 string
	Message              string
	Accepted, Duplicates int
	Rejected             []struct {
		Index   int
		Message string
	}
	Knobs  ingest.Knobs
	Retire []string
}

func post(t testing.TB, h http.Handler, body []byte, change ...func(*http.Request)) reply {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/ingest/v1/batches", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := reply{status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, w.Body)
	}
	return out
}

func envelope(t testing.TB, batches ...[]byte) []byte {
	t.Helper()
	return pack(t, map[string]any{"v": 1, "agent": "0.1.0", "batches": batches})
}

// numbered returns the message with another sequence number.
func numbered(t testing.TB, seq int) []byte {
	t.Helper()
	m := message()
	m["seq"] = seq
	return pack(t, m)
}

func stored(t *testing.T, db *store.DB) int {
	t.Helper()
	batches, err := db.UnfoldedBatches(context.WithoutCancel(t.Context()), "cl_test", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(batches)
}

func TestABatchIsStoredOnce(t *testing.T) {
	t.Parallel()
	h, db := newHandler(t)
	got := post(t, h, envelope(t, numbered(t, 0), numbered(t, 1)))
	if got.status != 200 || got.Accepted != 2 || len(got.Retire) != 1 || got.Retire[0] != "w-1" || !got.Knobs.SourceText {
		t.Fatalf("%+v", got)
	}
	got = post(t, h, envelope(t, numbered(t, 1), numbered(t, 2)))
	if got.Accepted != 1 || got.Duplicates != 1 || stored(t, db) != 3 {
		t.Fatalf("%+v, %d stored", got, stored(t, db))
	}
	if got = post(t, h, envelope(t)); got.status != 200 {
		t.Fatalf("a heartbeat is refused: %+v", got)
	}
}

func TestGzipIsUnderstood(t *testing.T) {
	t.Parallel()
	h, db := newHandler(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(envelope(t, numbered(t, 0))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	asGzip := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	if got := post(t, h, packed.Bytes(), asGzip); got.Accepted != 1 || stored(t, db) != 1 {
		t.Fatalf("%+v", got)
	}
}

func TestTheGoodBatchesOfAPostStand(t *testing.T) {
	t.Parallel()
	h, db := newHandler(t)
	broken := message()
	broken["idle"] = map[string]any{"no_work": 1}
	foreign := message()
	foreign["process"] = "cl_other-w-0-1"
	got := post(t, h, envelope(t, numbered(t, 0), pack(t, broken), []byte("rubbish"), pack(t, foreign), numbered(t, 1)))
	if got.status != 200 || got.Accepted != 2 || len(got.Rejected) != 3 || stored(t, db) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, index := range []int{1, 2, 3} {
		if r := got.Rejected[i]; r.Index != index || !strings.HasSuffix(r.Message, ".") {
			t.Errorf("rejection %d is %+v", i, r)
		}
	}
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	h, db := newHandler(t)
	good := envelope(t, numbered(t, 0))
	many := make([][]byte, 1001)
	for i := range many {
		many[i] = []byte{}
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tc := range map[string]struct {
		body   []byte
		change func(*http.Request)
		status int
	}{
		"no token":            {good, func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"a wrong token":       {good, header("Authorization", "Bearer lia_guess"), 401},
		"another scheme":      {good, header("Authorization", "Basic "+token), 401},
		"not msgpack":         {[]byte("{\"v\":1}"), func(*http.Request) {}, 400},
		"nothing":             {nil, func(*http.Request) {}, 400},
		"another version":     {pack(t, map[string]any{"v": 2}), func(*http.Request) {}, 400},
		"not gzip":            {good, header("Content-Encoding", "gzip"), 400},
		"another encoding":    {good, header("Content-Encoding", "br"), 400},
		"too many batches":    {envelope(t, many...), func(*http.Request) {}, 413},
		"9 MiB":               {make([]byte, 9<<20), func(*http.Request) {}, 413},
		"16 MiB, well packed": {bomb.Bytes(), header("Content-Encoding", "gzip"), 413},
	} {
		got := post(t, h, tc.body, tc.change)
		if got.status != tc.status || got.Code == "" || !strings.HasSuffix(got.Message, ".") {
			t.Errorf("%s: %d %s %q, want %d and a sentence", name, got.status, got.Code, got.Message, tc.status)
		}
	}
	if n := stored(t, db); n != 0 {
		t.Errorf("%d batches were stored", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestManyAtOnceLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	h, db := newHandler(t)
	const senders, each = 16, 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				m := message()
				m["epoch"], m["seq"] = fmt.Sprint(s/2), i // two senders share an epoch and send the same batches
				got := post(t, h, envelope(t, pack(t, m)))
				mu.Lock()
				accepted += got.Accepted
				mu.Unlock()
				if got.status != 200 {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
	if want := senders / 2 * each; accepted != want || stored(t, db) != want {
		t.Errorf("accepted %d, stored %d, want %d", accepted, stored(t, db), want)
	}
}

// broken fails to store.
type broken struct{}

func (broken) AppendBatches(context.Context, []usage.RawBatch) ([]bool, error) {
	return nil, fmt.Errorf("the disk is full")
}

func TestWhatCouldNotBeStoredIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	_, db := newHandler(t)
	h := ingest.New(ingest.Config{Tokens: db, Appender: broken{}, Retirees: retirees{}, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	got := post(t, h, envelope(t, numbered(t, 0)))
	if got.status != 503 || strings.Contains(got.Message, "disk") {
		t.Errorf("%+v", got)
	}
}

// watched notes whether the handler is busy while it stores.
type watched struct {
	ingest.Appender
	busy func() bool
	was  bool
}

func (w *watched) AppendBatches(ctx context.Context, batches []usage.RawBatch) ([]bool, error) {
	w.was = w.busy()
	return w.Appender.AppendBatches(ctx, batches)
}

func TestBusyWhileAnAgentWaits(t *testing.T) {
	t.Parallel()
	_, db := newHandler(t)
	w := &watched{Appender: db}
	h := ingest.New(ingest.Config{Tokens: db, Appender: w, Retirees: retirees{}, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	w.busy = h.Busy
	if h.Busy() {
		t.Error("busy before anything was posted")
	}
	if got := post(t, h, envelope(t, numbered(t, 0))); got.Accepted != 1 {
		t.Fatalf("the post is answered %+v", got)
	}
	if !w.was || h.Busy() {
		t.Errorf("busy within the post: %v, after it: %v", w.was, h.Busy())
	}
}
