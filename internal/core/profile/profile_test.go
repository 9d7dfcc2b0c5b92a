package profile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/profile"
)

// stackCase is one stack of testdata and what it must be.
type stackCase struct {
	name, prefix string
	stack        []profile.Frame
	want         profile.Class
}

// readCases reads "case", "prefix", frames and "= operation library".
func readCases(t testing.TB, file string) []stackCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var cases []stackCase
	var c stackCase
	for number, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || word == "#":
		case word == "case":
			c = stackCase{name: fmt.Sprintf("%s:%d %s", file, number+1, rest)}
		case word == "prefix":
			c.prefix = rest
		case word == "=":
			c.want.Operation, c.want.Library, _ = strings.Cut(rest, " ")
			cases = append(cases, c)
		case word == "u" || word == "s" || word == "p":
			cut := strings.LastIndexByte(rest, ' ')
			c.stack = append(c.stack, profile.Frame{Class: word, File: rest[:cut], Function: rest[cut+1:]})
		default:
			t.Fatalf("%s:%d: %q is no case", file, number+1, line)
		}
	}
	return cases
}

func TestStacks(t *testing.T) {
	for _, file := range []string{"recorded.txt", "recorded_2024.txt", "written.txt"} {
		cases := readCases(t, file)
		if len(cases) < 30 {
			t.Errorf("%s has %d cases", file, len(cases))
		}
		for _, c := range cases {
			if got := profile.Default().Classify(c.stack, c.prefix); got != c.want {
				t.Errorf("%s: %q by %q, want %q by %q", c.name, got.Operation, got.Library, c.want.Operation, c.want.Library)
			}
		}
	}
}

func TestParseTellsWhatIsWrongInWhichLine(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", `no version`},
		{"version 1\nversion 2", "line 2: the version is given twice"},
		{"version zero", "line 1: a version is one whole number"},
		{"version 1\nread.csv pandas/**", "line 2: a rule stands below a level"},
		{"version 1\nlevel last", "line 2: a level is"},
		{"version 1\nlevel first\n\n# comment\nRead.CSV pandas/**", `line 5: "Read.CSV" is not an operation`},
		{"version 1\nlevel first\nread.csv", "line 3: a rule has"},
		{"version 1\nlevel first\nread.csv /usr/lib/x.py", `line 3: "/usr/lib/x.py" is not a path`},
		{"version 1\nlevel first\nread.csv pandas/** read,,write", "line 3: \"read,,write\" is not a list of functions"},
		{"version 1\nlevel first\nread.csv pandas/** read colour=red", `line 3: "colour=red" is not known`},
		{"version 1\nlevel first\nread.csv pandas/** library=a library=b", `line 3: "library=b" is not known`},
		{"version 1\nlevel prefix\ntrain.{module} train*", "line 3: a rule of level prefix"},
		{"version 1\nown pan/das", `line 2: "pan/das" is not the name of a module`},
		{"version 1\nlevel first\nown dask", "line 3: own stands before the first level"},
	} {
		if _, err := profile.Parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q", test.text, err, test.want)
		}
	}
}

func TestRulesDependOnLevelOrderAndPrefix(t *testing.T) {
	rules, err := profile.Parse(`version 7
own runner
level whole
outer a/whole.py
level first
inner a/**  dig
late  a/**  dig
named a/**  walk prefix=pay_*
level then
step a/**
level broad
wide b/**
level prefix
by_name pay-*
`)
	if err != nil {
		t.Fatal(err)
	}
	if rules.Version() != 7 {
		t.Errorf("version %d", rules.Version())
	}
	frame := func(file, function string) profile.Frame {
		return profile.Frame{File: "site-packages/" + file, Class: "p", Function: function}
	}
	for _, test := range []struct {
		name, prefix, want string
		stack              []profile.Frame
	}{
		{"the first of two rules", "", "inner", []profile.Frame{frame("a/x.py", "C.dig")}},
		{"a stronger level further out", "", "outer", []profile.Frame{frame("a/whole.py", "f"), frame("a/x.py", "dig")}},
		{"a weaker level further in", "", "inner", []profile.Frame{frame("a/x.py", "dig"), frame("b/x.py", "f")}},
		{"a prefix that a rule asks for", "pay-out", "named", []profile.Frame{frame("a/x.py", "walk")}},
		{"another prefix", "buy-out", "step", []profile.Frame{frame("a/x.py", "walk")}},
		{"a broad match of a package", "pay-out", "wide", []profile.Frame{frame("b/x.py", "f")}},
		{"only machinery", "pay-out", "by_name", []profile.Frame{frame("runner/x.py", "f")}},
		{"a lambda in a function", "", "inner", []profile.Frame{frame("a/x.py", "C.dig.<locals>.<lambda>")}},
		{"a function in a function", "", "step", []profile.Frame{frame("a/x.py", "C.dig.<locals>.helper")}},
	} {
		if got := rules.Classify(test.stack, test.prefix).Operation; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFamily(t *testing.T) {
	for operation, want := range map[string]string{
		"read.csv": "read", "storage": "read", "decompress": "read", "convert.string": "read", "write.storage": "write", "compress": "write",
		"groupby": "group", "sort": "group", "join": "move", "shuffle": "move", "train.xgboost": "train", "predict.sklearn": "train",
		"user": "python", "array": "other", "gpu.cudf": "other", "unknown": "other", "": "other",
	} {
		if got := profile.Family(operation); got != want {
			t.Errorf("Family(%q) = %q, want %q", operation, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("version 1\nown dask\nlevel first\nread.csv pandas/io/** read,C.* prefix=read* library={module}\n", "p", "/x/site-packages/pandas/io/a.py", "C.read", "read-csv")
	f.Add("version 1\nlevel broad\nx **/y*.py\nlevel prefix\ny *\n", "s", "<frozen importlib>", "<lambda>", "")
	f.Fuzz(func(t *testing.T, text, class, file, function, prefix string) {
		rules, err := profile.Parse(text)
		if err != nil {
			return
		}
		if rules.Version() < 1 {
			t.Errorf("rules without a version were accepted")
		}
		stack := []profile.Frame{{File: file, Class: class, Function: function}}
		first := rules.Classify(stack, prefix)
		if first.Operation == "" || strings.Contains(first.Operation, "{") {
			t.Errorf("operation %q", first.Operation)
		}
		if again := rules.Classify(stack, prefix); again != first {
			t.Errorf("%v, then %v", first, again)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	rules := profile.Default()
	cases := readCases(b, "recorded.txt")
	frames := 0
	for _, c := range cases {
		frames += len(c.stack)
	}
	b.Run("frames", func(b *testing.B) { // each frame looked up
		for b.Loop() {
			for _, c := range cases {
				rules.Classify(c.stack, c.prefix)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(cases)), "ns/stack")
		b.ReportMetric(float64(frames)/float64(len(cases)), "frames/stack")
	})
	b.Run("new frames", func(b *testing.B) { // never seen before: what a hostile agent sends
		n := 0
		for b.Loop() {
			n++
			rules.Site(profile.Frame{File: "site-packages/pandas/core/frame.py", Class: "p", Function: fmt.Sprint("DataFrame.method", n)})
		}
	})
	b.Run("sites", func(b *testing.B) { // frames looked up once for a batch
		stacks := make([][]*profile.Site, len(cases))
		for i, c := range cases {
			for _, f := range c.stack {
				stacks[i] = append(stacks[i], rules.Site(f))
			}
		}
		for b.Loop() {
			for i, c := range cases {
				rules.ClassifySites(stacks[i], c.prefix)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(cases)), "ns/stack")
	})
}
