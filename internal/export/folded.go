package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Folded writes a profile as text for flame graphs: one stack a line, frames outermost first between semicolons, a space, and its cost in
// nano-units. Each stack is there once, dearest samples first; what cost nothing is left out.
func Folded(w io.Writer, p Profile) error {
	sums, known := map[string]int64{}, map[Frame]string{}
	var stacks []string
	for _, s := range p.Samples {
		if s.CostNanos == 0 {
			continue
		}
		stack := foldedStack(s.Stack, known)
		if _, ok := sums[stack]; !ok {
			stacks = append(stacks, stack)
		}
		sums[stack] += s.CostNanos
	}
	out := bufio.NewWriter(w)
	for _, stack := range stacks {
		fmt.Fprintf(out, "%s %d\n", stack, sums[stack])
	}
	return out.Flush()
}

// foldedStack writes a stack. Frames stand in many, so those that were written are known.
func foldedStack(stack []Frame, known map[Frame]string) string {
	frames := make([]string, len(stack))
	for i, f := range stack {
		name, ok := known[f]
		if !ok {
			name = foldedText(f.String())
			known[f] = name
		}
		frames[i] = name
	}
	return strings.Join(frames, ";")
}

// String is "clean (/home/ana/job.py:12)", or the name alone where there is no file.
func (f Frame) String() string {
	if f.File == "" {
		return f.Name
	}
	return fmt.Sprintf("%s (%s:%d)", f.Name, f.File, f.Line)
}

// foldedText writes what would end a frame or a line, for any reader, as \u and four hexadecimal digits, and a backslash as two.
func foldedText(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			out.WriteString(`\\`)
		case r == ';', unicode.IsControl(r), r == '\u2028', r == '\u2029':
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
