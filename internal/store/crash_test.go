package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
)

// Environment of this test program when it is the process that will be killed.
const (
	crashPath    = "LINEITEM_STORE_CRASH_PATH"
	crashCluster = "LINEITEM_STORE_CRASH_CLUSTER"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		if err := appendUntilKilled(context.Background(), path, cluster.ID(os.Getenv(crashCluster))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appendUntilKilled appends from several callers and prints the number of each batch once it is acknowledged.
func appendUntilKilled(ctx context.Context, path string, id cluster.ID) error {
	db, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		return err
	}
	const callers = 4
	failed := make(chan error)
	var out sync.Mutex
	for caller := range int64(callers) {
		go func() {
			for seq := caller; ; seq += callers {
				b := newBatch(id, "e", seq)
				b.Payload = payload()
				if _, err := db.AppendBatches(ctx, []usage.RawBatch{b}); err != nil {
					failed <- err
					return
				}
				out.Lock()
				fmt.Println(seq)
				out.Unlock()
			}
		}()
	}
	return <-failed
}

// TestKilledProcessLosesNothing kills a process that appends, at several moments, and looks for every batch that it acknowledged.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lineitem.db")
	db, err := store.Open(t.Context(), store.Config{Path: path})
	must(t, err)
	must(t, db.Migrate(t.Context()))
	for _, kill := range []int{1, 7, 50, 200} {
		c := newCluster(t, db)
		must(t, db.Close())

		acknowledged := killAfter(t, path, c.ID, kill)

		db, err = store.Open(t.Context(), store.Config{Path: path})
		must(t, err)
		must(t, db.Migrate(t.Context()))
		kept, err := db.UnfoldedBatches(t.Context(), c.ID, 0)
		must(t, err)
		want := payload()
		there := map[int64]bool{}
		for _, b := range kept {
			there[b.Seq] = true
			if string(b.Payload) != string(want) {
				t.Errorf("killed after %d: the payload of batch %d changed", kill, b.Seq)
			}
		}
		for _, seq := range acknowledged {
			if !there[seq] {
				t.Errorf("killed after %d: batch %d was acknowledged and is lost", kill, seq)
			}
		}
		t.Logf("killed after %d: %d acknowledged, %d there", kill, len(acknowledged), len(kept))
	}
	must(t, db.Close())
	plain := raw(t, store.Config{Path: path})
	var verdict string
	must(t, plain.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	equal(t, verdict, "ok")
}

// killAfter runs this program as the one that appends, kills it after so many acknowledged batches, and returns all that it acknowledged.
func killAfter(t *testing.T, path string, id cluster.ID, n int) []int64 {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	command := exec.CommandContext(t.Context(), program)
	command.Env = append(os.Environ(), crashPath+"="+path, crashCluster+"="+string(id))
	command.Stderr = os.Stderr
	pipe, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	var acknowledged []int64
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		seq, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the last line, cut by the end
		}
		acknowledged = append(acknowledged, seq)
		if len(acknowledged) == n {
			must(t, command.Process.Kill())
		}
	}
	if err := command.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	if len(acknowledged) < n {
		t.Fatalf("only %d batches were acknowledged, want %d", len(acknowledged), n)
	}
	return acknowledged
}
