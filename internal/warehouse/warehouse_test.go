package warehouse_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/core/spend"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// begin is a few days before Europe's clocks go back and a month ends.
var begin = time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)

// span is how many hours the tests' facts are spread over: into the third month.
const span = 45 * 24

// Zones with clocks that change, at midnight too, and with half hours and quarters.
var zones = []string{"UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Pacific/Kiritimati", "Pacific/Pago_Pago"}

func zone(t rapid.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// owners are what clusters are of.
var owners = []spend.Of{
	{Cluster: "cl_a", Name: "etl", Backend: "local", UserID: "us_1", User: "ana", Group: "/research/genomics", RulesVersion: 3},
	{Cluster: "cl_b", Name: "etl", Backend: "slurm", UserID: "us_1", User: "ana", Group: "/research", RulesVersion: 2},
	{Cluster: "cl_c", Name: "it's", Backend: "local", UserID: "us_2", User: "ben", Group: "/researchers", RulesVersion: 0},
	{Cluster: "cl_d", Name: "", Backend: "local", UserID: "us_3", User: "ana", Group: "", RulesVersion: 5},
}

func pick[T any](t *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(t, name) }

// someHours draws what a cluster spent within one hour.
func someHours(t *rapid.T, start time.Time) []bill.Hour {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) bill.Hour {
		h := bill.Hour{
			Start: start, Kind: pick(t, "kind", bill.KindWork, bill.KindWork, bill.KindIdle, bill.KindUnknown, bill.KindLost),
			Cost: pick(t, "cost", 0, 1, cost.Nanos(rapid.Int64Range(0, 1e15).Draw(t, "nanos"))), ThreadMicros: rapid.Int64Range(0, 4e9).Draw(t, "us"),
			CPUMicros: rapid.Int64Range(0, 4e9).Draw(t, "cpu"), NativeMicros: rapid.Int64Range(0, 9).Draw(t, "native"),
			Project: pick(t, "project", "", "climate"),
		}
		h.Category = h.Kind
		if h.Kind == bill.KindIdle {
			h.Category = pick(t, "category", "idle.no_work", "idle.waiting")
		}
		if h.Kind == bill.KindWork {
			h.Operation, h.Library, h.Prefix = pick(t, "operation", "read.csv", "read.parquet", "merge"), pick(t, "library", "pandas", "numpy"), pick(t, "task", "", "getitem")
			h.Origin = usage.Line{File: pick(t, "file", "a.py", "b'.py", "a.py:1", ""), Line: rapid.IntRange(0, 2).Draw(t, "line"), Function: pick(t, "function", "", "main")}
			h.Leaf = usage.Line{File: pick(t, "leaf", "core.py", ""), Line: rapid.IntRange(0, 12).Draw(t, "leaf_line")}
			h.Created = rapid.Bool().Draw(t, "created")
		}
		return h
	}), 0, 4).Draw(t, "hours")
}

type facts map[warehouse.Pair][]spend.Fact

// someFacts draws the facts of some pairs.
func someFacts(t *rapid.T, name string) facts {
	out := facts{}
	for range rapid.IntRange(0, 12).Draw(t, name) {
		of := pick(t, "of", owners...)
		hour := begin.Add(time.Duration(rapid.IntRange(0, span-1).Draw(t, "hour")) * time.Hour)
		out[warehouse.Pair{Cluster: of.Cluster, Hour: hour}] = spend.Facts(of, someHours(t, hour))
	}
	return out
}

func (f facts) pairs() []warehouse.Pair { return slices.Collect(maps.Keys(f)) }

func (f facts) all() []spend.Fact {
	var out []spend.Fact
	for _, fs := range f {
		out = append(out, fs...)
	}
	return out
}

// apply does to a catalogue what the store does.
func apply(t rapid.TB, live []warehouse.Segment, c warehouse.Change) []warehouse.Segment {
	for _, s := range c.Gone {
		at := slices.Index(live, s)
		if at < 0 {
			t.Fatalf("%v is gone and was not there", s)
		}
		live = slices.Delete(live, at, at+1)
	}
	live = append(live, c.Fresh...)
	type key struct {
		table string
		day   time.Time
	}
	seen := map[key]bool{}
	for _, s := range live {
		if k := (key{s.Table, s.Day}); seen[k] {
			t.Fatalf("two segments of %v", k)
		} else {
			seen[k] = true
		}
	}
	return live
}

// testingT is a test or a check of one.
type testingT interface {
	rapid.TB
	Context() context.Context
	Cleanup(f func())
}

