package inventory

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lineitem/lineitem/internal/core/usage"
)

var separators = regexp.MustCompile(`[-_.]+`)

// NormalName is the name of a distribution as PEP 503 writes it: "scikit_learn" and "Scikit.Learn" are "scikit-learn".
func NormalName(name string) string {
	return strings.ToLower(separators.ReplaceAllString(strings.TrimSpace(name), "-"))
}

// Normal returns an environment with normal names, its packages in order, each once.
func Normal(e usage.Environment) usage.Environment {
	packages := make([]usage.Package, len(e.Packages))
	for i, p := range e.Packages {
		p.Name = NormalName(p.Name)
		packages[i] = p
	}
	slices.SortStableFunc(packages, comparePackages)
	e.Packages = slices.CompactFunc(packages, func(a, b usage.Package) bool { return comparePackages(a, b) == 0 })
	return e
}

func comparePackages(a, b usage.Package) int {
	return strings.Compare(a.Name+"\x00"+a.Version+"\x00"+a.Manager, b.Name+"\x00"+b.Version+"\x00"+b.Manager)
}

// modulesOfPackage returns the top-level modules that a package brings; where that is not known, the one that its name suggests.
func modulesOfPackage(p usage.Package) []string {
	if len(p.Modules) > 0 {
		return p.Modules
	}
	return []string{strings.ReplaceAll(p.Name, "-", "_")}
}
