package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/inventory"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

// useLag is how far the end of a use may lag behind what was reported: most reports change nothing then.
const useLag = 30 * time.Second

var (
	putPackages = newBulk(
		`INSERT INTO environment_packages (environment_id, key, name, version, manager, modules)`, 6, `ON CONFLICT DO NOTHING`)
	putUses = newBulk(
		`INSERT INTO software_uses (cluster_id, key, subject, role, environment, first_at, last_at)`, 7,
		`ON CONFLICT (cluster_id, key) DO UPDATE
SET first_at = CASE WHEN excluded.first_at < software_uses.first_at THEN excluded.first_at ELSE software_uses.first_at END,
    last_at = CASE WHEN excluded.last_at > software_uses.last_at THEN excluded.last_at ELSE software_uses.last_at END
WHERE excluded.last_at >= software_uses.last_at + `+strconv.FormatInt(useLag.Microseconds(), 10)+` OR excluded.first_at < software_uses.first_at`)
	putImports = newBulk(
		`INSERT INTO module_imports (cluster_id, key, subject, module, at)`, 5,
		`ON CONFLICT (cluster_id, key) DO UPDATE SET at = excluded.at WHERE excluded.at < module_imports.at`)
	addModuleUsage = newBulk(
		`INSERT INTO module_usage (cluster_id, process_id, hour_at, key, module, thread_micros)`, 6,
		`ON CONFLICT (cluster_id, process_id, hour_at, key) DO UPDATE SET thread_micros = module_usage.thread_micros + excluded.thread_micros`)
)

// PutEnvironment keeps an environment, unless one of its id is there.
func (db *DB) PutEnvironment(ctx context.Context, e usage.Environment) error {
	details, err := envToDB(e.Details)
	if err != nil {
		return err
	}
	return db.Atomically(ctx, func(ctx context.Context) error {
		n, err := db.write(ctx).PutEnvironment(ctx, sqlcgen.PutEnvironmentParams{
			ID: text(e.ID), Python: text(e.Python), Implementation: text(e.Implementation), Platform: text(e.Platform), Details: details,
		})
		if err != nil || n == 0 {
			return fail("put an environment", err)
		}
		return db.exec(ctx, "put the packages of an environment", putPackages, len(e.Packages), func(to []any, i int) []any {
			p := e.Packages[i]
			name, version, manager := text(p.Name), text(p.Version), text(p.Manager)
			return append(to, text(e.ID), hashKey(name, version, manager), name, version, manager, jsonToDB(p.Modules, "[]"))
		})
	})
}

// EnvironmentByID returns an environment with its packages by name.
func (db *DB) EnvironmentByID(ctx context.Context, id string) (usage.Environment, error) {
	row, err := db.read(ctx).GetEnvironment(ctx, id)
	if err != nil {
		return usage.Environment{}, found("read an environment", "environment", err)
	}
	packages, err := db.read(ctx).ListEnvironmentPackages(ctx, id)
	if err != nil {
		return usage.Environment{}, fail("list packages", err)
	}
	return usage.Environment{
		ID: row.ID, Python: row.Python, Implementation: row.Implementation, Platform: row.Platform,
		Details: jsonFromDB[map[string]string](row.Details),
		Packages: convert(packages, func(r sqlcgen.EnvironmentPackage) usage.Package {
			return usage.Package{Name: r.Name, Version: r.Version, Manager: r.Manager, Modules: jsonFromDB[[]string](r.Modules)}
		}),
	}, nil
}

// EnvironmentSeen tells whether a cluster within the scope has the environment.
func (db *DB) EnvironmentSeen(ctx context.Context, scope identity.Scope, id string) (bool, error) {
	owner, led := scopeToDB(&scope)
	n, err := db.read(ctx).CountEnvironmentSeen(ctx, sqlcgen.CountEnvironmentSeenParams{Environment: id, Owner: owner, Led: led})
	return n > 0, fail("count who has an environment", err)
}

// mergeRows makes one row of those with the same key: one statement may touch a row only once.
func mergeRows[K comparable, R any](rows []R, key func(R) K, merge func(to *R, from R)) []R {
	index := make(map[K]int, len(rows))
	out := make([]R, 0, len(rows))
	for _, r := range rows {
		k := key(r)
		if i, ok := index[k]; ok {
			merge(&out[i], r)
			continue
		}
		index[k] = len(out)
		out = append(out, r)
	}
	return out
}

type subjectKey struct {
	id              cluster.ID
	subject, object string
}

