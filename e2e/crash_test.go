package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	_ "modernc.org/sqlite" // reads the server's database when the server is gone

	"github.com/lineitem/lineitem/sdk"
)

// TestKilledAtAnyMoment kills the server with SIGKILL at ten moments of a cluster's life and starts another one on the same
// data. What was wanted is adopted and works on, what was not is ended, and no acknowledged telemetry is lost or doubled.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	scale := func(n int) func(id string) {
		return func(id string) {
			if _, err := s.client.ScaleCluster(t.Context(), id, sdk.ScaleRequest{Workers: n}); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop := func(id string) {
		if _, err := s.client.StopCluster(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(string) {}
	up := func(id string) { s.waitFor(id, "running", 1) }
	for _, moment := range []struct {
		name       string
		before, at func(id string)
		after      time.Duration
		workers    int
		wanted     bool
	}{
		{"as soon as it was asked for", nothing, nothing, 0, 1, true},
		{"while its processes are launched", nothing, nothing, 30 * time.Millisecond, 1, true},
		{"while Python starts", nothing, nothing, 300 * time.Millisecond, 1, true},
		{"while the worker connects", nothing, nothing, 1500 * time.Millisecond, 1, true},
		{"when it runs", up, nothing, 0, 1, true},
		{"when it runs and has reported", up, nothing, 4 * time.Second, 1, true},
		{"when it grows", up, scale(2), 50 * time.Millisecond, 2, true},
		{"when it shrinks", up, scale(0), 50 * time.Millisecond, 0, true},
		{"as soon as it is to stop", up, stop, 0, 0, false},
		{"while it stops", up, stop, 400 * time.Millisecond, 0, false},
	} {
		t.Run(moment.name, func(t *testing.T) {
			s.t = t
			c := s.create(1)
			moment.before(c.ID)
			sender := startSender(t, s, c.ID)
			moment.at(c.ID)
			pause(t, moment.after)
			s.kill()
			s.restart()
			if moment.wanted {
				s.waitFor(c.ID, "running", moment.workers)
				sender.finish()
				s.stop(c.ID)
			} else {
				sender.finish()
				s.waitFor(c.ID, "stopped", 0)
			}
			if left := s.survivors(); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			sender.check(s.bill(c.ID))
		})
	}
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// sender posts telemetry of a worker that does not exist, one batch after another, and remembers what was acknowledged.
// It sends a batch again until there is an answer, as an agent does.
type sender struct {
	t         *testing.T
	s         *server
	clusterID string
	epoch     string
	stop      context.CancelFunc
	done      sync.WaitGroup
	acked     []int64
	doubtful  int64
}

func startSender(t *testing.T, s *server, clusterID string) *sender {
	t.Helper()
	var epoch [16]byte
	_, _ = rand.Read(epoch[:])
	ctx, cancel := context.WithCancel(t.Context())
	out := &sender{t: t, s: s, clusterID: clusterID, epoch: hex.EncodeToString(epoch[:]), stop: cancel, doubtful: -1}
	url := "http://" + s.listen + "/ingest/v1/batches"
	out.done.Go(func() { out.run(ctx, url) })
	return out
}

// token reads the agent token from where the local backend put it for the scheduler.
func (o *sender) token() string {
	files, err := filepath.Glob(filepath.Join(o.s.data, "local", "clusters", o.clusterID, "credentials", "*", "agent-token"))
	if err != nil || len(files) == 0 {
		return ""
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (o *sender) run(ctx context.Context, url string) {
	token := ""
	for seq := int64(0); ctx.Err() == nil; {
		if token == "" {
			if token = o.token(); token == "" {
				wait(ctx, 10*time.Millisecond)
				continue
			}
		}
		o.doubtful = seq
		if !o.post(ctx, url, token, seq) {
			wait(ctx, 20*time.Millisecond)
			continue
		}
		o.acked = append(o.acked, seq)
		seq++
		wait(ctx, 5*time.Millisecond) // a fast agent, not a flood
	}
}

// post reports whether the batch was acknowledged.
func (o *sender) post(ctx context.Context, url, token string, seq int64) bool {
	t0 := int64(1_790_000_000_000_000) + seq*1000
	batch, err := msgpack.Marshal(map[string]any{
		"v": 1, "kind": "worker", "process": o.clusterID + "-w-99-1", "epoch": o.epoch, "seq": seq,
		"t0_us": t0, "t1_us": t0 + 1000, "nthreads": 1, "idle": map[string]int64{"no_work": 1000},
	})
	if err != nil {
		o.t.Error(err)
		return false
	}
	body, err := msgpack.Marshal(map[string]any{"v": 1, "batches": [][]byte{batch}})
	if err != nil {
		o.t.Error(err)
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		o.t.Error(err)
		return false
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Accepted, Duplicates int }
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&answer) != nil {
		return false
	}
	if answer.Accepted+answer.Duplicates != 1 {
		o.t.Errorf("the answer to one batch is %+v", answer)
	}
	return true
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (o *sender) finish() {
	o.stop()
	o.done.Wait()
}

// check looks into the database for what was acknowledged: each batch is there once, and was folded once (the bill was read before). The
// one that was on its way at the end may be there or not.
func (o *sender) check(sdk.Bill) {
	o.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.s.data, "lineitem.db")+"?mode=ro")
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for table, query := range map[string]string{
		"batches":        "SELECT seq, count(*) FROM batches WHERE cluster_id = ? AND epoch = ? GROUP BY seq",
		"category_usage": "SELECT (start_at - 1790000000000000) / 1000, sum(thread_micros) / 1000 FROM category_usage WHERE cluster_id = ? AND epoch = ? GROUP BY start_at",
	} {
		got, err := o.read(db, query)
		if err != nil {
			o.t.Fatal(err)
		}
		if err := o.compare(got); err != nil {
			o.t.Errorf("%s: %v", table, err)
		}
	}
	o.t.Logf("%d batches acknowledged, all there once", len(o.acked))
}

// read returns the second column by the first.
func (o *sender) read(db *sql.DB, query string) (map[int64]int64, error) {
	rows, err := db.QueryContext(o.t.Context(), query, o.clusterID, o.epoch)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	got := map[int64]int64{}
	for rows.Next() {
		var seq, n int64
		if err := rows.Scan(&seq, &n); err != nil {
			return nil, err
		}
		got[seq] = n
	}
	return got, rows.Err()
}

func (o *sender) compare(got map[int64]int64) error {
	for _, seq := range o.acked {
		if got[seq] != 1 {
			return fmt.Errorf("batch %d was acknowledged and is there %d times", seq, got[seq])
		}
		delete(got, seq)
	}
	delete(got, o.doubtful)
	if len(got) > 0 {
		return fmt.Errorf("%v were never acknowledged or sent", got)
	}
	return nil
}
