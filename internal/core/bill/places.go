package bill

import (
	"fmt"

	"github.com/lineitem/lineitem/internal/core/usage"
)

// places knows the lines of user code that work belongs to.
type places struct {
	submissions map[int64]usage.Submission
	origins     map[int64]usage.Origin
	parts       map[partKey]int64
}

type partKey struct {
	submission int64
	name       string
}

// place is where work belongs.
type place struct {
	// leaf is the line where the thread stood, origin the line that created the work.
	leaf, origin usage.Line
	// created is whether origin is known to have created the work. If not, it submitted it; where not even that is known, it is the leaf.
	created bool
}

func newPlaces(in Input) places {
	p := places{
		submissions: make(map[int64]usage.Submission, len(in.Submissions)), origins: make(map[int64]usage.Origin, len(in.Origins)),
		parts: make(map[partKey]int64, len(in.Parts)),
	}
	for _, s := range in.Submissions {
		p.submissions[s.ID] = s
	}
	for _, o := range in.Origins {
		p.origins[o.ID] = o
	}
	for _, part := range in.Parts {
		p.parts[partKey{part.Submission, part.Name}] = part.Origin
	}
	return p
}

// originOf returns the id of the line that created the work: that of the sub-task where the thread stood, else that of the task; 0 if it is not known.
func (p *places) originOf(l *usage.LineUsage) int64 {
	id := l.Origin
	if l.Part != "" {
		if part := p.parts[partKey{l.Submission, l.Part}]; part != 0 {
			id = part
		}
	}
	if p.origins[id].File == "" {
		return 0
	}
	return id
}

// submitted returns the line of a submission.
func (p *places) submitted(id int64) usage.Line {
	s := p.submissions[id]
	if s.File == "" {
		return usage.Line{}
	}
	return usage.Line{File: s.File, Line: s.Line, Function: s.Function}
}

// line returns the line of an origin, or of the submission where there is none, and whether it is the origin's.
func (p *places) line(origin, submission int64) (line usage.Line, created bool) {
	if o := p.origins[origin]; o.File != "" {
		return usage.Line{File: o.File, Line: o.Line, Function: o.Function}, true
	}
	return p.submitted(submission), false
}

// of places work; ok is false if no line is known at all.
func (p *places) of(l *usage.LineUsage) (at place, ok bool) {
	at.leaf = l.Line
	if at.leaf.File == "" {
		at.leaf = p.submitted(l.Submission)
	}
	at.origin, at.created = p.line(p.originOf(l), l.Submission)
	if at.leaf.File == "" {
		at.leaf = at.origin
	}
	if at.origin.File == "" {
		at.origin = at.leaf
	}
	return at, at.leaf.File != ""
}

// shared returns the lines that asked for exactly the same work as an origin, as file:line.
func (p *places) shared(origin int64) []string {
	var out []string
	o := p.origins[origin]
	for _, id := range o.Shared {
		if other := p.origins[id]; other.File != "" && (other.File != o.File || other.Line != o.Line) {
			out = append(out, fmt.Sprintf("%s:%d", other.File, other.Line))
		}
	}
	return out
}
