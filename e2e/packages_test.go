package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/sdk"
)

// booster is an old version of a package, as an installer would leave it. Its one function computes in its own code for a while.
var booster = map[string]string{
	"xgboost/__init__.py": "import time\n\n\ndef train(seconds):\n    end = time.perf_counter() + seconds\n    total = 0\n" +
		"    while time.perf_counter() < end:\n        total += 1\n    return total\n",
	"xgboost-1.5.2.dist-info/METADATA":      "Metadata-Version: 2.1\nName: xgboost\nVersion: 1.5.2\n",
	"xgboost-1.5.2.dist-info/INSTALLER":     "pip\n",
	"xgboost-1.5.2.dist-info/top_level.txt": "xgboost\n",
	"xgboost-1.5.2.dist-info/RECORD":        "xgboost/__init__.py,,\n",
}

const (
	trains = `
import sys
from distributed import Client


def train(seconds):
    import xgboost

    return xgboost.train(seconds)


with Client() as client:
    assert client.submit(train, float(sys.argv[1])).result() > 0
`
	sleeps = `
import sys
import time
from distributed import Client

with Client() as client:
    client.submit(time.sleep, float(sys.argv[1])).result()
`
)

// TestOldPackagesAreToldApart has one cluster that uses an old version of a package and one that only has it. The answer to who uses it names the first alone,
// with what it cost; the answer to who has it names both.
func TestOldPackagesAreToldApart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	site := filepath.Join(t.TempDir(), "lib", "python3", "site-packages")
	for name, text := range booster {
		path := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name, script string) string {
		c, err := s.client.CreateCluster(t.Context(), sdk.CreateClusterRequest{
			Name:    name,
			Options: sdk.ClusterOptions{Workers: 1, Threads: 1, MemoryBytes: 1 << 30, Env: map[string]string{"PYTHONPATH": site}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.waitFor(c.ID, "running", 1)
		if out, err := s.work(c.ID, script, "6")(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.stop(c.ID)
		return c.ID
	}
	user, owner := run("uses-it", trains), run("has-it", sleeps)

	for grade, want := range map[string][]string{"installed": {user, owner}, "imported": {user}, "seen": {user}} {
		got, err := s.client.ListPackages(t.Context(), sdk.PackageOptions{Name: "XGBoost", Version: "<2", Grade: grade})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]sdk.PackageUse{}
		for _, use := range got.Items {
			found[use.ClusterID] = use
		}
		if len(found) != len(want) {
			t.Errorf("%s: %d clusters, want %d: %+v", grade, len(found), len(want), got.Items)
		}
		for _, id := range want {
			use, ok := found[id]
			if !ok || use.Version != "1.5.2" || use.Owner != "admin" || use.LastAt.IsZero() || use.ClusterCostNanos == 0 {
				t.Errorf("%s: cluster %s is %+v", grade, id, use)
			}
			if seen := use.Grade == "seen" && use.CostNanos > 0 && use.CostNanos <= use.ClusterCostNanos; seen != (id == user) {
				t.Errorf("%s: cluster %s has grade %s and cost %d", grade, id, use.Grade, use.CostNanos)
			}
		}
	}
	none, err := s.client.ListPackages(t.Context(), sdk.PackageOptions{Name: "xgboost", Version: ">=2"})
	if err != nil || len(none.Items) != 0 {
		t.Errorf("newer versions: %+v, %v", none, err)
	}
	if _, err := s.client.ListPackages(t.Context(), sdk.PackageOptions{Version: "older than 2"}); err == nil || !strings.Contains(err.Error(), "older than 2") {
		t.Errorf("a range that is none gives %v", err)
	}
}
