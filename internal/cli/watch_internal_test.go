package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/internal/watch"
	"github.com/lineitem/lineitem/sdk"
)

// refusals is a server that answers as it is told, one status after the other, and then takes everything.
type refusals struct {
	mu       sync.Mutex
	statuses []int
	// most is how many batches it takes at once, 0 for any number.
	most  int
	taken []byte
	asked chan struct{}
}

func (r *refusals) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var post struct {
		Batches [][]byte `msgpack:"batches"`
	}
	if err == nil {
		err = msgpack.Unmarshal(body, &post)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.asked <- struct{}{} }()
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case len(r.statuses) > 0:
		w.WriteHeader(r.statuses[0])
		r.statuses = r.statuses[1:]
	case r.most > 0 && len(post.Batches) > r.most:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	default:
		for _, b := range post.Batches {
			r.taken = append(r.taken, b...)
		}
		_, _ = io.WriteString(w, `{"accepted":1,"rejected":[{"index":0,"code":"invalid_batch","message":"It does not add up."}],"knobs":{"source_text":true}}`)
	}
}

func newRefusals(t *testing.T, r *refusals) *poster {
	t.Helper()
	r.asked = make(chan struct{}, 1000)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	client, err := sdk.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return newPoster(client, "lia_1", "test")
}

func TestPostingHalvesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	server := &refusals{most: 3}
	p := newRefusals(t, server)
	want := []byte("abcdefghij")
	for _, b := range want {
		p.add([]byte{b})
	}
	if err := p.drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(server.taken, want) {
		t.Errorf("it got %q", server.taken)
	}
	if waiting, dropped, rejected := p.state(); waiting != 0 || dropped != 0 || rejected != "It does not add up." || !p.wantsSource() {
		t.Errorf("%d wait, %d dropped, rejected %q", waiting, dropped, rejected)
	}
}

// A server that cannot is asked again, until it can; nothing is sent twice or left out.
func TestPostingGoesOnAfterFailures(t *testing.T) {
	t.Parallel()
	server := &refusals{statuses: []int{http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusTooManyRequests}}
	p := newRefusals(t, server)
	p.pause = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	p.add([]byte{'a'}, []byte{'b'})
	for range 4 {
		<-server.asked
	}
	p.add([]byte{'c'})
	<-server.asked
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ends with %v", err)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if string(server.taken) != "abc" {
		t.Errorf("it got %q", server.taken)
	}
}

// A token that was revoked will not become good again: somebody else measures the cluster now.
func TestPostingEndsWithItsToken(t *testing.T) {
	t.Parallel()
	server := &refusals{statuses: []int{http.StatusUnauthorized}}
	p := newRefusals(t, server)
	p.add([]byte{'a'})
	var refused *sdk.APIError
	if err := p.run(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		t.Errorf("it ends with %v", err)
	}
}

func TestVersionsThatAreTooOld(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"2021.4.1": true, "2022.11.9": true, "2022.12.0": false, "2024.12.1": false, "2026.8.0+12.gabc": false, "unknown": false, "": false, "2.30.0": true,
	} {
		if got := tooOld(version); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}

func TestTheClockNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	passed, day := time.Duration(0), noon
	c := clock{start: noon, passed: func() time.Duration { return passed }, day: func() time.Time { return day }}
	for _, step := range []struct {
		count, day, want time.Duration // since noon
	}{
		{time.Second, time.Second, time.Second},
		{2 * time.Second, -time.Hour, 2 * time.Second},                           // somebody set the time back
		{3 * time.Second, 9 * time.Second, 3 * time.Second},                      // a little off
		{4 * time.Second, time.Hour, time.Hour},                                  // the machine slept
		{5 * time.Second, time.Hour + time.Second, time.Hour + time.Second},      // and goes on
		{6 * time.Second, time.Hour - 30*time.Minute, time.Hour + 2*time.Second}, // back once more
		{7 * time.Second, 2 * time.Hour, 2 * time.Hour},                          // slept again
	} {
		passed, day = step.count, noon.Add(step.day)
		if got := c.now().Sub(noon); got != step.want {
			t.Errorf("count %v, day %v: %v, want %v", step.count, step.day, got, step.want)
		}
	}
	c = newClock()
	for last, i := c.now(), 0; i < 1000; i++ {
		now := c.now()
		if now.Before(last) {
			t.Fatalf("%v after %v", now, last)
		}
		last = now
	}
	for range 1000 {
		if d := jitter(time.Second); d < 800*time.Millisecond || d > 1200*time.Millisecond {
			t.Fatalf("a second became %v", d)
		}
	}
}

// TestStatusOfWatching says in one line how things are, with the cost that the server knows.
func TestStatusOfWatching(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	answer, err := s.User.WatchCluster(t.Context(), sdk.WatchRequest{SchedulerID: "S-1", SchedulerAddress: "tcp://lab:8786", Method: "sampled"})
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(2 * time.Hour)
	var said bytes.Buffer
	w := watcher{client: s.User, cluster: answer.Cluster, progress: newProgress(&said), post: newPoster(s.User, answer.AgentToken, "test")}
	p := watch.Poll{Identity: dask.Identity{Workers: []dask.Worker{{Threads: 4, Executing: 2, LongRunning: 1}, {Threads: 4}}}}
	w.status(t.Context(), p)
	w.post.rejected = "It does not add up."
	for range waitingIsMany + 1 {
		w.post.outbox.Add([]byte{1})
	}
	w.status(t.Context(), watch.Poll{Identity: dask.Identity{Workers: make([]dask.Worker, 1)}})
	w.post.outbox.Add(make([]byte, outboxBytes))
	w.client, err = sdk.New("http://127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	w.status(t.Context(), watch.Poll{})
	want := `2 workers, 3 of 8 threads at work, $0.090 so far.
1 worker, 0 of 0 threads at work, $0.090 so far; the server did not take a report: It does not add up; the server is away: 1001 reports waiting.
0 workers, 0 of 0 threads at work; the server did not take a report: It does not add up; the server is away: 1 report waiting, 1001 lost.
`
	if said.String() != want {
		t.Errorf("it says:\n%s\nwant:\n%s", said.String(), want)
	}
}