func open(t testingT, z string) *warehouse.Warehouse {
	dir, err := os.MkdirTemp("", "warehouse")
	if err != nil {
		t.Fatal(err)
	}
	w, err := warehouse.Open(context.Background(), dir, warehouse.Options{Threads: 2, MemoryBytes: 256 << 20, Zone: zone(t, z), Currency: "NOK"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return w
}

// someQuery draws a question that passes its check.
func someQuery(t *rapid.T, home string) spend.Query {
	names, _ := spend.Dimensions()
	values := map[spend.Dimension][]string{
		"user": {"ana", "b*"}, "group": {"/research", "/research*", ""}, "cluster": {"cl_a", "cl_*"}, "name": {"it's", ""}, "backend": {"local"}, "project": {"", "climate"},
		"kind": {"work", "idle"}, "category": {"idle.*"}, "operation": {"read.*", "merge", "idle*", "unknown"}, "library": {"pandas", ""}, "file": {"a.py", "b'*", "*"},
		"line": {"a.py:1", "a.py:1:2", "a.py:*", "a.*", "", "b'.py:01", "b'.py:2", ":1"}, "function": {"main"}, "leaf": {"core.py:1*", "core.py:7", ""}, "task": {"getitem", ""},
		"hour": {"2026-10-25*", "2026-11-01T0*"}, "day": {"2026-10-31", "2026-11-*"}, "week": {"2026-W45"}, "month": {"2026-10", "2026-1*", "2025*"},
	}
	q := spend.Query{
		By:    rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "by"),
		Zone:  zone(t, pick(t, "zone", home, home, pick(t, "other", zones...))),
		Limit: pick(t, "limit", 1, 3, spend.MaxRows),
		Since: begin.Add(time.Duration(rapid.IntRange(-50, span).Draw(t, "since")) * time.Hour),
	}
	q.Until = q.Since.Add(time.Duration(rapid.IntRange(1, span+50).Draw(t, "length")) * time.Hour)
	for range rapid.IntRange(0, 2).Draw(t, "filters") {
		d := pick(t, "filtered", names...)
		q.Where = append(q.Where, spend.Filter{Dimension: d, Values: rapid.SliceOfN(rapid.SampledFrom(values[d]), 1, 2).Draw(t, "values")})
	}
	if err := q.Check(); err != nil {
		t.Fatal(err)
	}
	return q
}

// oracle answers in plain Go.
func oracle(q spend.Query, scope spend.Scope, truth facts) spend.Answer {
	g := spend.NewGrouping(q, "NOK")
	for _, fs := range truth {
		for _, f := range fs {
			if !f.Start.Before(q.Since) && f.Start.Before(q.Until) && scope.Sees(f.Of) {
				g.Add(f.Of, []bill.Hour{f.Hour})
			}
		}
	}
	return g.Answer()
}

// TestAnswersAreThoseOfPlainGo is the promise: whatever was folded, folded again and not yet folded, and whatever rollup answers, an answer is that of adding facts
// up one by one, to the nano-unit.
func TestAnswersAreThoseOfPlainGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		home := pick(t, "home", zones...)
		w := open(t, home)
		truth := facts{}
		var live []warehouse.Segment
		for i := range rapid.IntRange(0, 3).Draw(t, "changes") {
			change := someFacts(t, fmt.Sprintf("change %d", i))
			c, err := w.Replace(t.Context(), live, change.pairs(), slices.Values(change.all()))
			if err != nil {
				t.Fatal(err)
			}
			live = apply(t, live, c)
			maps.Copy(truth, change)
		}
		now := someFacts(t, "delta")
		asOf := begin.Add(time.Minute)
		if err := w.Refresh(t.Context(), warehouse.View{Segments: live, Pairs: now.pairs(), Facts: now.all(), AsOf: asOf}); err != nil {
			t.Fatal(err)
		}
		maps.Copy(truth, now)
		for range 6 {
			q := someQuery(t, home)
			scope := pick(t, "scope", spend.Everything, spend.Everything, spend.Scope{}, spend.Scope{Users: []identity.UserID{"us_1"}}, spend.Scope{Users: []identity.UserID{"us_2"}, Groups: []string{"/research"}})
			got, err := w.Answer(t.Context(), q, scope)
			if err != nil {
				t.Fatalf("%v\n%s", err, got.SQL)
			}
			want := oracle(q, scope, truth)
			text := got.SQL
			if text == "" || !got.AsOf.Equal(asOf) {
				t.Fatalf("as of %v by %q", got.AsOf, text)
			}
			got.SQL, got.AsOf, got.ReadRows, got.Segments = "", time.Time{}, 0, 0
			if d := cmp.Diff(want, got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); d != "" {
				t.Fatalf("home %s, scope %+v, %+v\n%s\n%s", home, scope, q, d, text)
			}
		}
	})
}
