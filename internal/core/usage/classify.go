package usage

import "strings"

// OperationUnknown is the class of work that no rule knows. Unknown is a class, not an absence.
const OperationUnknown = "unknown"

// Classifier names kinds of work by rules that have a version.
type Classifier interface {
	// Classify names what a stack of the batch was doing in a task of the prefix, and the top-level module that did it (empty for the user's own
	// code). The stack is an index in b.Stacks, -1 for time without a sample. The prefix is that of the sub-task where the stack stood within a
	// fused task, if that is known.
	Classify(b *Batch, stack int, prefix string) (operation, library string)
	// Version counts the rules: classes of different versions are not comparable.
	Version() int
}

// Unclassified is the Classifier that knows nothing.
type Unclassified struct{}

// Classify returns the unknown operation.
func (Unclassified) Classify(*Batch, int, string) (operation, library string) {
	return OperationUnknown, ""
}

// Version is 0, before all rules.
func (Unclassified) Version() int { return 0 }

// TaskPrefix returns the prefix of a task's name as Dask makes it: "read-csv" of "read-csv-5e1f0c…", "sum" of "('sum-5e1f0c…', 0)".
func TaskPrefix(name string) string {
	words := strings.Split(name, "-")
	first := words[0]
	if first == "" || !isLetter(first[0]) {
		first, _, _ = strings.Cut(first, ",")
		first = strings.Trim(first, `_'()"`)
	}
	prefix := first
	for _, word := range words[1:] {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r > 0x7f || !isLetter(byte(r)) }) || isToken(word) {
			break
		}
		prefix += "-" + word
	}
	return prefix
}

// isToken reports whether a word of letters is the short token of a hash and not part of a name.
func isToken(word string) bool {
	return len(word) == 8 && !strings.ContainsFunc(word, func(r rune) bool { return r < 'a' || r > 'f' })
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// classes remembers what a Classifier said within one batch: many samples share a stack.
type classes struct {
	of   Classifier
	seen map[classKey][2]string
}

type classKey struct {
	stack  int
	prefix string
}

func (c *classes) classify(b *Batch, stack int, prefix string) (operation, library string) {
	key := classKey{stack, prefix}
	if class, ok := c.seen[key]; ok {
		return class[0], class[1]
	}
	operation, library = c.of.Classify(b, stack, prefix)
	if operation == "" {
		operation = OperationUnknown
	}
	c.seen[key] = [2]string{operation, library}
	return operation, library
}
