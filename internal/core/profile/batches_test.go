package profile_test

import (
	"testing"

	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/core/usage"
)

var _ usage.Classifier = (*profile.Batches)(nil)

func TestBatchesClassifyStacksAndTimeWithoutASample(t *testing.T) {
	c := profile.NewBatches(profile.Default())
	b := &usage.Batch{
		Strings: []string{"main", "CParserWrapper.read"},
		Files:   []usage.File{{Path: "/home/ana/flights.py", Class: "u"}, {Path: "/opt/lib/python3.11/site-packages/pandas/io/parsers/c_parser_wrapper.py", Class: "p"}},
		Frames:  []usage.Frame{{File: 0, Function: 0, Line: 3}, {File: 1, Function: 1, Line: 234}},
		Stacks:  [][]int{{0}, {0, 1}, {}},
	}
	for _, test := range []struct {
		stack                      int
		prefix, operation, library string
	}{
		{0, "main", "user", ""},
		{1, "main", "read.csv", "pandas"},
		{2, "read_parquet", "read.parquet", ""},
		{-1, "merge", "join", ""},
		{-1, "main", "unknown", ""},
	} {
		operation, library := c.Classify(b, test.stack, test.prefix)
		if operation != test.operation || library != test.library {
			t.Errorf("stack %d in %q: %s by %q, want %s by %q", test.stack, test.prefix, operation, library, test.operation, test.library)
		}
	}
	if c.Version() != profile.Default().Version() {
		t.Errorf("version %d, want that of the rules", c.Version())
	}
}
