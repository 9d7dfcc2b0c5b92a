package export_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/bill"
	"github.com/lineitem/lineitem/internal/core/usage"
	"github.com/lineitem/lineitem/internal/export"
)

// FuzzNames gives files, functions and operations any names, and reads them back from every format.
func FuzzNames(f *testing.F) {
	f.Add("/home/ana/flights.py", "<module>", "read.csv", "pandas", "df = 1", 7)
	f.Add(`C:\jobs\a;b.py`, "f;g\nh 12", "join\r", ";", "=1+1", 0)
	f.Add("cell:0a1b", "", "user", "", "-1\u2028\x00", 3)
	f.Add("\xff", "a\\u003bb", "unknown", "", "@x", -1)
	f.Fuzz(func(t *testing.T, file, function, operation, library, source string, line int) {
		at := usage.Line{File: file, Line: line, Function: function}
		created := usage.Line{File: file + "x", Line: line, Function: function}
		b := bill.Bill{ClusterID: "cl_1", Card: card, Total: 7, Lines: []bill.Line{{
			Line: at, Origin: created, Operation: operation, Library: library, Text: source, Cost: 7,
			Prefixes: []bill.Prefix{{Prefix: function, Cost: 7, ThreadMicros: 1}},
		}}}
		p := export.NewProfile(b)
		stack := p.Samples[0].Stack
		name := valid(function)
		if stack[1].File != valid(file) || (function != "" && stack[1].Name != name) || stack[1].Line != line || stack[1].Name == "" {
			t.Fatalf("stack %q of %q in %q", stack, function, file)
		}

		pprof := parsePprof(t, p).Sample[0].Location
		scope := readSpeedscope(t, p)
		folded := readFolded(t, p)
		if len(folded) != 1 || len(folded[0].stack) != len(stack) || len(pprof) != len(stack) || len(scope.Profiles[0].Samples[0]) != len(stack) {
			t.Fatalf("%d frames are %d of pprof, %d of speedscope, %v of folded text", len(stack), len(pprof), len(scope.Profiles[0].Samples[0]), folded)
		}
		for i, frame := range stack {
			if got := pprof[len(stack)-1-i].Line[0]; got.Function.Name != frame.Name || got.Function.Filename != frame.File || got.Line != int64(frame.Line) {
				t.Errorf("pprof has %q in %q at %d of %+v", got.Function.Name, got.Function.Filename, got.Line, frame)
			}
			if got := scope.Shared.Frames[scope.Profiles[0].Samples[0][i]]; got.Name != frame.Name || got.File != frame.File || got.Line != frame.Line {
				t.Errorf("speedscope has %+v of %+v", got, frame)
			}
			if got := unfold(t, folded[0].stack[i]); got != frame.String() {
				t.Errorf("folded text has %q of %q", got, frame)
			}
		}
		row := readCSV(t, b)[0]
		for column, want := range map[string]string{"file": file, "function": function, "operation": operation, "library": library, "text": source} {
			// Within a quoted cell, readers of CSV take either end of a line for the same.
			want = strings.ReplaceAll(valid(want), "\r\n", "\n")
			got := row[column]
			if strings.HasPrefix(got, "=") || strings.HasPrefix(got, "+") || strings.HasPrefix(got, "-") || strings.HasPrefix(got, "@") {
				t.Errorf("%s is a formula: %q", column, got)
			}
			if got != want && got != "'"+want {
				t.Errorf("%s is %q, want %q", column, got, want)
			}
		}
	})
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

var escape = regexp.MustCompile(`\\\\|\\u[0-9a-f]{4}`)

// unfold takes the escapes of folded text back.
func unfold(t *testing.T, s string) string {
	return escape.ReplaceAllStringFunc(s, func(found string) string {
		if found == `\\` {
			return `\`
		}
		n, err := strconv.ParseUint(found[2:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return string(rune(n))
	})
}
