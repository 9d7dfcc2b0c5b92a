package e2e_test

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// workload computes for longer than the server is away, and says what it computed.
const workload = `
import sys
import time

from distributed import Client


def spin(n: int) -> int:
    time.sleep(0.15)
    end = time.perf_counter() + 0.05
    total = 0
    while time.perf_counter() < end:
        total += 1
    return n if total else -1


def main() -> None:
    with Client() as client:
        end = time.monotonic() + float(sys.argv[1])
        rounds = 0
        while time.monotonic() < end:
            assert sum(client.gather(client.map(spin, range(10), pure=False))) == 45
            rounds += 1
        print("rounds", rounds > 10, flush=True)


if __name__ == "__main__":
    main()
`

// TestAMinuteWithoutTheServer takes the server away for a minute (LINEITEM_E2E_AWAY says how long) while a cluster works. The work is unharmed, and
// when the server is back the agents deliver all that happened in the meantime.
func TestAMinuteWithoutTheServer(t *testing.T) {
	t.Parallel()
	away := time.Minute
	if text := os.Getenv("LINEITEM_E2E_AWAY"); text != "" {
		var err error
		if away, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t)
	c := s.create(2)
	s.waitFor(c.ID, "running", 2)
	script := filepath.Join(t.TempDir(), "work.py")
	if err := os.WriteFile(script, []byte(workload), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), script, strconv.Itoa(int((away + 15*time.Second).Seconds())))
	cmd.Env = append(os.Environ(), s.clientEnv(c.ID)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pause(t, 5*time.Second)
	s.kill()
	pause(t, away)
	s.restart()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "rounds True") {
		t.Fatalf("the work was harmed: %v\n%s", err, &out)
	}
	s.stop(c.ID)
	b := s.bill(c.ID)
	if share := float64(b.UnknownNanos) / float64(b.TotalNanos); share > 0.01 {
		t.Errorf("%.1f %% of the bill is unknown", 100*share)
	}
	if len(b.Lines) == 0 || !strings.HasSuffix(b.Lines[0].File, "work.py") || b.Lines[0].Function != "spin" {
		t.Errorf("the top line is not in spin: %+v", b.Lines)
	}
	s.checkContiguous(c.ID)
	t.Logf("unknown %d of %d nano-units, %d lines", b.UnknownNanos, b.TotalNanos, len(b.Lines))
}

// clientEnv returns the environment in which a bare Client() connects to the cluster.
func (s *server) clientEnv(id string) []string {
	s.t.Helper()
	credentials, err := s.client.Credentials(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	folder := s.t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
		return path
	}
	return []string{
		"DASK_SCHEDULER_ADDRESS=" + credentials.SchedulerAddress,
		"DASK_DISTRIBUTED__COMM__TLS__CA_FILE=" + write("ca.pem", credentials.CAPEM),
		"DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=" + write("client.pem", credentials.CertificatePEM),
		"DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=" + write("client.key", credentials.KeyPEM),
		"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true",
		"DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES=2",
	}
}

// checkContiguous looks into the database: the batches of each epoch follow each other from 0 without a gap.
func (s *server) checkContiguous(id string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.database()+"?mode=ro")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(s.t.Context(), "SELECT epoch, kind, count(*), max(seq) FROM batches WHERE cluster_id = ? GROUP BY epoch, kind", id)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	counts, last := map[string]int64{}, map[string]int64{}
	for rows.Next() {
		var epoch, kind string
		var n, highest int64
		if err := rows.Scan(&epoch, &kind, &n, &highest); err != nil {
			s.t.Fatal(err)
		}
		counts[epoch] += n
		last[epoch] = max(last[epoch], highest)
	}
	if err := rows.Err(); err != nil || len(counts) < 3 {
		s.t.Fatalf("%d epochs reported, want a scheduler and two workers: %v", len(counts), err)
	}
	for epoch, n := range counts {
		if n != last[epoch]+1 {
			s.t.Errorf("epoch %s has %d batches, the last is number %d", epoch, n, last[epoch])
		}
	}
}

// database returns the path of the server's database; of a copy where SQLite cannot follow the path into the server's own name space.
func (s *server) database() string {
	s.t.Helper()
	if s.root == "" {
		return filepath.Join(s.data, "lineitem.db")
	}
	folder := s.t.TempDir()
	for _, name := range []string{"lineitem.db", "lineitem.db-wal"} {
		data, err := os.ReadFile(filepath.Join(s.root, s.data, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return filepath.Join(folder, "lineitem.db")
}
