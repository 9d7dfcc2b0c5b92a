package api_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/servertest"
	"github.com/lineitem/lineitem/sdk"
)

// softwareBatch describes an environment with one version of xgboost.
func softwareBatch(process, environment, xgboost string) map[string]any {
	return map[string]any{
		"kind": "software", "process": process, "environment": environment, "python": "3.11.7", "implementation": "CPython", "platform": "Linux",
		"details": map[string]string{"glibc": "2.36"},
		"packages": []any{
			[]any{"XGBoost", xgboost, "pip", []string{"xgboost"}},
			[]any{"scikit_learn", "1.7.0", "conda", []string{"sklearn"}},
			[]any{"odd", "not-a-version", "vcs", []string{}},
		},
	}
}

// training is a window of a worker that trains with xgboost for half of it.
func training(process string, from, to time.Time, environment string) map[string]any {
	b := workerBatch(process, from, to, 2, "no_work")
	capacity := 2 * to.Sub(from).Microseconds()
	b["idle"] = map[string]int64{"no_work": capacity / 2}
	b["strings"] = []string{"train", "main", "Booster.update"}
	b["files"] = []any{[]any{"/home/ana/churn.py", "u"}, []any{"/opt/lib/python3.11/site-packages/xgboost/core.py", "p"}}
	b["frames"] = []any{[]int{0, 1, 3}, []int{1, 2, 2000}}
	b["stacks"] = []any{[]int{0, 1}}
	b["ledger"] = []any{[]any{1, 0, capacity / 2, capacity / 2, 1, 0, 0, 0}}
	b["samples"] = []any{[]any{1, 0, 0, 50_000, 50_000, 0, 0}}
	b["software"] = map[string]any{"environment": environment, "imported": []string{"xgboost"}}
	b["res"] = map[string]any{
		"rss_bytes": int64(3e8), "rss_peak_bytes": int64(4e8), "managed_bytes": int64(1e8), "spilled_bytes": 0, "memory_limit_bytes": int64(2e9),
		"cpu_us": capacity / 2, "transfer_in_bytes": 100, "transfer_out_bytes": 200, "disk_read_bytes": 300, "disk_write_bytes": 400,
		"gpus": []any{map[string]any{
			"uuid": "GPU-1", "index": 0, "name": "H200", "observed_us": capacity / 2, "util_us": capacity / 8, "idle_us": capacity / 4,
			"memory_peak_bytes": int64(5e9), "memory_total_bytes": int64(15e10), "energy_mj": 9000,
		}},
	}
	return b
}

