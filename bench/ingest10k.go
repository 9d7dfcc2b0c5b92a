package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lineitem/lineitem/sdk"
)

// An organisation of 10,000 workers in 1,000 clusters, none of which Lineitem started: each scheduler posts the reports of its ten workers and its own every
// ten seconds, packed as the agent packs them.
const (
	fleetClusters = 1000
	fleetWorkers  = 10
	fleetEvery    = 10 * time.Second
	fleetRounds   = 13
	fleetMakers   = 8
	// fleetGzip is the agent's level.
	fleetGzip = 6
	// busyPause is what a server that is behind asks for.
	busyPause = 5 * time.Second
	// foldPatience bounds how long the restarted server may take to fold what it had not folded.
	foldPatience = 5 * time.Minute
)

var ingest10k = Benchmark{
	Name: "ingest10k",
	About: "10,000 workers in 1,000 clusters that report every 10 s for two minutes, then kill -9 and a restart: every acknowledged report must be there, folded once; " +
		"beside plain files that are synced after every post",
	Run: runIngest10k,
}

func runIngest10k(ctx context.Context, env *Env) (_ []Result, err error) {
	server, err := env.StartServer(ctx, "--backend", "fake")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	f, err := newFleet(ctx, server)
	if err != nil {
		return nil, err
	}
	env.Logf("ingest10k: %d posts are packed, %.1f KB each", len(f.clusters)*fleetRounds, f.postBytes()/1000)

	before, err := server.CPUSeconds()
	if err != nil {
		return nil, err
	}
	waits, err := f.run(ctx, f.poster(server), fleetRounds)
	if err != nil {
		return nil, err
	}
	after, err := server.CPUSeconds()
	if err != nil {
		return nil, err
	}
	behind, err := f.count(ctx, env, server)
	if err != nil {
		return nil, err
	}
	env.Logf("ingest10k: acknowledged in p50 %.1f, p99 %.1f, at most %.1f ms; %.2f cores; %d of %d reports wait to be folded, %d posts were put off; kill -9",
		quantile(waits, 0.5), quantile(waits, 0.99), slices.Max(waits), (after-before)/(fleetRounds*fleetEvery.Seconds()), behind.Unfolded, behind.Batches, f.refused.Load())
	if err := server.Kill(); err != nil {
		return nil, err
	}
	if err := server.Start(ctx); err != nil {
		return nil, err
	}
	kept, err := f.settle(ctx, env, server)
	if err != nil {
		return nil, err
	}
	fileWaits, err := f.baseline(ctx, server.Folder)
	if err != nil {
		return nil, err
	}
	p99, fileP99 := quantile(waits, 0.99), quantile(fileWaits, 0.99)
	reports := float64(f.acknowledged.Load())
	return []Result{
		{Name: "ingest10k_ack_p99", Unit: "ms", Value: p99, Baseline: fileP99, Ratio: p99 / fileP99, Target: AtMost("value", 100)},
		{
			Name: "ingest10k_cores", Unit: "cores", Value: (after - before) / (fleetRounds * fleetEvery.Seconds()), Baseline: 2,
			Ratio: (after - before) / (fleetRounds * fleetEvery.Seconds()) / 2, Target: AtMost("ratio", 1),
		},
		{Name: "ingest10k_kept", Unit: "reports", Value: float64(kept), Baseline: reports, Ratio: float64(kept) / reports, Target: AtLeast("ratio", 1)},
		{
			Name: "ingest10k_folded_meanwhile", Unit: "reports", Value: float64(behind.Batches - behind.Unfolded), Baseline: float64(behind.Batches),
			Ratio: float64(behind.Batches-behind.Unfolded) / float64(behind.Batches), Target: AtLeast("ratio", 0.9),
		},
	}, nil
}

// fleet is all clusters, with all that they will post.
type fleet struct {
	clusters []*fleetCluster
	// micros is the thread-time of all reports of workers.
	micros int64
	// acknowledged counts reports, refused the posts that the server put off.
	acknowledged, refused atomic.Int64
}

type fleetCluster struct {
	token string
	posts [][]byte
}

// newFleet announces the clusters and packs their posts beforehand: on two cores the senders must not take what the server needs.
func newFleet(ctx context.Context, server *Server) (*fleet, error) {
	client, err := server.Client()
	if err != nil {
		return nil, err
	}
	f := &fleet{clusters: make([]*fleetCluster, fleetClusters)}
	start := time.Now().UnixMicro()
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fleetMakers)
	for i := range f.clusters {
		group.Go(func() error {
			answer, err := client.WatchCluster(ctx, sdk.WatchRequest{
				SchedulerID: "Scheduler-" + strconv.Itoa(i), SchedulerAddress: "tcp://10.0.0.4:8786", Deployment: "kubernetes",
			})
			if err != nil {
				return fmt.Errorf("announce a cluster: %w", err)
			}
			c, micros, err := packCluster(answer, start)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			f.clusters[i] = c
			f.micros += micros
			return nil
		})
	}
	return f, group.Wait()
}

