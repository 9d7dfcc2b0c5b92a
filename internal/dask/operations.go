package dask

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/dask/msgpack"
)

// operation is a question to a scheduler.
type operation string

// allowed is everything that can be asked. All of it reads: nothing here runs code of ours, installs a plugin, touches data or changes what the
// scheduler does. get_task_stream, check_idle, events and get_cluster_state read as well, and are left out: the first three leave something behind on
// the scheduler, the last one stops its event loop.
var allowed = map[operation]bool{
	"identity":               true,
	"versions":               true,
	"processing":             true,
	"ncores":                 true,
	"call_stack":             true,
	"get_task_prefix_states": true,
	"lineitem_hello":         true, // an agent of ours answers it, no other handler exists
}

// Identity is what a scheduler says about itself and its workers.
type Identity struct {
	ID, Address string
	// Services are ports by name, "dashboard" among them.
	Services map[string]int64
	Workers  []Worker
}

// Worker is a worker as its scheduler sees it. What the scheduler does not say is zero.
type Worker struct {
	// Address is how the scheduler knows it, Name what its user called it, or Dask. Dask's own id of it is not told.
	Address, Name, Host  string
	Threads, MemoryLimit int64
	// Status is "running", "paused", "closing"…
	Status string
	// LastSeen is when its last heartbeat came, by the scheduler's clock, MeasuredAt when the figures were taken, by the worker's; in seconds.
	LastSeen, MeasuredAt float64
	// CPU is in percent of one core.
	CPU                                        float64
	RSSBytes, ManagedBytes, SpilledBytes       int64
	Executing, LongRunning, Fetching, InFlight int64
}

// Identity asks who the scheduler and its workers are.
func (c *Conn) Identity(ctx context.Context) (Identity, error) {
	v, err := c.call(ctx, "identity")
	if err != nil {
		return Identity{}, err
	}
	return identityFrom(v)
}

func identityFrom(v any) (Identity, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return Identity{}, unexpected("identity", v)
	}
	out := Identity{ID: text(m, "id"), Address: text(m, "address"), Services: map[string]int64{}}
	if kind := text(m, "type"); kind != "Scheduler" || out.ID == "" {
		return Identity{}, fmt.Errorf("there is a Dask %.40q and no scheduler", kind)
	}
	for _, p := range child(m, "services") {
		if name, ok := p.Key.(string); ok {
			out.Services[name] = integer(p.Value)
		}
	}
	for _, p := range child(m, "workers") {
		address, ok := p.Key.(string)
		w, isMap := p.Value.(msgpack.Map)
		if ok && isMap {
			out.Workers = append(out.Workers, workerFrom(address, w))
		}
	}
	return out, nil
}

func workerFrom(address string, m msgpack.Map) Worker {
	metrics := child(m, "metrics")
	counts := child(metrics, "task_counts")
	return Worker{
		Address: address, Name: plain(value(m, "name")), Host: text(m, "host"), Status: text(m, "status"),
		Threads: integer(value(m, "nthreads")), MemoryLimit: integer(value(m, "memory_limit")),
		LastSeen: number(value(m, "last_seen")), MeasuredAt: number(value(metrics, "time")), CPU: number(value(metrics, "cpu")),
		RSSBytes: integer(value(metrics, "memory")), ManagedBytes: integer(value(metrics, "managed_bytes")),
		SpilledBytes: integer(value(child(metrics, "spilled_bytes"), "disk")),
		Executing:    integer(value(counts, "executing")), LongRunning: integer(value(counts, "long-running")),
		Fetching: integer(value(counts, "fetch")), InFlight: integer(value(counts, "flight")),
	}
}

// Key is a task's key: a text, or an array whose first item is one, down to any depth.
type Key any

// Processing asks which tasks each worker has been given, running or not, by the worker's address.
func (c *Conn) Processing(ctx context.Context) (map[string][]Key, error) {
	v, err := c.call(ctx, "processing")
	if err != nil {
		return nil, err
	}
	return processingFrom(v)
}

func processingFrom(v any) (map[string][]Key, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return nil, unexpected("processing", v)
	}
	out := make(map[string][]Key, len(m))
	for _, p := range m {
		address, ok := p.Key.(string)
		keys, isArray := p.Value.([]any)
		if !ok || !isArray {
			continue
		}
		out[address] = make([]Key, len(keys))
		for i, k := range keys {
			out[address][i] = k
		}
	}
	return out, nil
}

// Running is a thread of a worker that runs a task, with its stack, outermost frame first.
type Running struct {
	Key    Key
	Frames []Frame
}

