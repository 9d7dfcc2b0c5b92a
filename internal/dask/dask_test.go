package dask_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/dask"
	"github.com/lineitem/lineitem/internal/dask/dasktest"
	"github.com/lineitem/lineitem/internal/pki"
)

func dial(t *testing.T, address string, o dask.Options) *dask.Conn {
	t.Helper()
	c, err := dask.Dial(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// eventually asks until it is true: the figures of a worker arrive with its heartbeats.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	end := time.After(time.Minute)
	for !f() {
		select {
		case <-ticker.C:
		case <-end:
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// TestARealScheduler asks everything that can be asked of a scheduler at work, over one connection.
func TestARealScheduler(t *testing.T) {
	t.Parallel()
	cluster := dasktest.Start(t, dasktest.Options{})
	c := dial(t, cluster.Address, dask.Options{})
	ctx := t.Context()

	id, err := c.Identity(ctx)
	if err != nil || !strings.HasPrefix(id.ID, "Scheduler-") || id.Address != cluster.Address || len(id.Workers) != 2 {
		t.Fatalf("identity = %+v, %v", id, err)
	}
	slices.SortFunc(id.Workers, func(a, b dask.Worker) int { return strings.Compare(a.Name, b.Name) })
	for i, w := range id.Workers {
		if w.Name != fmt.Sprint(i) || w.Threads != 2 || w.MemoryLimit <= 0 || w.Status != "running" || w.Host != "127.0.0.1" || w.LastSeen == 0 {
			t.Errorf("worker %d = %+v", i, w)
		}
	}
	versions, err := c.Versions(ctx)
	if err != nil || !strings.HasPrefix(versions.Python, "3.") || versions.Distributed == "" || versions.Dask == "" {
		t.Errorf("versions = %+v, %v", versions, err)
	}
	cores, err := c.Cores(ctx)
	if err != nil || len(cores) != 2 || cores[id.Workers[0].Address] != 2 {
		t.Errorf("cores = %v, %v", cores, err)
	}
	if _, there, err := c.Hello(ctx); err != nil || there {
		t.Errorf("hello of a scheduler without an agent: %v, %v", there, err)
	}

	// One thread stands in a function of the script.
	cluster.Do(t, "spin 600")
	line := 0
	for i, l := range strings.Split(readFile(t, cluster.Script), "\n") {
		if strings.Contains(l, "while time.perf_counter() < end") {
			line = i + 1
		}
	}
	eventually(t, "a stack stands in spin", func() bool {
		stacks, err := c.CallStacks(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, running := range stacks {
			for _, r := range running {
				last := r.Frames[len(r.Frames)-1]
				if last.File == cluster.Script && last.Function == "spin" && (last.Line == line || last.Line == line+1) &&
					(strings.HasPrefix(last.Text, "while time.perf") || strings.HasPrefix(last.Text, "sum(range")) && dask.Prefix(r.Key) == "spin" {
					return true
				}
			}
		}
		return false
	})
	processing, err := c.Processing(ctx)
	if n := len(processing[id.Workers[0].Address]) + len(processing[id.Workers[1].Address]); err != nil || n != 1 {
		t.Errorf("processing = %v, %v", processing, err)
	}
	eventually(t, "a worker reports a task and its CPU", func() bool {
		id, err := c.Identity(ctx)
		if err != nil {
			t.Fatal(err)
		}
		w := id.Workers[0]
		if w.Executing == 0 {
			w = id.Workers[1]
		}
		return w.Executing == 1 && w.CPU > 20 && w.RSSBytes > 1<<20 && w.MeasuredAt > 1e9
	})
	states, err := c.PrefixStates(ctx)
	if err != nil || states["spin"]["processing"] != 1 {
		t.Errorf("states = %v, %v", states, err)
	}

	// Keys are arrays while an array is computed, and so are keys of maps.
	cluster.Do(t, "array")
	seen := map[string]bool{}
	eventually(t, "tasks with tuples for keys were seen", func() bool {
		stacks, err := c.CallStacks(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, running := range stacks {
			for _, r := range running {
				if _, isArray := r.Key.([]any); isArray {
					seen[dask.Prefix(r.Key)] = true
				}
			}
		}
		if _, err := c.Identity(ctx); err != nil {
			t.Fatal(err)
		}
		return len(seen) > 0
	})
	for prefix := range seen {
		if prefix == "" || strings.ContainsAny(prefix, "()'") {
			t.Errorf("prefix %q", prefix)
		}
	}

	// A question that was given up breaks the connection, so that its late answer is not taken for another's.
	givenUp, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Identity(givenUp); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if _, err := c.Identity(ctx); !errors.Is(err, dask.ErrBroken) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	write := func(name string, data []byte) {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := pki.Mint("cl_tls", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write("ca", set.Client.CA)
	for role, each := range map[string]struct{ certificate, key []byte }{
		"client": {set.Client.Certificate, set.Client.Key}, "scheduler": {set.Scheduler.Certificate, set.Scheduler.Key},
		"worker": {set.Worker.Certificate, set.Worker.Key},
	} {
		write(role+"-certificate", each.certificate)
		write(role+"-key", each.key)
	}
	cluster := dasktest.Start(t, dasktest.Options{TLS: folder, Workers: 1})
	if !strings.HasPrefix(cluster.Address, "tls://") {
		t.Fatalf("address %s", cluster.Address)
	}
	config, err := dask.LoadTLS(file("ca"), file("client-certificate"), file("client-key"))
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, cluster.Address, dask.Options{TLS: config})
	if id, err := c.Identity(t.Context()); err != nil || len(id.Workers) != 1 {
		t.Errorf("identity = %+v, %v", id, err)
	}
	if _, err := dask.Dial(t.Context(), cluster.Address, dask.Options{}); err == nil || !strings.Contains(err.Error(), "wants TLS") {
		t.Errorf("without files: %v", err)
	}
	// Another cluster's CA has not signed this scheduler.
	other, err := pki.Mint("cl_other", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write("other-ca", other.Client.CA)
	wrong, err := dask.LoadTLS(file("other-ca"), file("client-certificate"), file("client-key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dask.Dial(t.Context(), cluster.Address, dask.Options{TLS: wrong}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with another CA: %v", err)
	}
	if _, err := dask.Dial(t.Context(), strings.Replace(cluster.Address, "tls:", "tcp:", 1), dask.Options{}); err == nil {
		t.Error("plain text to a TLS port was understood")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"tcp://10.0.0.4:8786": "10.0.0.4:8786", "tls://host": "host:8786", "tcp://[::1]:1": "[::1]:1",
	} {
		if _, got, err := dask.ParseAddress(address); err != nil || got != want {
			t.Errorf("%s: %s, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "10.0.0.4:8786", "inproc://1/2/3", "ws://x:1", "tcp://", "tcp://u:p@x:1", "tcp://x:1/path"} {
		if _, _, err := dask.ParseAddress(address); err == nil {
			t.Errorf("%q passes", address)
		}
	}
}

func TestWhatIsNoScheduler(t *testing.T) {
	t.Parallel()
	speak := func(answer func(net.Conn)) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				answer(c)
			}
		}()
		return "tcp://" + listener.Addr().String()
	}
	for name, c := range map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"HTTP":         {func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") }, "none of Dask's"},
		"hangs up":     {func(c net.Conn) { c.Close() }, "shake hands"},
		"huge":         {func(c net.Conn) { _, _ = c.Write(frames(1, 1<<60)) }, "larger than"},
		"no handshake": {func(c net.Conn) { _, _ = c.Write(append(frames(1, 1), 7)) }, "no handshake"},
	} {
		_, err := dask.Dial(t.Context(), speak(c.answer), dask.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	// One that never answers is given up when the caller says so.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := dask.Dial(ctx, speak(func(c net.Conn) { <-t.Context().Done(); c.Close() }), dask.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// keys are texts that a rule for names could trip over.
func keys(r *rand.Rand) []string {
	out := []string{
		"x", "x-1", "x-1-2-3", "('x-2', 1)", "('x', 1)", "hello-world-1", "ae05086432ca935f6eba409a8ecd4896", "<module.submodule.myclass object at 0xdaf372",
		"x-abcdefab", "_(x)", "", "-", "--", "-x", "1", "1-2", "read-csv-0123456789abcdef0123456789abcdef", "Counter.work", "größe-7", "x-größe-1", "ß", "²-x",
		"<", "<>", "< >", "<a.b>-c", "\"quoted\"-x", "a,b-c", "(a,b)-c", "x- -y", "x-\u00e9\u00e9-z", "abcdefab", "x-Abcdefab", "x-aaaaaaaa-b", "é-abcdefaé",
		strings.Repeat("a", 32), strings.Repeat("a", 31) + "G", "_" + strings.Repeat("0", 32) + "_", "ⅷ-x", "x-ⅷ", "\u0300-x", "x-a\u0300", "日本-語-1",
	}
	pieces := []string{"-", "-", "x", "abc", "Z", "1", "0a", "deadbeef", "facade", "(", ")", "'", "\"", "_", ",", ".", "<", ">", " ", "é", "日", "²", "\n", "\x00"}
	for range 3000 {
		var b strings.Builder
		for range r.IntN(9) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		out = append(out, b.String())
	}
	return out
}

// TestPrefixIsDasks compares our rule with Dask's own function on thousands of keys.
func TestPrefixIsDasks(t *testing.T) {
	t.Parallel()
	asked := keys(rand.New(rand.NewPCG(1, 2)))
	in, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dasktest.Python(t), "-c", "import json, sys; from dask.utils import key_split; json.dump([key_split(k) for k in json.load(sys.stdin)], sys.stdout)")
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, k := range asked {
		if got := dask.Prefix(k); got != want[i] && wrong < 20 {
			t.Errorf("%q: %q, Dask says %q", k, got, want[i])
			wrong++
		}
	}
	for _, c := range []struct {
		key  dask.Key
		want string
	}{
		{[]any{"x-2", int64(1)}, "x"}, {[]any{[]any{"y-1"}, 2}, "y"}, {[]byte("hello-world-1"), "hello-world"}, {nil, "Other"}, {int64(3), "Other"}, {[]any{}, "Other"},
	} {
		if got := dask.Prefix(c.key); got != c.want {
			t.Errorf("%v: %q, want %q", c.key, got, c.want)
		}
	}
}

func TestStacks(t *testing.T) {
	t.Parallel()
	got := dask.ParseStack([]any{
		"  File \"/home/ana/a \"b\", line 1, in c.py\", line 7, in f\n\tx = 1\n", "  File \"cell\", line None, in <module>\n\t", 3, "nonsense", "  File \"x\", line 99999999999999999999, in f\n\t",
	})
	want := []dask.Frame{
		{File: "/home/ana/a \"b\", line 1, in c.py", Line: 7, Function: "f", Text: "x = 1"}, {File: "cell", Function: "<module>"}, {File: "x", Function: "f"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
