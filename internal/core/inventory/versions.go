package inventory

import (
	"fmt"
	"regexp"
	"strings"

	pep440 "github.com/aquasecurity/go-pep440-version"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// maxRange bounds the text of a range.
const maxRange = 200

var comparison = regexp.MustCompile(`^\s*(?:===?|!=|~=|<=?|>=?)\s*[^\s=<>!~|]+\s*$`)

// Range is a set of versions, as PEP 440 writes it.
type Range struct {
	specifiers pep440.Specifiers
	all        bool
}

// ParseRange reads a range such as "<2" or ">=1.4,!=1.5.1"; an empty one holds every version. Pre-releases count: who asks who still has an old
// version wants to know of those too. Only, as PEP 440 has it, "<2" leaves out those of 2 itself.
func ParseRange(text string) (r Range, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Range{all: true}, nil
	}
	if len(text) > maxRange {
		return Range{}, badRange(text[:maxRange] + "…")
	}
	defer func() {
		if recover() != nil { // the library is not ours
			err = badRange(text)
		}
	}()
	for part := range strings.SplitSeq(text, ",") {
		if !comparison.MatchString(part) {
			return Range{}, badRange(text) // the library takes bare versions, "=", "||" and forgotten commas too
		}
	}
	specifiers, err := pep440.NewSpecifiers(text)
	if err != nil {
		return Range{}, badRange(text)
	}
	return Range{specifiers: specifiers}, nil
}

func badRange(text string) error {
	return errs.InvalidFields(errs.Field{Name: "version", Message: fmt.Sprintf(
		`%q is not a range of versions. Write comparisons separated by commas, as in "<2", "==1.7.6" or ">=1.4,<2" (PEP 440).`, text)})
}

// Contains tells whether a version is in the range; known is false where it does not follow PEP 440 and so cannot be compared.
func (r Range) Contains(version string) (in, known bool) {
	if r.all {
		return true, true
	}
	defer func() {
		if recover() != nil {
			in, known = false, false
		}
	}()
	v, err := pep440.Parse(version)
	if err != nil {
		return false, false
	}
	return r.specifiers.Check(v), true
}