// CallStacks asks where the threads of all workers stand, by the worker's address. The scheduler asks every worker and waits for all: one whose event
// loop is blocked holds up the answer, so the caller gives the question time and asks no second one meanwhile.
func (c *Conn) CallStacks(ctx context.Context) (map[string][]Running, error) {
	v, err := c.call(ctx, "call_stack")
	if err != nil {
		return nil, err
	}
	return stacksFrom(v)
}

func stacksFrom(v any) (map[string][]Running, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return nil, unexpected("call_stack", v)
	}
	out := make(map[string][]Running, len(m))
	for _, p := range m {
		address, ok := p.Key.(string)
		tasks, isMap := p.Value.(msgpack.Map)
		if !ok || !isMap {
			continue
		}
		for _, task := range tasks {
			lines, isArray := task.Value.([]any)
			if !isArray {
				continue
			}
			out[address] = append(out[address], Running{Key: task.Key, Frames: parseStack(lines)})
		}
	}
	return out, nil
}

// PrefixStates asks how many tasks of each prefix are in each state; those that are queued or have no worker are left out by Dask.
func (c *Conn) PrefixStates(ctx context.Context) (map[string]map[string]int64, error) {
	v, err := c.call(ctx, "get_task_prefix_states")
	if err != nil {
		return nil, err
	}
	return statesFrom(v)
}

func statesFrom(v any) (map[string]map[string]int64, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return nil, unexpected("get_task_prefix_states", v)
	}
	out := make(map[string]map[string]int64, len(m))
	for _, p := range m {
		states, isMap := p.Value.(msgpack.Map)
		name, ok := p.Key.(string)
		if !ok || !isMap {
			continue
		}
		out[name] = map[string]int64{}
		for _, s := range states {
			if state, ok := s.Key.(string); ok {
				out[name][state] = integer(s.Value)
			}
		}
	}
	return out, nil
}

// Cores asks how many threads each worker has, by its address.
func (c *Conn) Cores(ctx context.Context) (map[string]int64, error) {
	v, err := c.call(ctx, "ncores")
	if err != nil {
		return nil, err
	}
	return coresFrom(v)
}

func coresFrom(v any) (map[string]int64, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return nil, unexpected("ncores", v)
	}
	out := make(map[string]int64, len(m))
	for _, p := range m {
		if address, ok := p.Key.(string); ok {
			out[address] = integer(p.Value)
		}
	}
	return out, nil
}

// Versions are what a scheduler runs on.
type Versions struct {
	Python, Dask, Distributed string
}

// Versions asks what the scheduler runs on.
func (c *Conn) Versions(ctx context.Context) (Versions, error) {
	v, err := c.call(ctx, "versions")
	if err != nil {
		return Versions{}, err
	}
	return versionsFrom(v)
}

func versionsFrom(v any) (Versions, error) {
	m, ok := v.(msgpack.Map)
	if !ok {
		return Versions{}, unexpected("versions", v)
	}
	packages := child(m, "packages")
	out := Versions{Python: text(packages, "python"), Dask: text(packages, "dask"), Distributed: text(packages, "distributed")}
	if out.Python == "" {
		out.Python = text(child(m, "host"), "python")
	}
	out.Python, _, _ = strings.Cut(out.Python, " ")
	return out, nil
}

// Agent is what an agent of Lineitem in the scheduler says of itself.
type Agent struct {
	Version, Cluster, Server string
}

// Hello asks for an agent of ours. A scheduler that has none answers nothing, and writes a line into its log; ok is false then.
func (c *Conn) Hello(ctx context.Context) (agent Agent, ok bool, err error) {
	v, err := c.call(ctx, "lineitem_hello")
	var remote *RemoteError
	if errors.As(err, &remote) {
		return Agent{}, false, nil
	}
	if err != nil {
		return Agent{}, false, err
	}
	m, isMap := v.(msgpack.Map)
	if !isMap || text(m, "status") != "OK" {
		return Agent{}, false, nil
	}
	return Agent{Version: text(m, "agent"), Cluster: text(m, "cluster"), Server: text(m, "server")}, true, nil
}

func unexpected(what string, v any) error {
	return fmt.Errorf("the scheduler answers %q with a %T, which no known version does", what, v)
}

func value(m msgpack.Map, key string) any {
	v, _ := m.Get(key)
	return v
}

func child(m msgpack.Map, key string) msgpack.Map {
	v, _ := value(m, key).(msgpack.Map)
	return v
}

func text(m msgpack.Map, key string) string {
	s, _ := value(m, key).(string)
	return s
}

// plain is the text of a value that may be a text or a number, as worker names are.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	default:
		return ""
	}
}

func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	default:
		return 0
	}
}

// largest is the largest whole number that a float64 holds exactly; what is beyond is no count of anything.
const largest = 1 << 53

func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		if v > -largest && v < largest {
			return int64(v)
		}
	}
	return 0
}
