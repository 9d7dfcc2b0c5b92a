package price

import (
	"strconv"
	"strings"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Why lines of foreign lists are left out.
const (
	noPrice      = "no price: public lists have 0 or nothing where they do not know"
	notComputing = "no computing: disks and the like have no price here"
	partOfGPU    = "a fraction of an accelerator, which no machine here has"
	superseded   = "a price of the same thing that was seen earlier"
)

// skyPilot reads a line of a vms.csv of SkyPilot's catalogue. It has one line for each zone: the first gives the price of the
// region, and a zone with another price gets an entry of its own. A line without an instance type prices an accelerator.
func (r *reader) skyPilot() error {
	region, zone := r.field("Region"), r.field("AvailabilityZone")
	k := Key{Provider: r.o.Provider, Region: region, Unit: Instance, Name: r.field("InstanceType"), Purchase: OnDemand}
	model := r.field("AcceleratorName")
	count, whole, err := r.accelerators()
	if err != nil {
		return err
	}
	if k.Name == "" {
		if model == "" {
			return r.wrong("it names neither an instance type nor an accelerator")
		}
		k.Unit, k.Name = GPUHour, model
	}
	if !whole || model != "" && count == 0 {
		r.leaveOut(partOfGPU)
		return nil
	}
	for _, p := range []struct {
		purchase Purchase
		column   string
	}{{OnDemand, "Price"}, {Spot, "SpotPrice"}} {
		if text := r.field(p.column); text == "" || strings.EqualFold(text, "nan") {
			if p.purchase == OnDemand {
				r.leaveOut(noPrice)
			}
			continue
		}
		nanos, err := r.price(p.column)
		if err != nil {
			return err
		}
		if nanos == 0 {
			r.leaveOut(noPrice)
			continue
		}
		k.Purchase = p.purchase
		e := r.entry(k, nanos)
		if k.Unit == GPUHour {
			e.NanosPerHour = max(nanos/cost.Nanos(count), 1)
		} else if model != "" {
			e.Accelerator, e.Accelerators = model, count
		}
		if err := r.ofZone(e, zone); err != nil {
			return err
		}
	}
	return nil
}

// accelerators reads how many accelerators a line is for; whole is false for a fraction.
func (r *reader) accelerators() (count int, whole bool, err error) {
	text := r.field("AcceleratorCount")
	if text == "" {
		return 0, true, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 10_000) {
		return 0, false, r.wrong("AcceleratorCount is %q, which is no number from 0 to 10000", cut(text))
	}
	return int(f), f == float64(int(f)), nil
}

// ofZone takes a price of a zone: for the region where it is the first of its region, for the zone where it differs from that.
func (r *reader) ofZone(e Entry, zone string) error {
	i, seen := r.seen[e.Key.fold()]
	switch {
	case !seen:
		r.seen[e.Key.fold()] = len(r.list.Rows)
		return r.keep(e)
	case r.list.Rows[i].samePrice(e):
		return nil
	case zone == "" || zone == e.Region:
		return r.wrong("it prices %s otherwise than line %d does", e.Key, r.list.Rows[i].Line)
	}
	e.Region = zone
	return r.ofZone(e, "")
}

// openCost reads a line of OpenCost's CSV. A node is one machine where the line names it, else all of an instance type; a GPU is priced by its
// model. The time of a line is that at which its price was seen.
func (r *reader) openCost() error {
	if version := r.field("Version"); version != "" && version != "v1" && version != "1" {
		return r.wrong("Version is %q, and only v1 is known", cut(version))
	}
	k := Key{Provider: r.o.Provider, Region: r.field("Region"), Purchase: OnDemand}
	switch class := r.field("AssetClass"); class {
	case "node":
		k.Unit, k.Name = Node, r.field("InstanceID")
		if k.Name == "" || !strings.HasPrefix(r.field("InstanceIDField"), "metadata.") && !strings.HasPrefix(r.field("InstanceIDField"), "spec.") && r.field("InstanceType") != "" {
			k.Unit, k.Name = Instance, r.field("InstanceType")
		}
	case "gpu":
		k.Unit, k.Name = GPUHour, r.field("InstanceID")
	default:
		if class == "" {
			return r.wrong("AssetClass is empty")
		}
		r.leaveOut(notComputing)
		return nil
	}
	if text := r.field("MarketPriceHourly"); text == "" {
		r.leaveOut(noPrice)
		return nil
	}
	nanos, err := r.price("MarketPriceHourly")
	if err != nil {
		return err
	}
	if nanos == 0 {
		r.leaveOut(noPrice)
		return nil
	}
	e := r.entry(k, nanos)
	if e.AsOf, err = r.time("EndTimestamp", e.AsOf); err != nil {
		return err
	}
	return r.latest(e)
}

// latest takes the price that was seen last of those of one key.
func (r *reader) latest(e Entry) error {
	i, seen := r.seen[e.Key.fold()]
	if !seen {
		r.seen[e.Key.fold()] = len(r.list.Rows)
		return r.keep(e)
	}
	known := &r.list.Rows[i]
	r.leaveOut(superseded)
	if e.AsOf.After(known.AsOf) {
		e.Key = known.Key
		known.Entry, known.Line = e, r.line
	}
	return nil
}
