package export

import (
	"fmt"
	"io"
	"time"

	"github.com/google/pprof/profile"
)

// The types of a pprof file's values, in this order.
const (
	TypeCost = "cost"
	TypeWall = "wall"
	TypeCPU  = "cpu"
)

// Pprof writes a profile as gzipped protocol buffers, as `go tool pprof` reads it. The page is the address of more about it, shown by tools; it
// may be empty.
func Pprof(w io.Writer, p Profile, page string) error {
	return newPprofFile(p, page).Write(w)
}

// pprofFile gives each function and each place in one a number once.
type pprofFile struct {
	*profile.Profile
	mapping   *profile.Mapping
	functions map[[2]string]*profile.Function
	locations map[Frame]*profile.Location
}

func newPprofFile(p Profile, page string) *profile.Profile {
	// A mapping that has all names keeps tools from looking for symbols. "File" is what they call it.
	mapping := &profile.Mapping{ID: 1, File: p.ClusterID, HasFunctions: true, HasFilenames: true, HasLineNumbers: true}
	f := pprofFile{
		Profile: &profile.Profile{
			SampleType: []*profile.ValueType{
				{Type: TypeCost, Unit: p.Unit()}, {Type: TypeWall, Unit: "nanoseconds"}, {Type: TypeCPU, Unit: "nanoseconds"},
			},
			DefaultSampleType: TypeCost, DocURL: page, Mapping: []*profile.Mapping{mapping},
			TimeNanos: p.Start.UnixNano(), DurationNanos: max(p.End.Sub(p.Start), 0).Nanoseconds(),
			Comments: []string{fmt.Sprintf("Bill of %s up to %s: %d nano-units (billionths) of %s.", p.ClusterID, p.End.Format(time.RFC3339), p.TotalNanos, p.Currency)},
		},
		mapping: mapping, functions: map[[2]string]*profile.Function{}, locations: map[Frame]*profile.Location{},
	}
	for _, s := range p.Samples {
		sample := &profile.Sample{Value: []int64{s.CostNanos, s.WallNanos, s.CPUNanos}, Label: s.Labels.pprof()}
		for i := len(s.Stack) - 1; i >= 0; i-- {
			sample.Location = append(sample.Location, f.location(s.Stack[i]))
		}
		f.Sample = append(f.Sample, sample)
	}
	return f.Profile
}

func (f *pprofFile) location(at Frame) *profile.Location {
	if known, ok := f.locations[at]; ok {
		return known
	}
	location := &profile.Location{
		ID: uint64(len(f.Location) + 1), Mapping: f.mapping, Line: []profile.Line{{Function: f.function(at), Line: int64(at.Line)}},
	}
	f.Location = append(f.Location, location)
	f.locations[at] = location
	return location
}

// function leaves the system's name empty: where both names are the same, pprof takes "<module>" for what is left of a C++ template, and
// cuts it off.
func (f *pprofFile) function(at Frame) *profile.Function {
	key := [2]string{at.Name, at.File}
	if known, ok := f.functions[key]; ok {
		return known
	}
	function := &profile.Function{ID: uint64(len(f.Function) + 1), Name: at.Name, Filename: at.File}
	f.Function = append(f.Function, function)
	f.functions[key] = function
	return function
}

func (l Labels) pprof() map[string][]string {
	labels := map[string][]string{}
	for name, value := range map[string]string{
		"operation": l.Operation, "library": l.Library, "task_prefix": l.TaskPrefix, "origin": l.Origin,
	} {
		if value != "" {
			labels[name] = []string{value}
		}
	}
	return labels
}
