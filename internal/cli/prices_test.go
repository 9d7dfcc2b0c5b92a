package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/servertest"
)

// An admin imports a list, everybody sees it, what is printed can be imported again and changes nothing.
func TestPrices(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	admin := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.AdminToken)
	user := newTerminal(t, "LINEITEM_SERVER="+s.URL, "LINEITEM_TOKEN="+s.UserToken)
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sky := write("vms.csv", "InstanceType,AcceleratorName,AcceleratorCount,Region,AvailabilityZone,Price,SpotPrice\n"+
		"m5.xlarge,,,us-east-1,us-east-1a,0.192,0.07\np4d.24xlarge,A100,8.0,us-east-1,us-east-1a,21.957642,\nold,,,us-east-1,,,\n")
	arguments := []string{"prices", "import", sky, "--shape", "skypilot", "--provider", "aws", "--as-of", "2026-11-01"}
	if got := user.must(t, "prices"); !strings.Contains(got, "no such price") {
		t.Errorf("an empty book prints %q", got)
	}
	if result := user.enter(t, arguments...); result.status != 1 || !strings.Contains(result.stderr, "Only admins") {
		t.Errorf("a user's import ends with %+v", result)
	}
	if got := admin.must(t, append(arguments, "--dry-run")...); !strings.Contains(got, "This would be imported: 3 added, 0 ended, 0 unchanged.\nLeft out 1 lines") ||
		!strings.Contains(got, "p4d.24xlarge (with 8 A100)") {
		t.Errorf("a dry run prints %q", got)
	}
	if got := admin.must(t, arguments...); !strings.HasPrefix(got, "Imported: 3 added, 0 ended, 0 unchanged.\n") {
		t.Errorf("import prints %q", got)
	}
	if got := user.must(t, "prices", "--provider", "aws", "--instance", "m5.xlarge"); !strings.Contains(got, "0.192 USD/h") ||
		!strings.Contains(got, "0.07 USD/h") || !strings.Contains(got, "vms.csv") || !strings.Contains(got, "2026-11-01") || strings.Contains(got, "p4d") {
		t.Errorf("list prints %q", got)
	}
	printed := user.must(t, "prices", "list", "--all", "-o", "csv")
	if got := admin.must(t, "prices", "import", write("again.csv", printed)); !strings.HasPrefix(got, "Imported: 0 added, 0 ended, 3 unchanged.") {
		t.Errorf("what was printed is imported as %q", got)
	}
	if result := admin.pipe(t, "provider,price,name\naws,cheap,a\n", "prices", "import", "-"); result.status != 1 ||
		!strings.Contains(result.stderr, `Line 2: price is "cheap"`) || !strings.Contains(result.stderr, "Nothing was imported.") {
		t.Errorf("a wrong list ends with %+v", result)
	}
	for _, want := range []string{"1366 added, 1 ended, 1 unchanged", "0 added, 0 ended, 1367 unchanged"} { // p4d's GPUs have another name here
		if got := admin.must(t, "prices", "import", "--builtin", "aws"); !strings.Contains(got, want) {
			t.Errorf("import of the list that is built in prints %q, want %q", got, want)
		}
	}
	for _, wrong := range [][]string{{"import"}, {"import", "--builtin", "excel"}, {"import", "--builtin", "aws", "--provider", "aws"}} {
		if result := admin.enter(t, append([]string{"prices"}, wrong...)...); result.status != 2 {
			t.Errorf("%v ends with %+v", wrong, result)
		}
	}
	if got := user.must(t, "prices", "coverage"); got != "No machine of a cluster that you may see ran in that time.\n" {
		t.Errorf("coverage without machines prints %q", got)
	}
	if result := user.enter(t, "prices", "wrong"); result.status != 2 {
		t.Errorf("an unknown word ends with %+v", result)
	}
}

func TestPricesHourly(t *testing.T) {
	t.Parallel()
	u := newTerminal(t)
	got := u.must(t, "prices", "hourly", "--price", "250000", "--years", "4", "--watts", "700", "--pue", "1.4", "--kwh", "0.15", "--use", "60%", "--gpus", "8")
	// 4 x 8766 x 0.6 = 21038.4 hours; 250000 / 21038.4 = 11.88303; 0.7 x 1.4 x 0.15 / 0.6 = 0.245.
	for _, want := range []string{"21038", "11.8830/h", "0.2450/h", "12.1280/h", "1.5160/h", "local,gpu_hour,MODEL,1.516"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if got := u.must(t, "prices", "hourly", "--price", "8766", "--years", "1", "--use", "1", "--cores", "4"); !strings.Contains(got, "local,core_hour,0.250000000\nlocal,gb_hour,0") {
		t.Errorf("a machine without GPUs prints %q", got)
	}
	for _, wrong := range [][]string{{}, {"--price", "NaN"}, {"--price", "1", "--use", "0"}, {"--price", "1", "--use", "most"}, {"--price", "1", "--pue", "0.9"}, {"--price", "1", "--gpus", "1", "--cores", "1"}} {
		if result := u.enter(t, append([]string{"prices", "hourly"}, wrong...)...); result.status != 2 || result.stdout != "" {
			t.Errorf("%v ends with %+v", wrong, result)
		}
	}
}
