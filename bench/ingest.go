package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lineitem/lineitem/sdk"
)

// What an installation of 10,000 workers in 1,000 clusters sends that report every 10 s: 100 posts a second of 10 reports each.
const (
	ingestClusters    = 100
	ingestWorkers     = 10
	ingestPostsPerSec = 100
	ingestSenders     = 16
	ingestSeconds     = 15
)

var ingest = Benchmark{
	Name: "ingest",
	About: "telemetry into one server: at the pace of 10,000 workers every 10 s, then as fast as it takes it; " +
		"beside plain files that are synced after every post",
	Run: runIngest,
}

func runIngest(ctx context.Context, env *Env) (_ []Result, err error) {
	server, err := env.StartServer(ctx, "--backend", "fake")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	senders, err := makeSenders(ctx, env, server)
	if err != nil {
		return nil, err
	}

	// First at the pace: what full speed leaves to fold would burden it.
	waits, err := paced(ctx, senders, post(server))
	if err != nil {
		return nil, err
	}
	rate, err := fullSpeed(ctx, senders, post(server))
	if err != nil {
		return nil, err
	}
	files, err := newFiles(server.Folder, len(senders))
	if err != nil {
		return nil, err
	}
	fileRate, err := fullSpeed(ctx, senders, files.write)
	if err != nil {
		return nil, err
	}
	fileWaits, err := paced(ctx, senders, files.write)
	if err != nil {
		return nil, errors.Join(err, files.close())
	}
	p99, fileP99 := quantile(waits, 0.99), quantile(fileWaits, 0.99)
	return []Result{
		{
			Name: "ingest_rate", Unit: "batches/s", Value: rate, Baseline: fileRate, Ratio: rate / fileRate,
			Target: AtLeast("value", ingestPostsPerSec*ingestWorkers),
		},
		{Name: "ingest_ack_p99", Unit: "ms", Value: p99, Baseline: fileP99, Ratio: p99 / fileP99, Target: AtMost("value", 100)},
	}, files.close()
}

// sender is the scheduler of one cluster: it has its token and relays the reports of its workers.
type sender struct {
	index   int
	token   string
	workers []*reporter
}

// makeSenders makes clusters and reads their agent tokens where the server keeps them: only a scheduler is ever given its token.
func makeSenders(ctx context.Context, env *Env, server *Server) ([]*sender, error) {
	client, err := server.Client()
	if err != nil {
		return nil, err
	}
	var group errgroup.Group
	group.SetLimit(ingestSenders)
	for range ingestClusters {
		group.Go(func() error {
			_, err := client.CreateCluster(ctx, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 1, Threads: reportThreads}})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("create clusters: %w", err)
	}
	var tokens map[string]string
	if err := env.RunPython(ctx, "agent_tokens.py", nil, &tokens, server.Database()); err != nil {
		return nil, err
	}
	if len(tokens) != ingestClusters {
		return nil, fmt.Errorf("%d clusters have %d agent tokens", ingestClusters, len(tokens))
	}
	start := time.Now().UnixMicro()
	var senders []*sender
	for cluster, token := range tokens {
		s := &sender{index: len(senders), token: token}
		for i := range ingestWorkers {
			s.workers = append(s.workers, &reporter{process: fmt.Sprintf("%s-w-%d-1", cluster, i), epoch: rand.Text(), until: start})
		}
		senders = append(senders, s)
	}
	return senders, nil
}

// body makes the sender's next post: the reports of all its workers up to now.
func (s *sender) body() ([]byte, error) {
	now := time.Now().UnixMicro()
	var batches [][]byte
	for _, w := range s.workers {
		batch, err := w.next(now)
		if err != nil {
			return nil, err
		}
		batches = append(batches, batch)
	}
	return envelope(batches)
}

// deliver makes a post durable somewhere, or fails.
type deliver func(ctx context.Context, s *sender, body []byte) error

// post delivers to the server, and checks that every report was new to it and accepted: nothing lost, nothing doubled.
func post(server *Server) deliver {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 2 * ingestClusters
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	return func(ctx context.Context, s *sender, body []byte) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/ingest/v1/batches", bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+s.token)
		request.Header.Set("Content-Type", "application/msgpack")
		n, err := accepted(client, request)
		if err == nil && n != len(s.workers) {
			err = fmt.Errorf("%d of %d reports were accepted", n, len(s.workers))
		}
		return err
	}
}

// errBusy is the answer of a server that is behind.
var errBusy = errors.New("the server is busy")

// accepted sends a post and returns how many of its reports were new.
func accepted(client *http.Client, request *http.Request) (int, error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Accepted int `json:"accepted"`
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		return 0, fmt.Errorf("%w: %s", errBusy, text)
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the server answered %s: %s", response.Status, text)
	}
	return answer.Accepted, json.Unmarshal(text, &answer)
}

// fullSpeed lets a few senders at a time post as fast as they are answered, and returns reports a second.
func fullSpeed(ctx context.Context, senders []*sender, to deliver) (float64, error) {
	var delivered atomic.Int64
	start := time.Now()
	end := start.Add(ingestSeconds * time.Second)
	group, ctx := errgroup.WithContext(ctx)
	circles := make([][]*sender, ingestSenders) // each sender is in one, as it must not be used by two at once
	for i, s := range senders {
		circles[i%ingestSenders] = append(circles[i%ingestSenders], s)
	}
	for _, circle := range circles {
		group.Go(func() error {
			for i := 0; time.Now().Before(end); i++ {
				s := circle[i%len(circle)]
				body, err := s.body()
				if err != nil {
					return err
				}
				if err := to(ctx, s, body); err != nil {
					return err
				}
				delivered.Add(int64(len(s.workers)))
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(delivered.Load()) / time.Since(start).Seconds(), err
}

// paced posts at a fixed pace whatever the answers take, and returns what each took in milliseconds, from when it was due: a
// server that stalls makes all the posts late that were due meanwhile.
func paced(ctx context.Context, senders []*sender, to deliver) ([]float64, error) {
	var mu sync.Mutex
	var waits []float64
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for first, s := range senders {
		group.Go(func() error {
			for i := first; i < ingestPostsPerSec*ingestSeconds; i += len(senders) {
				due := start.Add(time.Duration(i) * time.Second / ingestPostsPerSec)
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return ctx.Err()
				}
				body, err := s.body()
				if err != nil {
					return err
				}
				if err := to(ctx, s, body); err != nil {
					return err
				}
				mu.Lock()
				waits = append(waits, float64(time.Since(due).Microseconds())/1000)
				mu.Unlock()
			}
			return nil
		})
	}
	return waits, group.Wait()
}

// files are the baseline: each sender's posts appended to a file of its own and synced, which is the least that "durable" can mean.
type files struct{ all []*os.File }

func newFiles(folder string, count int) (*files, error) {
	f := &files{}
	for i := range count {
		file, err := os.Create(filepath.Join(folder, fmt.Sprintf("baseline-%d", i)))
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.all = append(f.all, file)
	}
	return f, nil
}

func (f *files) write(_ context.Context, s *sender, body []byte) error {
	file := f.all[s.index]
	if _, err := file.Write(body); err != nil {
		return err
	}
	return file.Sync()
}

func (f *files) close() error {
	var failures []error
	for _, file := range f.all {
		failures = append(failures, file.Close())
	}
	return errors.Join(failures...)
}
