package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store"
)

// folded is a Folder with nothing to do.
type folded struct{}

func (folded) FoldAll(_ context.Context, _ cluster.ID) error { return nil }

// BenchmarkPackages asks who has which package: in 300 clusters of 10 workers, and in one of 500. Each worker has 400 packages, 100 of them imported and 30 seen.
func BenchmarkPackages(b *testing.B) {
	for _, shape := range []struct{ clusters, workers int }{{300, 10}, {1, 500}} {
		b.Run(fmt.Sprintf("clusters=%d,workers=%d", shape.clusters, shape.workers), func(b *testing.B) {
			db := benchStore(b, store.SQLite)
			environment := usage.Environment{ID: "e"}
			for i := range 400 {
				environment.Packages = append(environment.Packages, usage.Package{Name: fmt.Sprintf("p%d", i), Version: "1.7.6", Modules: []string{fmt.Sprintf("m%d", i)}})
			}
			must(b, db.PutEnvironment(b.Context(), environment))
			owner := newUser(b, db, "ana")
			for n := range shape.clusters {
				c := fullCluster(owner.ID, fmt.Sprintf("c%d", n), noon)
				c.ID = cluster.ID(id.New("cl", noon))
				c.SchedulerKey = string(c.ID)
				must(b, db.CreateCluster(b.Context(), c))
				var uses []inventory.Use
				var imports []inventory.Import
				var times []inventory.ModuleUsage
				for w := range shape.workers {
					p := fullProcess(c.ID, cluster.RoleWorker, fmt.Sprintf("w-%d", w), 1)
					must(b, db.CreateProcess(b.Context(), p))
					uses = append(uses, inventory.Use{ClusterID: c.ID, Subject: string(p.ID), Role: "worker", Environment: "e", FirstAt: noon, LastAt: noon})
					for i := range 100 {
						imports = append(imports, inventory.Import{ClusterID: c.ID, Subject: string(p.ID), Module: fmt.Sprintf("m%d", i), At: noon})
					}
					for i := range 30 {
						times = append(times, inventory.ModuleUsage{ClusterID: c.ID, ProcessID: p.ID, HourAt: noon.Truncate(time.Hour), Module: fmt.Sprintf("m%d", i), ThreadMicros: 1})
					}
				}
				must(b, db.PutUses(b.Context(), uses))
				must(b, db.PutImports(b.Context(), imports))
				must(b, db.AddModuleUsage(b.Context(), times))
			}
			service := inventory.NewService(nil, db, db, folded{}, cost.Card{Currency: "USD"})
			actor := identity.Actor{User: owner}
			for b.Loop() {
				list, err := service.Packages(b.Context(), noon.Add(time.Hour), actor, inventory.Query{Name: "p7", Range: "<2"})
				must(b, err)
				if len(list.Items) != shape.clusters {
					b.Fatalf("%d items", len(list.Items))
				}
			}
		})
	}
}
