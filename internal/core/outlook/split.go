package outlook

import (
	"cmp"
	"slices"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/spend"
)

// Part is a share of what was spent: an operation of work, or a category of what is no work.
type Part struct {
	// Kind is one of bill's; Name the operation of work, else the category.
	Kind, Name   string
	Cost, Before cost.Nanos
	// Owners are those who can mend most of it, dearest first, where that is the owners of clusters; MoreOwners others have some of it, too.
	Owners     []Owner
	MoreOwners int
}

// Owner is a user, and what a part cost on their clusters.
type Owner struct {
	User string
	Cost cost.Nanos
}

// namedOwners of a part are.
const namedOwners = 3

// Fixer is who can do something about a part.
type Fixer string

// Fixers.
const (
	FixerOwner    Fixer = "owner"    // whoever runs the cluster
	FixerPlatform Fixer = "platform" // whoever runs the machines and this server
	FixerNobody   Fixer = ""         // it is work
)

// advice says who can do something about a category, and what.
var advice = map[string]struct {
	fixer Fixer
	name  string
	what  string
}{
	"idle.no_work":      {FixerOwner, "Idle, nothing submitted", "Stop or shrink the cluster while nothing is submitted."},
	"idle.starved":      {FixerOwner, "Idle, tasks elsewhere", "Split the work into more tasks, or use fewer workers."},
	"idle.waiting_data": {FixerOwner, "Idle, waiting for data", "Move less between workers: larger partitions, fewer shuffles."},
	"idle.paused":       {FixerOwner, "Idle, paused", "Give workers more memory, or tasks smaller partitions."},
	"idle.holding":      {FixerOwner, "Idle, holding results", "Release results that are no longer needed, and close notebooks."},
	"idle.gpu":          {FixerOwner, "Idle GPUs", "Take machines without GPUs for this, or move the work to them."},
	"idle.starting":     {FixerPlatform, "Idle, starting", "Make environments and machines start faster."},
	"idle.closing":      {FixerPlatform, "Idle, closing", "Make workers end faster."},
	"overhead.dask":     {FixerOwner, "Dask overhead", "Make tasks longer: hundreds of microseconds of each are Dask's own."},
	"overhead.scheduler": {
		FixerPlatform, "Scheduler", "Give schedulers smaller machines, or share clusters.",
	},
	"lost.worker":     {FixerOwner, "Lost with a worker", "Find out why workers ended: their logs say whether memory ran out."},
	"lost.telemetry":  {FixerPlatform, "Reports lost", "Find out why reports are lost between workers and this server."},
	bill.KindUnknown:  {FixerPlatform, "Not observed", "Start workers with the agent, so that their time is observed."},
	bill.KindIdle:     {FixerOwner, "Idle", "Stop or shrink clusters while nothing runs."},
	bill.KindOverhead: {FixerPlatform, "Overhead", "Look at what surrounds the work."},
	bill.KindLost:     {FixerPlatform, "Lost", "Find out what became of the reports."},
}

// Mend says who can do something about the part, and what; FixerNobody for work.
func (p Part) Mend() (fixer Fixer, what string) {
	if p.Kind == bill.KindWork || p.Kind == bill.KindUnattributed {
		return FixerNobody, ""
	}
	a, ok := advice[p.Name]
	if !ok {
		a = advice[p.Kind]
	}
	return a.fixer, a.what
}

// Title is the part in words; of work its operation.
func (p Part) Title() string {
	if fixer, _ := p.Mend(); fixer == FixerNobody {
		return p.Name
	}
	if a, ok := advice[p.Name]; ok {
		return a.name
	}
	return p.Name
}

// Waste reports whether the part was paid for and brought nothing: idle time, overhead, and work that was lost with its worker. What was not observed is not called
// waste.
func (p Part) Waste() bool {
	return p.Kind == bill.KindIdle || p.Kind == bill.KindOverhead || p.Name == "lost.worker"
}

// Unseen reports whether nobody knows what the part was.
func (p Part) Unseen() bool {
	return p.Kind == bill.KindUnknown || p.Kind == bill.KindLost && p.Name != "lost.worker"
}

// ownersWaste keeps what the owners of clusters can mend; nothing where there is nothing of the kind.
func (o *Overview) ownersWaste() []spend.Filter {
	var kinds, names []string
	for _, p := range o.Split {
		if fixer, _ := p.Mend(); fixer != FixerOwner || p.Cost == 0 {
			continue
		}
		if !slices.Contains(kinds, p.Kind) {
			kinds = append(kinds, p.Kind)
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil
	}
	return []spend.Filter{{Dimension: "kind", Values: kinds}, {Dimension: "operation", Values: names}}
}

// owners names who can mend each part that owners can mend.
func (o *Overview) owners(waste spend.Answer) {
	for i := range o.Split {
		p := &o.Split[i]
		if fixer, _ := p.Mend(); fixer != FixerOwner {
			continue
		}
		for _, row := range waste.Rows { // dearest first
			switch {
			case row.Keys[0] != p.Name || row.Cost == 0:
			case len(p.Owners) < namedOwners:
				p.Owners = append(p.Owners, Owner{User: row.Keys[1], Cost: row.Cost})
			default:
				p.MoreOwners++
			}
		}
	}
}

// kinds in the order in which a split lists them.
var kinds = []string{bill.KindWork, bill.KindUnattributed, bill.KindIdle, bill.KindOverhead, bill.KindLost, bill.KindUnknown}

// Split orders parts: work first, unknown last, dearest first within each kind.
func Split(parts []Part) []Part {
	sorted := slices.Clone(parts)
	slices.SortFunc(sorted, func(a, b Part) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}