// A cluster that imports an old xgboost and one that only has it installed are told apart, with owner, last use and cost.
func TestPackagesTellUsedFromInstalled(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	old, both := strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	began := s.Clock.Now()
	using, having := announce(t, s.User, "Scheduler-1"), announce(t, s.User, "Scheduler-2")
	worker := using.Cluster.ID + "-w.1-0123abcd"
	s.Clock.Advance(10 * time.Second)
	now := s.Clock.Now()
	row := map[string]any{
		"process": worker, "name": "w.1", "host": "lab-8", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.UnixMicro(), "ended_us": 0,
		"reason": "", "lost_tasks": 0,
	}
	session := map[string]any{"client": "Client-1", "user": "ana", "environment": both, "imported": []string{"sklearn"}}
	for _, rejected := range [][]any{
		second(newObserver(s, using).post(t,
			schedulerBatch(using.Process, began, now, map[string]any{"workers": []any{row}, "software": map[string]any{"environment": old, "imported": []string{}}}),
			softwareBatch(using.Process, old, "1.7.6"), training(worker, began, now, old))),
		second(newObserver(s, having).post(t,
			schedulerBatch(having.Process, began, now, map[string]any{
				"sessions": []any{session}, "software": map[string]any{"environment": old, "imported": []string{}},
			}), softwareBatch(having.Process, both, "2.1.0"), softwareBatch(having.Process, old, "9.9.9"))), // too late: this hash is known
	} {
		if len(rejected) > 0 {
			t.Fatalf("rejected: %v", rejected)
		}
	}
	s.Tick(t)
	s.Clock.Advance(20 * time.Second) // for which the cluster costs, but nobody works

	list, err := s.User.ListPackages(t.Context(), sdk.PackageOptions{Name: "XGBoost", Version: "<2"})
	if err != nil {
		t.Fatal(err)
	}
	rate := int64(25_000) // nano-units for a millisecond of two cores and 2 GB is 25; here for a second
	cluster := func(a sdk.WatchAnswer, cost int64) sdk.PackageUse {
		return sdk.PackageUse{
			Name: "xgboost", Version: "1.7.6", Grade: "installed", ClusterID: a.Cluster.ID, ClusterName: a.Cluster.Name, Owner: "ana",
			Where: []string{"scheduler"}, Environment: old, Python: "3.11.7", LastAt: now, ClusterCostNanos: cost,
		}
	}
	used := cluster(using, 30*12_500+30*rate)
	used.Grade, used.Where, used.CostNanos = "seen", []string{"scheduler", "worker"}, 5*rate
	want := sdk.PackageList{Currency: "USD", Items: []sdk.PackageUse{used, cluster(having, 30*12_500)}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("xgboost below 2 (-want +got):\n%s", diff)
	}

	for _, test := range []struct {
		name string
		ask  sdk.PackageOptions
		want []string
	}{
		{"all versions", sdk.PackageOptions{Name: "xgboost"}, []string{"seen 1.7.6", "installed 1.7.6", "installed 2.1.0"}},
		{"by module", sdk.PackageOptions{Name: "sklearn", Cluster: having.Cluster.ID}, []string{"imported 1.7.0", "installed 1.7.0"}},
		{"imported", sdk.PackageOptions{Grade: sdk.GradeImported}, []string{"imported 1.7.0", "seen 1.7.6"}},
		{"seen", sdk.PackageOptions{Grade: sdk.GradeSeen}, []string{"seen 1.7.6"}},
		{"seen in the other", sdk.PackageOptions{Grade: sdk.GradeSeen, Cluster: having.Cluster.Name}, nil},
		{"new ones", sdk.PackageOptions{Name: "xgboost", Version: ">=2"}, []string{"installed 2.1.0"}},
	} {
		list, err := s.User.ListPackages(t.Context(), test.ask)
		var got []string
		for _, item := range list.Items {
			got = append(got, item.Grade+" "+item.Version)
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
	if list, err := s.User.ListPackages(t.Context(), sdk.PackageOptions{Name: "odd", Version: "<2"}); err != nil || len(list.Items) != 0 || list.Skipped != 3 {
		t.Errorf("versions that cannot be compared: %+v, %v", list, err)
	}
	var refused *sdk.APIError
	if _, err := s.User.ListPackages(t.Context(), sdk.PackageOptions{Version: "old"}); !errors.As(err, &refused) || refused.Status != 422 ||
		len(refused.Fields) != 1 || refused.Fields[0].Name != "version" || !strings.Contains(refused.Fields[0].Message, `"old" is not a range of versions`) {
		t.Errorf("a wrong range is answered %v", err)
	}

	stranger, _ := s.AddUser(t, "ben")
	if list, err := stranger.ListPackages(t.Context(), sdk.PackageOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("a stranger sees %+v, %v", list, err)
	}
	if _, err := stranger.Environment(t.Context(), old); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("a stranger's look at an environment is answered %v", err)
	}
	for _, client := range []*sdk.Client{s.User, s.Admin} {
		e, err := client.Environment(t.Context(), old)
		wantPackages := []sdk.EnvironmentPackage{
			{Name: "odd", Version: "not-a-version", Manager: "vcs"},
			{Name: "scikit-learn", Version: "1.7.0", Manager: "conda"},
			{Name: "xgboost", Version: "1.7.6", Manager: "pip"},
		}
		if diff := cmp.Diff(wantPackages, e.Packages); err != nil || diff != "" || e.Python != "3.11.7" || e.Details["glibc"] != "2.36" {
			t.Errorf("environment %+v, %v (-want +got):\n%s", e, err, diff)
		}
	}
	if list, err := s.Admin.ListPackages(t.Context(), sdk.PackageOptions{Name: "xgboost"}); err != nil || len(list.Items) != 3 {
		t.Errorf("the admin sees %+v, %v", list, err)
	}
}

func second[A, B any](_ A, b B) B { return b }

func TestResourcesOverTime(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	began := s.Clock.Now()
	answer := announce(t, s.User, "Scheduler-1")
	worker := answer.Cluster.ID + "-w.1-0123abcd"
	s.Clock.Advance(10 * time.Second)
	row := map[string]any{"process": worker, "name": "w.1", "nthreads": 2, "memory_bytes": int64(2e9), "started_us": began.UnixMicro(), "ended_us": 0}
	o := newObserver(s, answer)
	if rejected := second(o.post(t, schedulerBatch(answer.Process, began, s.Clock.Now(), map[string]any{"workers": []any{row}}),
		training(worker, began, s.Clock.Now(), strings.Repeat("0a", 32)))); len(rejected) > 0 {
		t.Fatalf("rejected: %v", rejected)
	}
	s.Clock.Advance(10 * time.Second)
	list, err := s.User.Resources(t.Context(), answer.Cluster.ID, 4)
	if err != nil || len(list.Items) != 1 || list.StepSeconds != 5 || !list.Start.Equal(began) {
		t.Fatalf("resources = %+v, %v", list, err)
	}
	r := list.Items[0]
	if r.ProcessID != worker || r.Name != "w.1" || r.MemoryLimitBytes != 2e9 {
		t.Errorf("worker = %+v", r)
	}
	for name, test := range map[string]struct {
		got  []*float64
		want float64
	}{
		"cores": {r.CPUCores, 1}, "memory": {r.RSSBytes, 4e8}, "managed": {r.ManagedBytes, 1e8}, "spilled": {r.SpilledBytes, 0},
		"transfer": {r.TransferBytes, 150}, "disk": {r.DiskBytes, 350}, "GPU": {r.GPUs[0].UtilisationBins, 0.25},
	} {
		if len(test.got) != 4 || test.got[0] == nil || test.got[1] == nil || test.got[2] != nil || test.got[3] != nil ||
			math.Abs(*test.got[0]-test.want) > 1e-9 || math.Abs(*test.got[1]-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v in two bins of four", name, test.got, test.want)
		}
	}
	g := r.GPUs[0]
	if g.UUID != "GPU-1" || g.Name != "H200" || g.ObservedSeconds != 10 || g.IdleSeconds != 5 || g.Utilisation != 0.25 || g.SMActivity != nil ||
		g.EnergyJoules != 9 || g.MemoryPeakBytes != 5e9 {
		t.Errorf("GPU = %+v", g)
	}
	bill, err := s.User.Bill(t.Context(), answer.Cluster.ID)
	if err != nil || len(bill.Lines) != 1 || bill.Lines[0].Operation != "train.xgboost" || bill.Lines[0].Library != "xgboost" {
		t.Errorf("the rules name %+v, %v", bill.Lines, err)
	}
}
