// Package price is the price book: what machines and their parts cost an hour, where, how bought, since when and until when, and who
// says so. It chooses the entries that price a machine, plans imports that never change the past, and reads price lists. What no entry
// prices is unknown, never 0. docs/prices.md has the rules.
package price

import (
	"cmp"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Unit is what an entry prices an hour of.
type Unit string

// Units.
const (
	Node         Unit = "node"      // one machine, by its name
	Instance     Unit = "instance"  // a whole machine, by its type
	CoreHour     Unit = "core_hour" // one core
	GigabyteHour Unit = "gb_hour"   // 10^9 bytes of memory
	GPUHour      Unit = "gpu_hour"  // one GPU, by its model
)

// Purchase is how a machine was bought. Each has prices of its own: one is never a discount on another.
type Purchase string

// Purchases.
const (
	OnDemand Purchase = "on_demand"
	Spot     Purchase = "spot"
	Reserved Purchase = "reserved"
)

// Key is what an entry prices. Of one key at most one entry is in force at any moment.
type Key struct {
	// Provider is who rents the machine out, in lower case: "aws", or the name of a backend for machines of one's own.
	Provider string
	// Region is a region or a zone; empty for any.
	Region string
	Unit   Unit
	// Name is the instance type, the machine's name or the model of the GPU; empty for cores and memory.
	Name     string
	Purchase Purchase
}

// Entry is a price with its validity and its source. Once kept it is only ever ended.
type Entry struct {
	ID string
	Key
	NanosPerHour cost.Nanos
	Currency     cost.Currency
	// ValidFrom and ValidTo are the half-open time in which it is in force; a zero ValidTo is open. An entry that was ended where it
	// begins was withdrawn before it came into force.
	ValidFrom, ValidTo time.Time
	// Source says in words where the price comes from, AsOf when it was true there.
	Source string
	AsOf   time.Time
	// Accelerator and Accelerators are the GPUs whose price a machine's price includes.
	Accelerator  string
	Accelerators int
}

// InForce reports whether the entry is in force at a moment.
func (e Entry) InForce(at time.Time) bool {
	return !at.Before(e.ValidFrom) && (e.ValidTo.IsZero() || at.Before(e.ValidTo))
}

// samePrice reports whether two entries of one key say the same.
func (e Entry) samePrice(other Entry) bool {
	return e.NanosPerHour == other.NanosPerHour && e.Currency == other.Currency &&
		e.Accelerators == other.Accelerators && foldModel(e.Accelerator) == foldModel(other.Accelerator)
}

// fold makes keys equal that mean the same: models of GPUs are written in many ways.
func (k Key) fold() Key {
	k.Provider = strings.ToLower(k.Provider)
	if k.Unit == GPUHour {
		k.Name = foldModel(k.Name)
	}
	return k
}

// String names the key for people.
func (k Key) String() string {
	words := []string{k.Provider}
	if k.Region != "" {
		words = append(words, k.Region)
	}
	switch k.Unit {
	case CoreHour:
		words = append(words, "a core")
	case GigabyteHour:
		words = append(words, "a GB of memory")
	case GPUHour:
		words = append(words, "a GPU", k.Name)
	case Node:
		words = append(words, "machine", k.Name)
	default:
		words = append(words, k.Name)
	}
	return strings.Join(words, " ") + " (" + string(k.Purchase) + ")"
}

// foldModel writes the model of a GPU in one way: "NVIDIA A100-SXM4-80GB" and "a100_sxm4_80gb" are one.
func foldModel(model string) string {
	model = strings.Join(strings.FieldsFunc(strings.ToLower(model), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), "-")
	return strings.TrimPrefix(strings.TrimPrefix(model, "nvidia-"), "tesla-")
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Unit, b.Unit),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Purchase, b.Purchase))
}

func compareEntries(a, b Entry) int {
	return cmp.Or(compareKeys(a.Key, b.Key), a.ValidFrom.Compare(b.ValidFrom), cmp.Compare(a.ID, b.ID))
}

// acceleratedTypes are how the names of instance types begin that have GPUs or the like, by provider. The host-only rows that some
// price lists have of them would otherwise pass for the price of the whole machine.
var acceleratedTypes = map[string][]string{
	"aws":   {"f1.", "f2.", "g2.", "p2.", "p3.", "p3dn.", "p4d.", "p4de.", "p5.", "p5e.", "p5en.", "p6-", "p6e-", "g3.", "g3s.", "g4ad.", "g4dn.", "g5.", "g5g.", "g6.", "g6e.", "g6f.", "gr6.", "gr6f.", "g7.", "g7e.", "inf1.", "inf2.", "trn1.", "trn1n.", "trn2.", "trn2u.", "dl1.", "dl2q.", "vt1."},
	"gcp":   {"a2-", "a3-", "a4-", "a4x-", "g2-", "g4-"},
	"azure": {"Standard_NC", "Standard_ND", "Standard_NV", "Standard_NG", "Standard_NP"},
}

// accelerated reports whether an instance type is known to have GPUs or the like.
func accelerated(provider, instance string) bool {
	for _, head := range acceleratedTypes[strings.ToLower(provider)] {
		if len(instance) >= len(head) && strings.EqualFold(instance[:len(head)], head) {
			return true
		}
	}
	return false
}