// PutUses widens what is there of a subject and an environment. Its end may lag by half a minute.
func (db *DB) PutUses(ctx context.Context, uses []inventory.Use) error {
	uses = mergeRows(uses, func(u inventory.Use) subjectKey {
		return subjectKey{u.ClusterID, text(u.Subject), text(u.Environment)}
	}, func(to *inventory.Use, from inventory.Use) {
		if from.FirstAt.Before(to.FirstAt) {
			to.FirstAt = from.FirstAt
		}
		if from.LastAt.After(to.LastAt) {
			to.LastAt = from.LastAt
		}
	})
	return db.exec(ctx, "put who runs where", putUses, len(uses), func(to []any, i int) []any {
		u := uses[i]
		subject, environment := text(u.Subject), text(u.Environment)
		return append(to, string(u.ClusterID), hashKey(subject, environment), subject, u.Role, environment, micros(u.FirstAt), micros(u.LastAt))
	})
}

// TouchUses records that a subject still ran.
func (db *DB) TouchUses(ctx context.Context, id cluster.ID, subject string, at time.Time) error {
	return fail("touch who runs where", db.write(ctx).TouchSoftwareUse(ctx, sqlcgen.TouchSoftwareUseParams{
		LastAt: micros(at), ClusterID: string(id), Subject: text(subject),
	}))
}

// PutImports keeps the earliest import of a module by a subject.
func (db *DB) PutImports(ctx context.Context, imports []inventory.Import) error {
	rows := mergeRows(imports, func(r inventory.Import) subjectKey {
		return subjectKey{r.ClusterID, text(r.Subject), text(r.Module)}
	}, func(to *inventory.Import, from inventory.Import) {
		if from.At.Before(to.At) {
			to.At = from.At
		}
	})
	slices.SortFunc(rows, func(a, b inventory.Import) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Module, b.Module))
	})
	return db.exec(ctx, "put imports", putImports, len(rows), func(to []any, i int) []any {
		r := rows[i]
		subject, module := text(r.Subject), text(r.Module)
		return append(to, string(r.ClusterID), hashKey(subject, module), subject, module, micros(r.At))
	})
}

// AddModuleUsage adds thread-time to what is there under the same keys.
func (db *DB) AddModuleUsage(ctx context.Context, rows []inventory.ModuleUsage) error {
	type rowKey struct {
		subjectKey
		hourAt int64
	}
	rows = mergeRows(rows, func(r inventory.ModuleUsage) rowKey {
		return rowKey{subjectKey{r.ClusterID, text(string(r.ProcessID)), text(r.Module)}, micros(r.HourAt)}
	}, func(to *inventory.ModuleUsage, from inventory.ModuleUsage) { to.ThreadMicros += from.ThreadMicros })
	return db.exec(ctx, "add time of modules", addModuleUsage, len(rows), func(to []any, i int) []any {
		r := rows[i]
		module := text(r.Module)
		return append(to, string(r.ClusterID), text(string(r.ProcessID)), micros(r.HourAt), hashKey(module), module, r.ThreadMicros)
	})
}

// DeleteModuleUsage drops the thread-time of a cluster.
func (db *DB) DeleteModuleUsage(ctx context.Context, id cluster.ID) error {
	return fail("delete time of modules", db.write(ctx).DeleteModuleUsage(ctx, string(id)))
}

// EnvironmentUses returns which roles of a cluster run in which environments.
func (db *DB) EnvironmentUses(ctx context.Context, id cluster.ID) ([]inventory.EnvironmentUse, error) {
	rows, err := db.read(ctx).ListEnvironmentUses(ctx, string(id))
	return convert(rows, func(r sqlcgen.ListEnvironmentUsesRow) inventory.EnvironmentUse {
		return inventory.EnvironmentUse{Environment: r.Environment, Role: r.Role, FirstAt: fromMicros(r.FirstAt), LastAt: fromMicros(r.LastAt)}
	}), fail("list environments", err)
}

// ModuleImports returns which modules, or whether one, were imported in which environments of a cluster.
func (db *DB) ModuleImports(ctx context.Context, id cluster.ID, module string) ([]inventory.ModuleImport, error) {
	rows, err := db.read(ctx).ListModuleImports(ctx, sqlcgen.ListModuleImportsParams{ClusterID: string(id), Column2: text(module)})
	return convert(rows, func(r sqlcgen.ListModuleImportsRow) inventory.ModuleImport {
		return inventory.ModuleImport{Environment: r.Environment, Module: r.Module, LastAt: fromMicros(r.LastAt)}
	}), fail("list imports", err)
}

// ModuleTimes returns the thread-time of modules, or of one, by process and environment.
func (db *DB) ModuleTimes(ctx context.Context, id cluster.ID, module string) ([]inventory.ModuleTime, error) {
	rows, err := db.read(ctx).ListModuleUsage(ctx, sqlcgen.ListModuleUsageParams{ClusterID: string(id), Column2: text(module)})
	return convert(rows, func(r sqlcgen.ListModuleUsageRow) inventory.ModuleTime {
		return inventory.ModuleTime{
			ProcessID: cluster.ProcessID(r.ProcessID), Environment: r.Environment, Module: r.Module, ThreadMicros: r.ThreadMicros,
			LastHourAt: fromMicros(r.LastHourAt),
		}
	}), fail("list time of modules", err)
}
