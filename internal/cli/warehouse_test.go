package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// Files of the warehouse are cut under a server that runs. Costs are answered as before; admins see what happened, in the terminal, the metrics and the log.
func TestWarehouse(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "warehouse")
	s := servertest.New(t, func(c *config.Config) { c.Warehouse, c.PriceCoreHour = folder, 40_000_000 })
	admin := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken)
	user := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	s.RunCluster(t, s.User, sdk.CreateClusterRequest{Options: sdk.ClusterOptions{Workers: 1}})
	s.Clock.Advance(30 * time.Hour)
	s.Tick(t)
	ask := []string{"cost", "--by", "kind", "--since", "2026-01-05T00:00:00Z", "--until", "2026-01-06T12:00:00Z", "-o", "csv"}
	before := user.must(t, ask...)
	if got := admin.must(t, "warehouse"); !strings.Contains(got, "No file was ever found damaged.") {
		t.Errorf("a sound warehouse prints %q", got)
	}
	if result := user.enter(t, "warehouse"); result.status != 1 || !strings.Contains(result.stderr, "Only admins") {
		t.Errorf("users see %+v", result)
	}
	cut := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") || strings.Contains(path, "scratch") {
			return err
		}
		cut++
		return os.Truncate(path, 20)
	})
	if err != nil || cut < 10 {
		t.Fatalf("%d files: %v", cut, err)
	}
	for range 2 { // from the database, and from new files
		if after := user.must(t, ask...); after != before || !strings.Contains(after, "unknown") {
			t.Errorf("after damage costs are\n%s\nwhere they were\n%s", after, before)
		}
		s.Tick(t)
	}
	got := admin.must(t, "warehouse")
	if !strings.Contains(got, "files were found damaged and set aside; 0 of them could not be written again as they were.") || !strings.Contains(got, "has 20 bytes, where ") {
		t.Errorf("after damage the warehouse prints %q", got)
	}
	if rows := strings.Count(admin.must(t, "warehouse", "-o", "csv"), ".parquet\n"); rows == 0 || rows > cut {
		t.Errorf("%d of %d files are listed", rows, cut)
	}
	if !strings.Contains(s.Log(), "was damaged and is set aside") {
		t.Error("the log does not say so")
	}
}
