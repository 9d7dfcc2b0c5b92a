package inventory

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/lineitem/lineitem/internal/core/cluster"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// Input is what is known of the software of one cluster.
type Input struct {
	Cluster      cluster.Cluster
	AsOf         time.Time
	Uses         []EnvironmentUse
	Imports      []ModuleImport
	Times        []ModuleTime
	Processes    []cluster.Process
	Environments map[string]usage.Environment
}

// moduleOf is a module in an environment.
type moduleOf struct{ environment, module string }

// seenModule is what its code on stacks came to.
type seenModule struct {
	cost   cost.Nanos
	lastAt time.Time
}

// asks returns what tells whether a query asks for a package.
func (q Query) asks() func(p usage.Package) bool {
	name := NormalName(q.Name)
	return func(p usage.Package) bool {
		return name == "" || p.Name == name || slices.Contains(modulesOfPackage(p), q.Name)
	}
}

// wanted returns the only module that a query is about, "" if there may be several, and whether an environment has a package that it asks for.
func (in *Input) wanted(q Query) (module string, ok bool) {
	modules, asked := map[string]bool{}, q.asks()
	for _, e := range in.Environments {
		for _, p := range e.Packages {
			if !asked(p) {
				continue
			}
			ok = true
			for _, module = range modulesOfPackage(p) {
				modules[module] = true
			}
		}
	}
	if len(modules) != 1 {
		return "", ok
	}
	return module, ok
}

// Compute lists the packages of a cluster that a query asks for, and counts those whose version cannot be compared.
func Compute(in Input, q Query, versions Range) (items []PackageUse, skipped int) {
	if len(in.Uses) == 0 {
		return nil, 0
	}
	imported := make(map[moduleOf]time.Time, len(in.Imports))
	for _, i := range in.Imports {
		imported[moduleOf{i.Environment, i.Module}] = i.LastAt
	}
	seen, total := seenModules(in)
	asked := q.asks()
	uses := slices.Clone(in.Uses)
	slices.SortFunc(uses, func(a, b EnvironmentUse) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Role, b.Role))
	})
	for len(uses) > 0 {
		var roles []string
		var lastAt time.Time
		id := uses[0].Environment
		for len(uses) > 0 && uses[0].Environment == id {
			roles, lastAt, uses = append(roles, uses[0].Role), later(lastAt, uses[0].LastAt), uses[1:]
		}
		environment, ok := in.Environments[id]
		if !ok {
			continue
		}
		for _, p := range environment.Packages {
			if !asked(p) {
				continue
			}
			item := PackageUse{
				Name: p.Name, Version: p.Version, Cluster: in.Cluster, Roles: roles, Environment: id, Python: environment.Python,
				LastAt: lastAt, ClusterCost: total,
			}
			item.grade(id, modulesOfPackage(p), imported, seen)
			if item.Grade < q.Grade {
				continue
			}
			contained, known := versions.Contains(p.Version)
			if !known {
				skipped++
			}
			if contained {
				items = append(items, item)
			}
		}
	}
	return items, skipped
}

// grade finds the highest grade of a package's modules. Modules of one package call each other, so the dearest counts, not their sum.
func (u *PackageUse) grade(environment string, modules []string, imported map[moduleOf]time.Time, seen map[moduleOf]seenModule) {
	var importedAt, seenAt time.Time
	for _, module := range modules {
		key := moduleOf{environment, module}
		if at, ok := imported[key]; ok {
			u.Grade, importedAt = max(u.Grade, Imported), later(importedAt, at)
		}
		if s, ok := seen[key]; ok {
			u.Grade, seenAt, u.Cost = Seen, later(seenAt, s.lastAt), max(u.Cost, s.cost)
		}
	}
	switch u.Grade {
	case Imported:
		u.LastAt = importedAt
	case Seen:
		u.LastAt = earlier(seenAt, u.LastAt) // an hour is all that is known of the one, the other is the environment's end
	case Installed:
	}
}

// seenModules prices the time of modules: of each process, its cost by the module's share of the thread-time that was paid for. Total is what
// all processes cost.
func seenModules(in Input) (seen map[moduleOf]seenModule, total cost.Nanos) {
	type life struct {
		cost           cost.Nanos
		capacityMicros int64
		end            time.Time
	}
	lives := make(map[cluster.ProcessID]life, len(in.Processes))
	for _, p := range in.Processes {
		l := life{cost: p.Cost(in.AsOf), end: in.AsOf}
		if start, end, ok := p.Interval(in.AsOf); ok {
			l.capacityMicros, l.end = int64(max(p.Threads, 1))*end.Sub(start).Microseconds(), end
		}
		total += l.cost
		lives[p.ID] = l
	}
	seen = map[moduleOf]seenModule{}
	for _, t := range in.Times {
		l := lives[t.ProcessID]
		key := moduleOf{t.Environment, t.Module}
		s := seen[key]
		s.cost += share(l.cost, t.ThreadMicros, l.capacityMicros)
		lastAt := t.LastHourAt.Add(time.Hour) // some time within the hour, but not after the process
		if !l.end.IsZero() && l.end.Before(lastAt) {
			lastAt = l.end
		}
		s.lastAt = later(s.lastAt, lastAt)
		seen[key] = s
	}
	return seen, total
}

// share is total x part / whole, rounded down, and never more than the total.
func share(total cost.Nanos, part, whole int64) cost.Nanos {
	if total <= 0 || part <= 0 || whole <= 0 {
		return 0
	}
	if part >= whole {
		return total
	}
	high, low := bits.Mul64(uint64(total), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole)) // high < whole, because part < whole
	return cost.Nanos(quotient)
}
