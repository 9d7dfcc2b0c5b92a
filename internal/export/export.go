// Package export writes bills and costs in the formats of other tools: profiles whose stacks cost money (pprof, speedscope, folded text), CSV,
// and FOCUS. Whatever is written sums to the bill's total, or to the costs, to the nano-unit.
package export

import (
	"path"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/usage"
)

// The outermost frames of money that is on no line.
const (
	// RootNotWork holds idle time, overhead, losses and what is not known.
	RootNotWork = "(not work)"
	// RootNoLine holds work that is on no line of user code.
	RootNoLine = "(no line)"
	// Unknown is the frame of what was not observed.
	Unknown = "unknown"
)

// Origin says in labels whether the outermost frame of work is the line that created it or the one that submitted it.
const (
	OriginCreated   = "created"
	OriginSubmitted = "submitted"
)

// Frame is one level of a stack. File is empty, and Line 0, where there is none.
type Frame struct {
	Name, File string
	Line       int
}

// Labels say of a sample what its stack does not; empty ones are not known, or do not apply.
type Labels struct {
	Operation, Library, TaskPrefix, Origin string
}

// Sample is what one stack cost, in nano-units, and its time in nanoseconds: WallNanos is what the money was divided by, CPUNanos the part of
// it that processors were seen to work.
type Sample struct {
	// Stack is outermost first.
	Stack                          []Frame
	Labels                         Labels
	CostNanos, WallNanos, CPUNanos int64
}

// Profile is a bill as stacks.
type Profile struct {
	ClusterID, Currency string
	Start, End          time.Time
	TotalNanos          int64
	// Samples sum to the total, and to the time of the bill.
	Samples []Sample
}

// Unit is the unit of the profile's costs, such as "nanousd".
func (p Profile) Unit() string { return "nano" + strings.ToLower(p.Currency) }

// NewProfile makes a profile of a bill. A sample is the part of a line in tasks of one prefix, by the line that created the work and by
// its kind; then follow the categories and what is unknown.
func NewProfile(b bill.Bill) Profile {
	p := Profile{
		ClusterID: text(string(b.ClusterID)), Currency: text(string(b.Card.Currency)),
		Start: b.Start.UTC(), End: b.AsOf.UTC(), TotalNanos: int64(b.Total),
	}
	for _, l := range b.Lines {
		stack, labels := stackOf(l), labelsOf(l)
		for _, part := range l.Prefixes {
			labels.TaskPrefix = text(part.Prefix)
			p.add(Sample{
				Stack: stack, Labels: labels, CostNanos: int64(part.Cost),
				WallNanos: nanos(part.ThreadMicros + part.NativeMicros), CPUNanos: nanos(part.CPUMicros + part.NativeMicros),
			})
		}
	}
	for _, k := range b.Categories {
		p.add(Sample{Stack: stackOfCategory(k.Name), CostNanos: int64(k.Cost), WallNanos: nanos(k.ThreadMicros)})
	}
	p.add(Sample{Stack: stackOfCategory(Unknown), CostNanos: int64(b.Unknown), WallNanos: nanos(b.UnknownMicros)})
	return p
}

// add keeps what has any value.
func (p *Profile) add(s Sample) {
	if s.CostNanos != 0 || s.WallNanos != 0 || s.CPUNanos != 0 {
		p.Samples = append(p.Samples, s)
	}
}

// stackOf is the line that created the work, the line where it was done if that is another, and the kind of work. The last has the place of the
// line, so that tools that only show innermost frames name the line, too. Plain Python of the line is the line itself.
func stackOf(l bill.Line) []Frame {
	stack := []Frame{frameOf(l.Origin)}
	if l.Line != l.Origin {
		stack = append(stack, frameOf(l.Line))
	}
	if name := operationName(l.Operation, l.Library); name != "" {
		stack = append(stack, Frame{Name: name, File: text(l.File), Line: l.Line.Line})
	}
	return stack
}

func frameOf(l usage.Line) Frame {
	f := Frame{Name: text(l.Function), File: text(l.File), Line: l.Line}
	if f.Name == "" {
		f.Name = path.Base(f.File)
	}
	return f
}

// operationName is "read.csv [pandas]", and empty where it would say nothing.
func operationName(operation, library string) string {
	switch {
	case library != "":
		return text(operation + " [" + library + "]")
	case operation == profile.OperationUser, operation == profile.OperationUnknown:
		return ""
	default:
		return text(operation)
	}
}

func labelsOf(l bill.Line) Labels {
	labels := Labels{Operation: text(l.Operation), Library: text(l.Library), Origin: OriginSubmitted}
	if l.Created {
		labels.Origin = OriginCreated
	}
	return labels
}

// stackOfCategory is "(not work)", "idle", "idle.no_work".
func stackOfCategory(name string) []Frame {
	name = text(name)
	if name == usage.CategoryUnattributed {
		return []Frame{{Name: RootNoLine}, {Name: name}}
	}
	stack := []Frame{{Name: RootNotWork}}
	if group, _, ok := strings.Cut(name, "."); ok {
		stack = append(stack, Frame{Name: group})
	}
	return append(stack, Frame{Name: name})
}

// text makes a name valid UTF-8: protocol buffers and JSON hold nothing else.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func nanos(micros int64) int64 { return micros * int64(time.Microsecond) }