// packCluster makes all posts of one cluster, and returns the thread-time that they tell of.
func packCluster(answer sdk.WatchAnswer, start int64) (*fleetCluster, int64, error) {
	c := &fleetCluster{token: answer.AgentToken}
	scheduler := &schedulerReporter{process: answer.Process, epoch: rand.Text(), until: start}
	var workers []*reporter
	for i := range fleetWorkers {
		workers = append(workers, &reporter{process: fmt.Sprintf("%s-w-%d-1", answer.Cluster.ID, i), epoch: rand.Text(), until: start})
	}
	micros := int64(0)
	for round := range int64(fleetRounds) {
		at := start + (round+1)*fleetEvery.Microseconds()
		batch, err := scheduler.next(at, workers)
		if err != nil {
			return nil, 0, err
		}
		batches := [][]byte{batch}
		for _, w := range workers {
			micros += reportThreads * (at - w.until)
			if batch, err = w.next(at); err != nil {
				return nil, 0, err
			}
			batches = append(batches, batch)
		}
		plain, err := envelope(batches)
		if err != nil {
			return nil, 0, err
		}
		var packed bytes.Buffer
		zip, err := gzip.NewWriterLevel(&packed, fleetGzip)
		if err != nil {
			return nil, 0, err
		}
		if _, err := zip.Write(plain); err != nil {
			return nil, 0, err
		}
		if err := zip.Close(); err != nil {
			return nil, 0, err
		}
		c.posts = append(c.posts, packed.Bytes())
	}
	return c, micros, nil
}

func (f *fleet) postBytes() float64 {
	total, count := 0, 0
	for _, c := range f.clusters {
		for _, post := range c.posts {
			total += len(post)
			count++
		}
	}
	return float64(total) / float64(count)
}

// run lets every cluster post at its own moment of every ten seconds, whatever the answers take, and returns what each took in milliseconds, from when it was due.
func (f *fleet) run(ctx context.Context, deliver func(ctx context.Context, c *fleetCluster, body []byte) error, rounds int) ([]float64, error) {
	waits := make([][]float64, len(f.clusters))
	start := time.Now().Add(time.Second)
	group, ctx := errgroup.WithContext(ctx)
	for i, c := range f.clusters {
		group.Go(func() error {
			first := start.Add(fleetEvery * time.Duration(i) / time.Duration(len(f.clusters)))
			for round := range rounds {
				due := first.Add(time.Duration(round) * fleetEvery)
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return ctx.Err()
				}
				if err := deliver(ctx, c, c.posts[round]); err != nil {
					return err
				}
				waits[i] = append(waits[i], float64(time.Since(due).Microseconds())/1000)
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(waits...), err
}

// poster delivers to the server over connections that stay open, as agents do, and counts what is acknowledged as new.
func (f *fleet) poster(server *Server) func(ctx context.Context, c *fleetCluster, body []byte) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 2*fleetClusters, 2*fleetClusters
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var post func(ctx context.Context, c *fleetCluster, body []byte) error
	post = func(ctx context.Context, c *fleetCluster, body []byte) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/ingest/v1/batches", bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+c.token)
		request.Header.Set("Content-Type", "application/msgpack")
		request.Header.Set("Content-Encoding", "gzip")
		n, err := accepted(client, request)
		if errors.Is(err, errBusy) { // an agent keeps what was not taken, and comes again
			f.refused.Add(1)
			select {
			case <-time.After(busyPause):
				return post(ctx, c, body)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err == nil && n != fleetWorkers+1 {
			err = fmt.Errorf("%d of %d reports were accepted", n, fleetWorkers+1)
		}
		f.acknowledged.Add(int64(n))
		return err
	}
	return post
}

// stored is what the database holds, as ingest_count.py prints it.
type stored struct {
	Batches  int64 `json:"batches"`
	Unfolded int64 `json:"unfolded"`
	// Micros is the thread-time of all that is folded, Work that of work among it, Lines that of work once more, by line.
	Micros int64 `json:"micros"`
	Work   int64 `json:"work"`
	Lines  int64 `json:"lines"`
}

func (f *fleet) count(ctx context.Context, env *Env, server *Server) (stored, error) {
	var s stored
	return s, env.RunPython(ctx, "ingest_count.py", nil, &s, server.Database())
}

// settle waits until all is folded and returns how many reports are kept; an error unless their thread-time is that of what was sent, so that each counts once.
func (f *fleet) settle(ctx context.Context, env *Env, server *Server) (int64, error) {
	start := time.Now()
	for {
		s, err := f.count(ctx, env, server)
		if err != nil {
			return 0, err
		}
		switch {
		case s.Unfolded == 0 && (s.Micros != f.micros || s.Lines != s.Work):
			return s.Batches, fmt.Errorf("%d us of thread-time are folded (%d of work, %d on lines), %d were acknowledged: something counts twice or not at all",
				s.Micros, s.Work, s.Lines, f.micros)
		case s.Unfolded == 0:
			env.Logf("ingest10k: all %d reports are there and counted once, %s after the restart", s.Batches, time.Since(start).Round(time.Second))
			return s.Batches, nil
		case time.Since(start) > foldPatience:
			return s.Batches, fmt.Errorf("%d of %d reports are not folded %s after the restart", s.Unfolded, s.Batches, foldPatience)
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// baseline posts a round to plain files, one for each cluster, that are synced after every post: the least that "durable" can mean.
func (f *fleet) baseline(ctx context.Context, folder string) ([]float64, error) {
	files := map[*fleetCluster]*os.File{}
	defer func() {
		for _, file := range files {
			_ = file.Close() // it was synced
		}
	}()
	for i, c := range f.clusters {
		file, err := os.Create(filepath.Join(folder, fmt.Sprintf("fleet-%d", i)))
		if err != nil {
			return nil, err
		}
		files[c] = file
	}
	return f.run(ctx, func(_ context.Context, c *fleetCluster, body []byte) error {
		if _, err := files[c].Write(body); err != nil {
			return err
		}
		return files[c].Sync()
	}, 1)
}
