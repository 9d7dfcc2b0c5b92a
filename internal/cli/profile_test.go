package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/lineitem/lineitem/internal/cli"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.RunCluster(t, s.User, sdk.CreateClusterRequest{Name: "flights", Options: sdk.ClusterOptions{Workers: 1}})
	s.Clock.Advance(time.Hour)
	bill, err := s.User.Bill(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	u := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	total := func(data []byte) (sum int64) {
		t.Helper()
		p, err := profile.ParseData(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range p.Sample {
			sum += sample.Value[0]
		}
		return sum
	}

	file := filepath.Join(t.TempDir(), "my bill.pb.gz")
	result := u.enter(t, "profile", "flights", "-o", file)
	want := "Saved the bill of flights to " + file + ". Look at it with: go tool pprof -top -lines \"" + file + "\"\n"
	if result.status != 0 || result.stdout != "" || result.stderr != want {
		t.Errorf("profile -o prints %+v, want %q", result, want)
	}
	data, err := os.ReadFile(file)
	if err != nil || total(data) != bill.TotalNanos || bill.TotalNanos == 0 {
		t.Errorf("the file sums to %d, the bill to %d, %v", total(data), bill.TotalNanos, err)
	}
	// Into a pipe it is the same file.
	if got := u.must(t, "profile", "flights"); got != string(data) {
		t.Errorf("standard output has %d bytes, the file %d", len(got), len(data))
	}
	if got := u.must(t, "profile", c.ID, "--format", "folded", "-o", "-"); !strings.Contains(got, "(not work);unknown ") {
		t.Errorf("folded: %q", got)
	}
	if got := u.must(t, "profile", c.ID, "--format", "speedscope"); !strings.HasPrefix(got, `{"$schema":"https://www.speedscope.app/`) {
		t.Errorf("speedscope: %q", got)
	}
	// The table of the server is that of the command line, with one more column.
	table, err := s.User.BillCSV(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(table), "\n")
	if printed, _, _ := strings.Cut(u.must(t, "bill", c.ID, "-o", "csv"), "\n"); header != printed+",cost" {
		t.Errorf("the columns are %s, those of the server %s", printed, header)
	}
	// What is no file stays what it is.
	u.must(t, "profile", c.ID, "-o", os.DevNull)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is %v, %v", os.DevNull, info, err)
	}
	// A failure leaves what was there.
	if result := u.enter(t, "profile", "nothing", "-o", file); result.status != 1 || result.stderr == "" {
		t.Errorf("no cluster: %+v", result)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, data) {
		t.Errorf("a failure changed the file: %v", err)
	}
	if result := u.enter(t, "profile", "flights", "-o", filepath.Join(file, "x")); result.status != 1 || !strings.HasPrefix(result.stderr, "Save the profile: ") {
		t.Errorf("a file that cannot be: %+v", result)
	}
}

func TestTerminalsGetNoBinary(t *testing.T) {
	t.Parallel()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	var stderr bytes.Buffer
	status := cli.Main(t.Context(), cli.Process{Args: []string{"profile", "a"}, Stdin: strings.NewReader(""), Stdout: screen, Stderr: &stderr})
	if status != 2 || !strings.HasPrefix(stderr.String(), "A pprof profile is no text, so it is not written to a terminal;") {
		t.Errorf("ends with %d: %s", status, stderr.String())
	}
}
