package api_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// observer posts telemetry of a watched cluster as an agent does.
type observer struct {
	s     *servertest.Server
	token string
	epoch string
	seq   int
}

func newObserver(s *servertest.Server, answer sdk.WatchAnswer) *observer {
	return &observer{s: s, token: answer.AgentToken, epoch: hex.EncodeToString([]byte(answer.Process[len(answer.Process)-8:]))}
}

// post sends batches; none is a heartbeat. It returns the status and the rejections.
func (o *observer) post(t *testing.T, batches ...map[string]any) (status int, rejected []any) {
	t.Helper()
	packed := make([][]byte, len(batches))
	for i, b := range batches {
		b["v"], b["epoch"], b["seq"] = 1, o.epoch, o.seq
		o.seq++
		var err error
		if packed[i], err = msgpack.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	body, err := msgpack.Marshal(map[string]any{"v": 1, "agent": "test", "batches": packed})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.s.URL+"/ingest/v1/batches", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+o.token)
	r.Header.Set("Content-Type", "application/msgpack")
	response, data := o.s.Do(t, r)
	var answer struct {
		Rejected []any `json:"rejected"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatalf("%d %s", response.StatusCode, data)
	}
	return response.StatusCode, answer.Rejected
}

func schedulerBatch(process string, from, to time.Time, more map[string]any) map[string]any {
	b := map[string]any{"kind": "scheduler", "process": process, "t0_us": from.UnixMicro(), "t1_us": to.UnixMicro()}
	for k, v := range more {
		b[k] = v
	}
	return b
}

func workerBatch(process string, from, to time.Time, threads int64, idle string) map[string]any {
	capacity := threads * to.Sub(from).Microseconds()
	return map[string]any{
		"kind": "worker", "process": process, "t0_us": from.UnixMicro(), "t1_us": to.UnixMicro(), "nthreads": threads,
		"idle": map[string]int64{idle: capacity},
	}
}

func announce(t *testing.T, client *sdk.Client, scheduler string) sdk.WatchAnswer {
	t.Helper()
	answer, err := client.WatchCluster(t.Context(), sdk.WatchRequest{
		SchedulerAddress: "tcp://lab-7.example:8786", DashboardURL: "http://lab-7.example:8787/status", SchedulerID: scheduler, Deployment: "manual",
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// The whole life of a cluster that Lineitem did not start, to the nano-unit: a scheduler of one core and 1 GB at 0.045 an hour, a worker of two cores
// and 2 GB at 0.09.
func TestWatchedClusterLivesAndEnds(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	began := s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	c := answer.Cluster
	if !c.Watched || c.Backend != "watched" || c.Status != "running" || c.Deployment != "manual" || c.Method != "agent" || c.Owner.Name != "ana" ||
		!strings.HasPrefix(c.Name, "lab-7.example-") || c.SchedulerAddress != "tcp://lab-7.example:8786" || c.LastSeenAt == nil || c.Away {
		t.Errorf("cluster = %+v", c)
	}
	o := newObserver(s, answer)
	worker := c.ID + "-w.1-0123abcd"

	// Worker time comes before the row that says what the worker is.
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	o.post(t, workerBatch(worker, began.Add(3*time.Second), now, 2, "no_work"), workerBatch(c.ID+"-lost-4567cdef", now, now, 3, "no_work"))
	s.Tick(t)
	early, err := s.User.ListProcesses(t.Context(), c.ID)
	if err != nil || len(early.Items) != 3 || early.Items[1].Name != "w.1" || early.Items[1].RateNanosPerHour != 80_000_000 || early.Items[2].Threads != 3 {
		t.Errorf("processes without rows: %+v, %v", early, err)
	}
	gone := map[string]any{
		"process": c.ID + "-lost-4567cdef", "name": "lost", "nthreads": 3, "memory_bytes": 1, "started_us": now.UnixMicro(), "ended_us": now.UnixMicro(),
	}
	row := map[string]any{
		"process": worker, "name": "w.1", "host": "lab-8", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.Add(2 * time.Second).UnixMicro(),
		"ended_us": 0, "reason": "", "lost_tasks": 0,
	}
	o.post(t, schedulerBatch(answer.Process, began, now, map[string]any{
		"workers": []any{row, gone}, "cluster": map[string]any{"deployment": "jobqueue", "scheduler_address": "tcp://10.0.0.7:8786", "dashboard": "javascript:alert(1)"},
	}))
	s.Tick(t)
	processes, err := s.User.ListProcesses(t.Context(), c.ID)
	if err != nil || len(processes.Items) != 3 {
		t.Fatalf("processes = %+v, %v", processes, err)
	}
	w := processes.Items[1]
	if w.ID != worker || w.Name != "w.1" || w.Threads != 2 || w.RateNanosPerHour != 90_000_000 || w.Status != "running" ||
		!w.StartedAt.Equal(began.Add(2*time.Second)) || w.Handle != "lab-8" {
		t.Errorf("worker = %+v", w)
	}
	c, err = s.User.GetCluster(t.Context(), c.ID)
	if err != nil || c.Deployment != "jobqueue" || c.SchedulerAddress != "tcp://10.0.0.7:8786" || c.DashboardURL != "http://lab-7.example:8787/status" ||
		c.WorkersRunning != 1 || c.RateNanosPerHour != 135_000_000 {
		t.Errorf("cluster = %+v, %v", c, err)
	}
	bill, err := s.User.Bill(t.Context(), c.ID)
	if err != nil || bill.CapacitySeconds != 16 || bill.CoverageSeconds < 14 || bill.UnknownNanos != 0 || bill.TotalNanos != 10*12_500+8*25_000 {
		t.Errorf("bill = %+v, %v", bill, err)
	}

	// The worker is lost with what it was doing, the scheduler ends.
	s.Clock.Advance(20 * time.Second)
	row["ended_us"], row["lost_tasks"] = began.Add(20*time.Second).UnixMicro(), 3
	o.post(t, schedulerBatch(answer.Process, now, s.Clock.Now(), map[string]any{"workers": []any{row}, "final": true}))
	s.Clock.Advance(time.Hour)
	s.Tick(t)
	c, err = s.User.GetCluster(t.Context(), c.ID)
	if err != nil || c.Status != "stopped" || c.Target != "stopped" || !c.EndedAt.Equal(began.Add(30*time.Second)) || c.RateNanosPerHour != 0 {
		t.Errorf("cluster = %+v, %v", c, err)
	}
	if want := int64(30*12_500 + 18*25_000); c.CostNanos != want {
		t.Errorf("cost = %d, want %d", c.CostNanos, want)
	}
	events, err := s.User.ListEvents(t.Context(), c.ID, 0)
	if err != nil || len(events.Items) != 3 || events.Items[0].Kind != "stopped" || events.Items[1].Kind != "worker_lost" ||
		events.Items[1].Message != "Worker w.1 vanished while 3 tasks ran on it" || events.Items[2].Kind != "watched" {
		t.Errorf("events = %+v, %v", events, err)
	}

	// Late telemetry does not bring it back, announcing it does, with another token; both are good.
	o.post(t)
	s.Tick(t)
	if c, err = s.User.GetCluster(t.Context(), c.ID); err != nil || c.Status != "stopped" {
		t.Errorf("cluster = %+v, %v", c, err)
	}
	again := announce(t, s.User, "Scheduler-1")
	if again.Cluster.ID != c.ID || again.Cluster.Status != "running" || again.Cluster.EndedAt != nil || again.AgentToken == answer.AgentToken || again.Process != answer.Process {
		t.Errorf("announced again: %+v", again)
	}
	for _, token := range []string{answer.AgentToken, again.AgentToken} {
		o.token = token
		if status, _ := o.post(t); status != http.StatusOK {
			t.Errorf("post with a token: %d", status)
		}
	}
}

// A cluster that falls silent ends at its last report, and comes back with what it reports later; what was not reported is unknown.
func TestWatchedClusterFallsSilent(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	began := s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	o, id := newObserver(s, answer), answer.Cluster.ID
	workers := []string{id + "-a-00000001", id + "-b-00000002"}
	s.Clock.Advance(10 * time.Second)
	last := s.Clock.Now()
	rows := []any{}
	for _, w := range workers {
		rows = append(rows, map[string]any{"process": w, "name": w[len(id)+1:], "nthreads": 1, "memory_bytes": int64(1e9), "started_us": began.UnixMicro()})
	}
	o.post(t, schedulerBatch(answer.Process, began, last, map[string]any{"workers": rows}),
		workerBatch(workers[0], began, last, 1, "no_work"), workerBatch(workers[1], began, last, 1, "no_work"))
	s.Tick(t)

	s.Clock.Advance(40 * time.Second)
	s.Tick(t)
	c, err := s.User.GetCluster(t.Context(), id)
	if err != nil || !c.Away || c.Status != "running" || !strings.Contains(c.Reason, "has not reported since") || !c.LastSeenAt.Equal(last) {
		t.Errorf("after 40 s: %+v, %v", c, err)
	}
	s.Clock.Advance(5 * time.Minute)
	s.Tick(t)
	c, err = s.User.GetCluster(t.Context(), id)
	if err != nil || c.Away || c.Status != "stopped" || c.Target != "running" || !c.EndedAt.Equal(last) || !strings.Contains(c.Reason, "has not reported since") {
		t.Errorf("after 6 min: %+v, %v", c, err)
	}
	if want := int64(10*12_500) * 3; c.CostNanos != want {
		t.Errorf("cost = %d, want %d", c.CostNanos, want)
	}

	// One worker is still there, the other is not.
	back := s.Clock.Now()
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	o.post(t, workerBatch(workers[0], back, now, 1, "no_work"))
	s.Tick(t)
	c, err = s.User.GetCluster(t.Context(), id)
	if err != nil || c.Status != "running" || c.Reason != "" || c.EndedAt != nil || c.WorkersRunning != 1 {
		t.Errorf("back: %+v, %v", c, err)
	}
	bill, err := s.User.Bill(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	gap := int64(back.Sub(last).Seconds())
	lost := int64(0) // the reports of the time in between never came
	for _, k := range bill.Categories {
		if k.Name == "lost.telemetry" {
			lost = k.CostNanos
		}
	}
	if lost != gap*12_500 || bill.UnknownNanos != 0 || bill.TotalNanos != (20+gap)*12_500*2+10*12_500 {
		t.Errorf("gap of %d s: lost %d, unknown %d of %d", gap, lost, bill.UnknownNanos, bill.TotalNanos)
	}
	// A heartbeat alone is a report, too.
	s.Clock.Advance(6 * time.Minute)
	s.Tick(t)
	o.post(t)
	s.Tick(t)
	if c, err = s.User.GetCluster(t.Context(), id); err != nil || c.Status != "running" {
		t.Errorf("after a heartbeat: %+v, %v", c, err)
	}
}

// What a server could not hear while it was down is not held against a cluster.
func TestWatchedClusterOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	answer := announce(t, s.User, "Scheduler-1")
	s.Tick(t)
	// The last report before the end of the server is durable, and nobody had the time to note when it came.
	began := s.Clock.Now()
	s.Clock.Advance(3 * time.Second)
	last := s.Clock.Now()
	newObserver(s, answer).post(t, schedulerBatch(answer.Process, began, last, map[string]any{"gauges": map[string]any{"workers": 0}}))
	s.Clock.Advance(20 * time.Minute)
	s.Stop(t)
	s.Start(t)
	s.Tick(t)
	if c, err := s.User.GetCluster(t.Context(), answer.Cluster.ID); err != nil || c.Status != "running" || !c.Away {
		t.Errorf("after a restart: %+v, %v", c, err)
	}
	s.Clock.Advance(6 * time.Minute)
	s.Tick(t)
	if c, err := s.User.GetCluster(t.Context(), answer.Cluster.ID); err != nil || c.Status != "stopped" || !c.EndedAt.Equal(last) {
		t.Errorf("still silent: %+v, %v; last heard of at %v", c, err, last)
	}
}

func TestWatchedClusterIsNotControlled(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	id := announce(t, s.User, "Scheduler-1").Cluster.ID
	for name, act := range map[string]func() error{
		"stop":        func() error { _, err := s.User.StopCluster(t.Context(), id); return err },
		"scale":       func() error { _, err := s.User.ScaleCluster(t.Context(), id, sdk.ScaleRequest{Workers: 2}); return err },
		"credentials": func() error { _, err := s.User.Credentials(t.Context(), id); return err },
		"logs":        func() error { _, err := s.User.Logs(t.Context(), id, sdk.LogsOptions{}); return err },
	} {
		err := act()
		if !sdk.IsCode(err, "watched_cluster") || !strings.Contains(err.Error(), "did not start") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Settle(t) // the loop of our own clusters has nothing to do with it
	other, _ := s.AddUser(t, "ben")
	if _, err := other.GetCluster(t.Context(), id); !sdk.IsCode(err, "not_found") {
		t.Errorf("another user: %v", err)
	}
	if theirs := announce(t, other, "Scheduler-1"); theirs.Cluster.ID == id {
		t.Error("the same scheduler announced by another user is theirs")
	}
}

func TestAnnouncementsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for name, in := range map[string]sdk.WatchRequest{
		"scheduler_id":      {SchedulerID: "a\tb", SchedulerAddress: "tcp://x:1"},
		"scheduler_address": {SchedulerID: "a", SchedulerAddress: "tcp://x:1\n"},
		"dashboard_url":     {SchedulerID: "a", SchedulerAddress: "tcp://x:1", DashboardURL: "javascript:alert(1)"},
	} {
		_, err := s.User.WatchCluster(t.Context(), in)
		if err == nil || !sdk.IsCode(err, "invalid") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A name is made to fit.
	answer, err := s.User.WatchCluster(t.Context(), sdk.WatchRequest{Name: "ana's cluster / 3", SchedulerID: "a", SchedulerAddress: "inproc://1"})
	if err != nil || answer.Cluster.Name != "ana-s-cluster---3" {
		t.Errorf("name %q, %v", answer.Cluster.Name, err)
	}
}

// Two methods at once would charge time twice.
func TestOneMethodAtATime(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sampled := sdk.WatchRequest{SchedulerID: "a", SchedulerAddress: "tcp://x:1", Method: "sampled"}
	watcher, err := s.User.WatchCluster(t.Context(), sampled)
	if err != nil || watcher.Cluster.Method != "sampled" {
		t.Fatalf("%+v, %v", watcher, err)
	}
	agent := sampled
	agent.Method = "agent"
	answer, err := s.User.WatchCluster(t.Context(), agent)
	if err != nil || answer.Cluster.ID != watcher.Cluster.ID || answer.Cluster.Method != "agent" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if status, _ := newObserver(s, watcher).post(t); status != http.StatusUnauthorized {
		t.Errorf("the watcher's token after the agent came: %d", status)
	}
	if _, err := s.User.WatchCluster(t.Context(), sampled); !sdk.IsCode(err, "already_measured") {
		t.Errorf("sampling beside a live agent: %v", err)
	}
	s.Clock.Advance(time.Minute)
	if _, err := s.User.WatchCluster(t.Context(), sampled); err != nil {
		t.Errorf("sampling after the agent fell silent: %v", err)
	}
}

// A broken or hostile scheduler cannot make processes that nobody could have had.
func TestReportsOfWorkersAreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	answer := announce(t, s.User, "Scheduler-1")
	o, id := newObserver(s, answer), answer.Cluster.ID
	began := s.Clock.Now()
	s.Clock.Advance(5 * time.Minute)
	now := s.Clock.Now()
	row := func(process string, threads, memory, started, ended int64) map[string]any {
		return map[string]any{"process": process, "name": process, "nthreads": threads, "memory_bytes": memory, "started_us": started, "ended_us": ended}
	}
	named := func(r map[string]any, name string) map[string]any {
		r["name"] = name
		return r
	}
	for _, r := range []any{
		row("cl_other-w-1", 1, 1, 0, 0), row(id+"-threads", 1_000_000, 1, 0, 0), row(id+"-none", 0, 1, 0, 0), row(id+"-memory", 1, -1, 0, 0),
		row(id+"-old", 1, 1e9, began.Add(-24*time.Hour).UnixMicro(), 0),
		row(id+"-future", 1, 1e9, now.Add(24*time.Hour).UnixMicro(), now.Add(48*time.Hour).UnixMicro()),
		row(id+"-backwards", 1, 1e9, now.UnixMicro(), began.UnixMicro()),
		row(id+"-nul\x00", 1, 1e9, 0, 0), row(id+"-odd\xff", 1, 1e9, 0, 0),
		named(row(id+"-same-1", 1, 1e9, 0, 0), "a\xff"), named(row(id+"-same-2", 1, 1e9, 0, 0), "a\xfe"), named(row(id+"-same-3", 1, 1e9, 0, 0), "a\x00"),
		named(row(id+"-long-1", 1, 1e9, 0, 0), strings.Repeat("é", 150)+"1"), named(row(id+"-long-2", 1, 1e9, 0, 0), strings.Repeat("é", 150)+"2"),
	} { // each in a batch of its own: one that is refused takes no other with it
		o.post(t, schedulerBatch(answer.Process, now.Add(-time.Second), now, map[string]any{"workers": []any{r}}))
	}
	s.Tick(t)
	processes, err := s.User.ListProcesses(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]sdk.Process{}
	for _, p := range processes.Items {
		got[strings.TrimPrefix(p.ID, id+"-")] = p
	}
	if len(got) != 9 || got["same-3"].Generation != 3 || got["long-2"].Generation != 2 {
		t.Errorf("processes: %+v", got)
	}
	if p := got["old"]; !p.StartedAt.Equal(now.Add(-time.Second)) {
		t.Errorf("one that was there before anybody looked starts at %v", p.StartedAt)
	}
	for _, name := range []string{"future", "backwards"} {
		p := got[name]
		if p.EndedAt == nil || p.EndedAt.Before(*p.StartedAt) || p.EndedAt.After(now) || p.StartedAt.Before(began) {
			t.Errorf("%s: %v to %v", name, p.StartedAt, p.EndedAt)
		}
	}
}
